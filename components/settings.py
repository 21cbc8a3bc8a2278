"""Config → frozen, validated settings. Every rule that can fail before anything is created is checked here or in the
modules that it calls, and all mistakes are reported at once, each as a sentence with the file and the key to change."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Any, Literal

import pulumi
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel, to_snake

from components import allow_list, fargate, growth
from components.access_file import AccessSpec, load_access
from components.allow_list import OpenPath
from components.aurora import Capacity
from components.edge_code import guard_code
from components.firewall import LEAST_RATE, MOST_RATE
from components.hours import OfficeHours
from components.lifetime import moment, span
from components.mistakes import at, either, sentence
from components.models import Model, SecretRef, check_together
from components.own import OwnNetwork, checked_tags
from components.scaling import Autoscaling
from components.subnets import plan_subnets
from litellm_admin.shapes import is_object

# The load balancer's name is the prefix, and AWS takes 32 characters of letters, digits and hyphens.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
MAX_PREFIX = 32
# Versions below 1.84.0 have holes that are reachable through a gateway: CVE-2026-35029 (config update to RCE),
# -42208 (SQL injection before auth), -47101, -47102, -40217, -49468.
SAFE_LITELLM = (1, 84, 0)
_DOMAIN = r"^([a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+)?$"


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


def _fits_the_doors(paths: tuple[str, ...]) -> tuple[str, ...]:
    """As many paths as the load balancer has rules for and the guard has room for, and one at least."""
    if not paths:
        raise ValueError("opens nothing; leave it out for the shipped list, or name the paths to open")
    opened = allow_list.expanded(paths)
    needed = len(allow_list.rules(opened))
    if needed > allow_list.MOST_RULES:
        raise ValueError(
            f"needs {needed} rules of the load balancer, which takes {allow_list.MOST_RULES}; leave out what nobody "
            "calls"
        )
    guard_code(opened)
    return paths


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

    name_prefix: Annotated[str, Field(pattern=r"^([a-z][a-z0-9]*(-[a-z0-9]+)*)?$", max_length=MAX_PREFIX)] = ""
    tags: Annotated[
        dict[str, str] | None, BeforeValidator(lambda given: given or None), AfterValidator(checked_tags)
    ] = None
    permissions_boundary_arn: Annotated[str, Field(pattern=r"^(arn:aws:iam::(\d{12}|aws):policy/.+)?$")] = ""
    log_bucket: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$")] = ""
    network: Annotated[OwnNetwork | None, BeforeValidator(lambda given: given or None)] = None
    vpc_cidr: Annotated[str, AfterValidator(_vpc_cidr)] = "10.20.0.0/16"
    egress: Literal["nat", "public", "endpoints"] = "nat"
    registry_credential_arn: Annotated[
        str, Field(pattern=r"^(arn:aws:secretsmanager:[a-z0-9-]+:\d{12}:secret:ecr-pullthroughcache/.+)?$")
    ] = ""
    admin_cidrs: tuple[Annotated[str, AfterValidator(_cidr), AfterValidator(_not_everyone)], ...] = Field(
        (), strict=False
    )
    database: Literal["rds", "aurora", "existing", "none"] = "rds"
    database_url_secret_arn: SecretRef | Literal[""] = ""
    database_security_group_id: Annotated[str, Field(pattern=r"^(sg-[0-9a-f]+)?$")] = ""
    database_capacity: Annotated[Capacity | None, BeforeValidator(lambda given: given or None)] = None
    database_authentication: Literal["password", "iam"] = "password"
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
    allowed_paths: Annotated[
        tuple[Annotated[str, AfterValidator(allow_list.checked)], ...], AfterValidator(_fits_the_doors)
    ] = Field((allow_list.DEFAULT,), strict=False)
    domain_name: Annotated[str, Field(pattern=_DOMAIN)] = ""
    certificate_arn: Annotated[str, Field(pattern=r"^(arn:aws:acm:us-east-1:\d{12}:certificate/[0-9a-f-]+)?$")] = ""
    doors_domain_name: Annotated[str, Field(pattern=_DOMAIN)] = ""
    doors_certificate_arn: Annotated[
        str, Field(pattern=r"^(arn:aws:acm:[a-z0-9-]+:\d{12}:certificate/[0-9a-f-]+)?$")
    ] = ""
    hosted_zone_id: Annotated[str, Field(pattern=r"^([A-Z0-9]{1,32})?$")] = ""
    waf: bool = False
    waf_rate_limit: Annotated[int, Field(ge=LEAST_RATE, le=MOST_RATE)] = 3000
    access_logs: bool = False
    relay_holds_key: bool = True
    relay_concurrency: Annotated[int, Field(ge=0, le=100)] = 10
    log_retention_days: Literal[
        1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
    ] = 30
    roster_above: Annotated[int, Field(ge=0)] = 100
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
            raise at("taskCpu", f"is {self.task_cpu}; Fargate takes {either(fargate.cpu_units())} (1024 is 1 vCPU)")
        sizes = fargate.memory_sizes(self.task_cpu)
        if self.task_memory not in sizes:
            step = sizes[1] - sizes[0]
            raise at(
                "taskMemory",
                f"is {self.task_memory}; with taskCpu {self.task_cpu} Fargate takes {sizes[0]} to {sizes[-1]} MiB "
                f"in steps of {step}",
            )
        if self.ttl and self.expires_at:
            raise at("expiresAt", "is set together with ttl; a stack ends at one time, so set one of them")
        if self.protect and (self.ttl or self.expires_at):
            raise at(
                "protect", "keeps what the end of a lifetime would destroy; take ttl and expiresAt away, or protect"
            )
        if self.protect and self.office_hours:
            raise at("officeHours", "would put a protected stack to sleep; take one of the two away")
        self._named_well()
        growth.check_image(self)
        growth.check_own(self)
        growth.check(self)
        if wrong := check_together(self.models):
            raise at("models", wrong)
        if self.egress == "endpoints" and (others := [model.name for model in self.models if model.provider]):
            raise at(
                "egress", f"is endpoints, by which nothing outside of AWS is reached, and {others[0]} is answered there"
            )
        return self

    def _named_well(self) -> None:
        """A name needs a certificate; a certificate needs a name, or a zone in which ACM may prove it."""
        for name, certificate, whose in (
            ("domainName", "certificateArn", "the edge's own domain"),
            ("doorsDomainName", "doorsCertificateArn", "HTTPS at the doors"),
        ):
            named, certified = getattr(self, to_snake(name)), getattr(self, to_snake(certificate))
            if named and not certified and not self.hosted_zone_id:
                raise at(
                    certificate,
                    f"is missing while {name} is set; {whose} needs it, or hostedZoneId, in whose zone one is made",
                )
            if certified and not named:
                raise at(name, f"is missing while {certificate} is set; {whose} needs both")
        if self.hosted_zone_id and not self.domain_name and not self.doors_domain_name:
            raise at("hostedZoneId", "is set without a name to put there; set domainName, doorsDomainName or both")
        if self.domain_name and self.domain_name == self.doors_domain_name:
            raise at("doorsDomainName", "is the same as domainName; the doors need a name of their own")

    @property
    def capacity(self) -> Capacity:
        """Aurora's, with its defaults."""
        return self.database_capacity or Capacity()

    @property
    def most_tasks(self) -> int:
        """How many tasks may run, apart from those that an update replaces."""
        return self.autoscaling.max_tasks if self.autoscaling else self.tasks

    @property
    def public_paths(self) -> tuple[OpenPath, ...]:
        """The literal paths that the public may call, with their methods."""
        return allow_list.expanded(self.allowed_paths)

    @property
    def model_names(self) -> tuple[str, ...]:
        """The names under which clients call the models."""
        return tuple(name for model in self.models for name in (model.name, *model.aliases))


OWNERS: dict[str, type[BaseModel]] = {
    "": Settings,
    "models": Model,
    "network": OwnNetwork,
    "officeHours": OfficeHours,
    "autoscaling": Autoscaling,
    "databaseCapacity": Capacity,
}
"""What has options, by the option that it is the value of."""


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
        return self.settings.name_prefix or f"{self.project}-{self.stack}"

    @property
    def where(self) -> str:
        """Starts a sentence about one of the settings: the file and the project that it is to be changed in."""
        return f"Pulumi.{self.stack}.yaml: {self.project}:"


def load(project: str, stack: str, config: Mapping[str, Any], root: Path) -> Stack:
    """Reads a stack's config (`{"llm-gateway:database": "rds", "aws:region": …}`) and `access/<stack>.yaml` below
    `root`.

    Values may be the strings that the engine hands over (JSON for everything that isn't text) or plain Python values.

    Raises:
        SettingsError: with every mistake, in the config and in the access file.
    """
    file = f"Pulumi.{stack}.yaml"
    own = {key.partition(":")[2]: value for key, value in config.items() if key.startswith(f"{project}:")}
    problems = _stack_problems(project, stack, file, config.get("aws:region"), bool(own.get("namePrefix")))
    settings = None
    try:
        settings = Settings.model_validate({key: _parse(key, value) for key, value in own.items()})
    except ValidationError as error:
        problems += [f"{file}: {project}:{sentence(detail, OWNERS)}" for detail in error.errors()]
    region = config.get("aws:region")
    if settings and settings.doors_certificate_arn and f":acm:{region}:" not in settings.doors_certificate_arn:
        problems.append(
            f"{file}: {project}:doorsCertificateArn is in another region than the stack ({region}); a load balancer "
            "takes certificates of its own region only."
        )
    access, mistakes = load_access(
        root / "access" / f"{stack}.yaml",
        models=settings.model_names if settings else _names_at_least(own),
        database=settings.database if settings else str(own.get("database", "rds")),
    )
    problems += [str(mistake) for mistake in mistakes]
    if problems or settings is None:
        raise SettingsError(problems)
    return Stack(project=project, stack=stack, region=str(config["aws:region"]), settings=settings, access=access)


def _stack_problems(project: str, stack: str, file: str, region: object, named: bool) -> list[str]:
    prefix = f"{project}-{stack}"
    problems: list[str] = []
    if not region:
        problems.append(f"{file}: aws:region is missing; set it to the region to deploy to, such as us-west-1.")
    if not named and (len(prefix) > MAX_PREFIX or not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", prefix)):
        problems.append(
            f"the stack's name {stack!r} doesn't fit; AWS names start with {project}-<stack>, which may have "
            f"{MAX_PREFIX} characters: "
            "lower-case letters, digits and single hyphens. Or set namePrefix."
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
    entries: list[Any] = [*models] if isinstance(models, (list, tuple)) else []
    return tuple(entry["name"] for entry in entries if is_object(entry) and isinstance(entry.get("name"), str))
