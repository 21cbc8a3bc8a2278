"""Config → frozen, validated settings. Every rule that can fail before anything is created is checked here or in the
modules that it calls, and all mistakes are reported at once, each as a sentence with the file and the key to change."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal

import pulumi
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from components import connections, fargate
from components.access_file import AccessSpec, load_access
from components.aurora import Capacity
from components.hours import OfficeHours
from components.lifetime import moment, span
from components.models import Model
from components.scaling import Autoscaling
from components.subnets import plan_subnets

# The load balancer's name is the prefix, and AWS takes 32 characters of letters, digits and hyphens.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
MAX_PREFIX = 32
# Versions below 1.84.0 have holes that are reachable through a gateway: CVE-2026-35029 (config update to RCE),
# -42208 (SQL injection before auth), -47101, -47102, -40217, -49468.
SAFE_LITELLM = (1, 84, 0)


class SettingsError(pulumi.RunError):
    """The config has mistakes. `problems` holds one sentence for each; the engine prints them without a traceback."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        super().__init__(
            f"The configuration has {count}; nothing was changed.\n" + "\n".join(f"  - {p}" for p in problems)
        )


def _vpc_cidr(value: str) -> str:
    plan_subnets(value)
    return value


def _cidr(value: str) -> str:
    IPv4Network(value)
    return value


def _not_everyone(value: str) -> str:
    if IPv4Network(value).prefixlen == 0:
        raise ValueError("opens the admin door to every address; name the networks that admins come from")
    return value


def _ttl(value: str) -> str:
    if value:
        span(value)
    return value


def _expires_at(value: str) -> str:
    if value:
        moment(value)
    return value


def _safe_image(value: str) -> str:
    """An image is named exactly, and not in a version with known holes."""
    if "@sha256:" in value:
        return value
    tag = value.rpartition(":")[2] if ":" in value.rpartition("/")[2] else ""
    version = re.match(r"v?(\d+)\.(\d+)\.(\d+)", tag)
    if not version:
        raise ValueError(
            "must end in an exact version such as :v1.108.7 or in a digest, so that a deployment can be repeated"
        )
    if tuple(int(part) for part in version.groups()) < SAFE_LITELLM:
        raise ValueError(
            f"is older than {'.'.join(map(str, SAFE_LITELLM))}, and those versions have known security holes"
        )
    return value


class Settings(BaseModel):
    """The stack's settings, as `Pulumi.yaml` declares them (there with description and default)."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, strict=True)

    vpc_cidr: Annotated[str, AfterValidator(_vpc_cidr)] = "10.20.0.0/16"
    egress: Literal["nat", "public"] = "nat"
    admin_cidrs: tuple[Annotated[str, AfterValidator(_cidr), AfterValidator(_not_everyone)], ...] = Field(
        (), strict=False
    )
    database: Literal["rds", "aurora", "none"] = "rds"
    database_capacity: Annotated[Capacity | None, BeforeValidator(lambda given: given or None)] = None
    database_standby: bool = False
    database_instance_class: Annotated[str, Field(pattern=r"^db\.[a-z0-9]+\.[a-z0-9]+$")] = "db.t4g.micro"
    database_engine_version: Annotated[str, Field(pattern=r"^\d+(\.\d+)?$")] = "15"
    database_storage: Annotated[int, Field(ge=20, le=65536)] = 20
    image: Annotated[str, AfterValidator(_safe_image)] = "ghcr.io/berriai/litellm:v1.108.7"
    task_cpu: int = 1024
    task_memory: int = 4096
    zones: Annotated[int, Field(ge=2, le=3)] = 2
    tasks: Annotated[int, Field(ge=1, le=200)] = 1
    autoscaling: Annotated[Autoscaling | None, BeforeValidator(lambda given: given or None)] = None
    spot_percent: Annotated[int, Field(ge=0, le=100)] = 0
    limits_per_process: bool = False
    cache: Literal["valkey", "none"] = "none"
    cache_node_type: Annotated[str, Field(pattern=r"^cache\.[a-z0-9]+\.[a-z0-9]+$")] = "cache.t4g.micro"
    cache_engine_version: Annotated[str, Field(pattern=r"^\d+\.\d+$")] = "9.1"
    cache_replicas: Annotated[int, Field(ge=0, le=5)] = 1
    response_cache_seconds: Annotated[int, Field(ge=0, le=86_400)] = 0
    migrations: Literal["start", "task"] = "start"
    database_pool: Annotated[int, Field(ge=1, le=100)] = 10
    models: Annotated[tuple[Model, ...], Field(min_length=1)] = Field(strict=False)
    domain_name: Annotated[
        str, Field(pattern=r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+)?$")
    ] = ""
    certificate_arn: Annotated[str, Field(pattern=r"^(arn:aws:acm:us-east-1:\d{12}:certificate/[0-9a-f-]+)?$")] = ""
    log_retention_days: Literal[
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
    ] = 30
    office_hours: Annotated[OfficeHours | None, BeforeValidator(lambda given: given or None)] = None
    alarm_email: Annotated[str, Field(pattern=r"^([^@\s]+@[^@\s]+\.[^@\s]+)?$")] = ""
    monthly_budget: Annotated[int, Field(ge=1)] = 150
    ttl: Annotated[str, AfterValidator(_ttl)] = ""
    expires_at: Annotated[str, AfterValidator(_expires_at)] = ""
    renewal: str = ""
    protect: bool = False

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        if self.task_cpu not in fargate.cpu_units():
            raise _at("taskCpu", f"is {self.task_cpu}; Fargate takes {_either(fargate.cpu_units())} (1024 is 1 vCPU)")
        sizes = fargate.memory_sizes(self.task_cpu)
        if self.task_memory not in sizes:
            step = sizes[1] - sizes[0]
            raise _at(
                "taskMemory",
                f"is {self.task_memory}; with taskCpu {self.task_cpu} Fargate takes {sizes[0]} to {sizes[-1]} MiB "
                f"in steps of {step}",
            )
        if bool(self.domain_name) != bool(self.certificate_arn):
            missing, given = ("certificateArn", "domainName") if self.domain_name else ("domainName", "certificateArn")
            raise _at(missing, f"is missing while {given} is set; the edge's own domain needs both")
        if self.ttl and self.expires_at:
            raise _at("expiresAt", "is set together with ttl; a stack ends at one time, so set one of them")
        if self.protect and (self.ttl or self.expires_at):
            raise _at(
                "protect", "keeps what the end of a lifetime would destroy; take ttl and expiresAt away, or protect"
            )
        if self.protect and self.office_hours:
            raise _at("officeHours", "would put a protected stack to sleep; take one of the two away")
        self._grows_well()
        names = [model.name for model in self.models]
        if double := sorted({name for name in names if names.count(name) > 1}):
            raise _at("models", f"has the name {double[0]} twice; every model needs a name of its own")
        return self

    def _grows_well(self) -> None:
        """Several tasks share limits, connections and hours."""
        if self.autoscaling and self.autoscaling.max_tasks < self.tasks:
            raise _at("autoscaling.maxTasks", f"is {self.autoscaling.max_tasks}, less than tasks ({self.tasks})")
        if self.autoscaling and self.office_hours:
            raise _at(
                "autoscaling", "and officeHours both say how many tasks run, against each other; take one of them away"
            )
        if self.response_cache_seconds and self.cache == "none":
            raise _at("responseCacheSeconds", "keeps answers in a cache, and there is none; set cache to valkey")
        if self.most_tasks > 1 and self.cache == "none" and not self.limits_per_process:
            raise _at(
                "tasks",
                f"lets {self.most_tasks} tasks run, and each would count rate limits and budgets by itself, so that "
                "they are multiplied; set cache to valkey, where they count together, or limitsPerProcess to true if "
                "that is meant",
            )
        if self.database_capacity and self.database != "aurora":
            raise _at("databaseCapacity", f"is Aurora's, and database is {self.database}; take one of them away")
        if self.migrations == "task" and self.database == "none":
            raise _at("migrations", "is task, and there is no database to migrate; leave it at start")
        held = self._connections_held()
        needed = connections.needed(self.most_tasks, self.database_pool)
        if held is not None and needed > held - connections.RESERVED:
            raise _at(
                "databasePool",
                f"is {self.database_pool}: {self.most_tasks} tasks, twice that during an update, would open {needed} "
                f"connections, and {self._database_size()} takes {held} of which {connections.RESERVED} are "
                "kept back; take a smaller pool, fewer tasks or a larger database",
            )

    def _database_size(self) -> str:
        units = self.capacity.max
        return f"Aurora with at most {units:g} ACU" if self.database == "aurora" else self.database_instance_class

    def _connections_held(self) -> int | None:
        """What the database takes; None where that isn't known."""
        if self.database == "aurora":
            return connections.aurora_limit(self.capacity.min, self.capacity.max)
        return connections.limit(self.database_instance_class) if self.database == "rds" else None

    @property
    def capacity(self) -> Capacity:
        """Aurora's, with its defaults."""
        return self.database_capacity or Capacity()

    @property
    def most_tasks(self) -> int:
        """How many tasks may run, apart from those that an update replaces."""
        return self.autoscaling.max_tasks if self.autoscaling else self.tasks

    @property
    def model_names(self) -> tuple[str, ...]:
        """The names under which clients call the models."""
        return tuple(model.name for model in self.models)


class Stack(BaseModel):
    """All that the program needs to know: which stack, where, its settings and who has access."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    project: str
    stack: str
    region: str
    settings: Settings
    access: AccessSpec

    @property
    def prefix(self) -> str:
        """Starts every physical name, such as `llm-gateway-poc`, so that two stacks fit in one account."""
        return f"{self.project}-{self.stack}"


def load(project: str, stack: str, config: Mapping[str, Any], root: Path) -> Stack:
    """Reads a stack's config (`{"llm-gateway:database": "rds", "aws:region": …}`) and `access/<stack>.yaml` below
    `root`.

    Values may be the strings that the engine hands over (JSON for everything that isn't text) or plain Python values.

    Raises:
        SettingsError: with every mistake, in the config and in the access file.
    """
    file = f"Pulumi.{stack}.yaml"
    own = {key.partition(":")[2]: value for key, value in config.items() if key.startswith(f"{project}:")}
    problems = _stack_problems(project, stack, file, config.get("aws:region"))
    settings = None
    try:
        settings = Settings.model_validate({key: _parse(key, value) for key, value in own.items()})
    except ValidationError as error:
        problems += [f"{file}: {project}:{_sentence(detail)}" for detail in error.errors()]
    access, mistakes = load_access(
        root / "access" / f"{stack}.yaml",
        models=settings.model_names if settings else _names_at_least(own),
        database=settings.database if settings else str(own.get("database", "rds")),
    )
    problems += [str(mistake) for mistake in mistakes]
    if problems or settings is None:
        raise SettingsError(problems)
    return Stack(project=project, stack=stack, region=str(config["aws:region"]), settings=settings, access=access)


def _stack_problems(project: str, stack: str, file: str, region: object) -> list[str]:
    prefix = f"{project}-{stack}"
    problems = []
    if not region:
        problems.append(f"{file}: aws:region is missing; set it to the region to deploy to, such as us-west-1.")
    if len(prefix) > MAX_PREFIX or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", prefix):
        problems.append(
            f"the stack's name {stack!r} doesn't fit; AWS names start with {project}-<stack>, which may have "
            f"{MAX_PREFIX} characters: "
            "lower-case letters, digits and single hyphens."
        )
    return problems


def _parse(key: str, value: Any) -> Any:
    """The engine hands every value over as text; what the schema doesn't type as a string is JSON."""
    field = next((f for name, f in Settings.model_fields.items() if to_camel(name) == key), None)
    if not isinstance(value, str) or field is None or isinstance(field.default, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _names_at_least(own: Mapping[str, Any]) -> tuple[str, ...]:
    """Model names to hold the access file against while another setting is wrong, so that both are reported in one
    run."""
    models = _parse("models", own.get("models"))
    entries = models if isinstance(models, (list, tuple)) else []
    return tuple(entry["name"] for entry in entries if isinstance(entry, dict) and isinstance(entry.get("name"), str))


class _Located(ValueError):
    def __init__(self, key: str, text: str) -> None:
        self.key = key
        super().__init__(text)


def _at(key: str, text: str) -> _Located:
    """A mistake of several settings together, reported at `key`."""
    return _Located(key, text)


def _either(values: tuple[Any, ...]) -> str:
    *most, last = [str(value) for value in values]
    return f"{', '.join(most)} or {last}" if most else last


def _sentence(detail: Any) -> str:
    """pydantic's error as `key is …; what to change.`"""
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
    given, context = detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "extra_forbidden":
            return _unknown(where)
        case "missing":
            return f"{where} is missing; set it."
        case "literal_error":
            return f"{where} is {given!r}; {_literal_hint(where, given, context['expected'])}"
        case "value_error" if isinstance(context["error"], _Located):
            return f"{context['error'].key} {context['error']}."
        case "value_error":
            return f"{where} is {given!r}, but {_plain(str(context['error']))}."
        case "string_pattern_mismatch":
            return f"{where} is {given!r}, which isn't of the form that it needs; see its description in Pulumi.yaml."
        case (
            "int_type"
            | "bool_type"
            | "string_type"
            | "tuple_type"
            | "list_type"
            | "model_type"
            | "dict_type"
            | "float_type"
        ):
            return f"{where} is {given!r}; it must be {_kind(detail['type'])}."
        case _:
            return f"{where} is {given!r}; {detail['msg'][0].lower()}{detail['msg'][1:]}."


def _unknown(where: str) -> str:
    own = where.rpartition(".")[2]
    owners = {"officeHours": OfficeHours, "autoscaling": Autoscaling, "databaseCapacity": Capacity}
    owner = Settings if "." not in where else owners.get(where.partition(".")[0], Model)
    names = [to_camel(name) for name in owner.model_fields]
    near = difflib.get_close_matches(own, names, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the options are {', '.join(sorted(names))}."
    return f"{where} is no option of this stack; {hint}"


def _literal_hint(where: str, given: object, expected: str) -> str:
    later = {("egress", "endpoints")}
    if (where, given) in later:
        return f"this version doesn't have it yet: set it to {expected}."
    return f"it must be {expected}."


def _plain(text: str) -> str:
    return text.rstrip(".").replace(
        "has host bits set", "has bits set behind the network's part; write the network's first address"
    )


def _kind(error_type: str) -> str:
    return {
        "int_type": "a whole number",
        "float_type": "a number",
        "bool_type": "true or false",
        "string_type": "text",
        "dict_type": "an object",
        "model_type": "an object",
    }.get(error_type, "a list")
