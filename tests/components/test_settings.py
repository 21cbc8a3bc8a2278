"""Config mistakes are found before anything is created: one sentence each, with the file and the key, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic.alias_generators import to_camel

from components.allow_list import ALLOWED_PATHS
from components.settings import Settings, SettingsError, Stack, load
from tests.components.declared import ROOT, config_of

ACCESS = """
users:
  - email: lead@example.com
    budget: 200
    duration: monthly
"""


def load_with(tmp_path: Path, access: str = ACCESS, stack: str = "poc", **changes: Any) -> Stack:
    (tmp_path / "access").mkdir(exist_ok=True)
    (tmp_path / "access" / f"{stack}.yaml").write_text(access)
    return load("llm-gateway", stack, config_of("poc", **changes), tmp_path)


def problems(tmp_path: Path, access: str = ACCESS, **changes: Any) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_with(tmp_path, access, **changes)
    return caught.value.problems


def test_the_shipped_stacks_are_right() -> None:
    for stack in ("poc", "local", "scale"):
        loaded = load("llm-gateway", stack, config_of(stack), ROOT)
        assert loaded.settings.model_names == ("claude-haiku-4-5", "claude-sonnet-4-5")
        assert loaded.prefix == f"llm-gateway-{stack}"


def test_settings_are_frozen(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="frozen"):
        load_with(tmp_path).settings.vpc_cidr = "10.0.0.0/16"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"databse": "rds"}, "Pulumi.poc.yaml: llm-gateway:databse is no option of this stack; did you mean database?"),
        (
            {"vpcCidr": "10.0.0.0/28"},
            "poc.yaml: llm-gateway:vpcCidr is '10.0.0.0/28', but its size is /28 and must be between /16 and /23.",
        ),
        (
            {"vpcCidr": "10.0.0.5/16"},
            "llm-gateway:vpcCidr is '10.0.0.5/16', but 10.0.0.5/16 has bits set behind the network's part",
        ),
        (
            {"adminCidrs": ["0.0.0.0/0"]},
            "llm-gateway:adminCidrs[0] is '0.0.0.0/0', but opens the admin door to every address",
        ),
        ({"adminCidrs": "10.0.0.0/8"}, "llm-gateway:adminCidrs is '10.0.0.0/8'; it must be a list."),
        ({"egress": "none"}, "llm-gateway:egress is 'none'; it must be 'nat', 'public' or 'endpoints'."),
        (
            {"egress": "endpoints"},
            "llm-gateway:registryCredentialArn is missing: with egress endpoints the image comes by ECR's pull-through",
        ),
        ({"database": "mysql"}, "llm-gateway:database is 'mysql'; it must be 'rds', 'aurora', 'existing' or 'none'."),
        ({"databaseStorage": 5}, "llm-gateway:databaseStorage is 5; input should be greater than or equal to 20."),
        ({"databaseStorage": "many"}, "llm-gateway:databaseStorage is 'many'; it must be a whole number."),
        ({"protect": "yes"}, "llm-gateway:protect is 'yes'; it must be true or false."),
        (
            {"taskCpu": 1000},
            "llm-gateway:taskCpu is 1000; Fargate takes 512, 1024, 2048, 4096, 8192 or 16384 (1024 is 1 vCPU).",
        ),
        (
            {"taskMemory": 1024},
            "llm-gateway:taskMemory is 1024; with taskCpu 1024 Fargate takes 2048 to 8192 MiB in steps of 1024.",
        ),
        (
            {"image": "ghcr.io/berriai/litellm:main-latest"},
            "llm-gateway:image is 'ghcr.io/berriai/litellm:main-latest', but must end in an exact version",
        ),
        (
            {"image": "ghcr.io/berriai/litellm:v1.83.4"},
            "but is older than 1.84.0, and those versions have known security holes.",
        ),
        ({"models": []}, "llm-gateway:models is"),
        ({"models": None}, "llm-gateway:models is missing; set it."),
        (
            {"models": [{"name": "claude-haiku-4-5"}]},
            "llm-gateway:models[0] is {'name': 'claude-haiku-4-5'}, but claude-haiku-4-5 needs one of `bedrock` and",
        ),
        (
            {"models": [{"nam": "x", "bedrock": "a.b"}]},
            "llm-gateway:models[0].nam is no option of this stack; did you mean name?",
        ),
        ({"domainName": "llm.example.com"}, "llm-gateway:certificateArn is missing while domainName is set"),
        (
            {"allowedPaths": ["/v1/*"]},
            "llm-gateway:allowedPaths[0] is '/v1/*', but has a wildcard, and the public door takes literal paths only",
        ),
        (
            {"allowedPaths": ["default", "/key/generate"]},
            "allowedPaths[1] is '/key/generate', but would open POST /key/generate, which administers the gateway",
        ),
        ({"allowedPaths": ["/v1/model/info"]}, "would open GET /v1/model/info, which administers"),
        ({"allowedPaths": ["/anything/token"]}, "would open POST /{mcp_server_name}/token, which administers"),
        ({"allowedPaths": ["/ui"]}, "would open MOUNT /ui, which administers"),
        ({"allowedPaths": ["/ui/login/index.html"]}, "would open MOUNT /ui, which administers"),
        ({"allowedPaths": ["/v1/agents"]}, "would open GET /v1/agents, which administers"),
        ({"allowedPaths": ["/health/liveliness"]}, "would open GET /health/liveliness, which administers"),
        ({"allowedPaths": ["/openapi.json"]}, "would open GET/HEAD /openapi.json, which administers"),
        ({"allowedPaths": ["/v1/models/{model_id}"]}, "has a parameter, and the public door takes literal paths only"),
        ({"allowedPaths": ["/v1/batchs"]}, "LiteLLM 1.108.7 serves no such path; did you mean /v1/batches"),
        ({"allowedPaths": ["/v1/models/"]}, "isn't a path in its plain spelling"),
        ({"allowedPaths": ["/v1/../key/list"]}, "isn't a path in its plain spelling"),
        ({"allowedPaths": ["/v1/%6dodels"]}, "isn't a path in its plain spelling"),
        ({"allowedPaths": ["v1/models"]}, "isn't a path in its plain spelling"),
        ({"allowedPaths": []}, "llm-gateway:allowedPaths is [], but opens nothing; leave it out"),
        (
            {"allowedPaths": [f"/v1/models/model-{number}" for number in range(101)]},
            "needs 101 rules of the load balancer, which takes 100; leave out",
        ),
        (
            {"allowedPaths": [f"/v1/models/{'m' * 100}{number}" for number in range(90)]},
            "CloudFront takes 10240: shorten the allow-list",
        ),
        ({"waf": "on"}, "llm-gateway:waf is 'on'; it must be true or false."),
        ({"wafRateLimit": 5}, "llm-gateway:wafRateLimit is 5; input should be greater than or equal to 10."),
        ({"logRetentionDays": 31}, "llm-gateway:logRetentionDays is 31; it must be 1, 3, 5, 7"),
    ],
)
def test_a_mistake_is_one_sentence_with_the_key_to_change(
    tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    found = problems(tmp_path, **changes)
    assert any(sentence in problem for problem in found), found


def test_paths_are_added_to_the_shipped_list_or_take_its_place(tmp_path: Path) -> None:
    def public(*paths: str) -> tuple[str, ...]:
        return tuple(one.path for one in load_with(tmp_path, allowedPaths=list(paths)).settings.public_paths)

    shipped = tuple(ALLOWED_PATHS)
    assert tuple(one.path for one in load_with(tmp_path).settings.public_paths) == shipped
    assert public("default", "/v1/batches", "/v1/models") == (*shipped, "/v1/batches")
    assert public("/v1/chat/completions", "/v1/models/claude-haiku-4-5") == (
        "/v1/chat/completions",
        "/v1/models/claude-haiku-4-5",
    )


def test_all_mistakes_of_config_and_access_file_come_in_one_run(tmp_path: Path) -> None:
    access = """
users:
  - email: a@example.com
    budget: -5
  - email: A@example.com
keys:
  - alias: k1
    models: [gpt-9]
"""
    found = problems(tmp_path, access, vpcCidr="nonsense", taskCpu="many", colour="red")
    text = "\n".join(found)
    for part in ("vpcCidr", "taskCpu", "colour", "-5", "A@example.com", "gpt-9"):
        assert part in text, text
    assert all(problem.startswith(("Pulumi.poc.yaml:", "access/poc.yaml:")) for problem in found)


def test_users_without_a_database_are_an_error_that_says_so(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, database="none")
    assert "access/poc.yaml" in problem and "database" in problem


def test_a_missing_access_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"access/poc\.yaml"):
        load("llm-gateway", "poc", config_of("poc"), tmp_path)


@pytest.mark.parametrize("stack", ["Poc", "a-very-long-stack-name-of-mine", "pr_7", "-x"])
def test_a_stack_name_that_aws_would_refuse_is_refused_first(tmp_path: Path, stack: str) -> None:
    with pytest.raises(SettingsError, match="32 characters"):
        load_with(tmp_path, stack=stack)


def test_a_missing_region_is_named(tmp_path: Path) -> None:
    (tmp_path / "access").mkdir()
    (tmp_path / "access" / "poc.yaml").write_text(ACCESS)
    config = {key: value for key, value in config_of("poc").items() if key != "aws:region"}
    with pytest.raises(SettingsError, match="aws:region is missing"):
        load("llm-gateway", "poc", config, tmp_path)


def test_the_schema_declares_exactly_these_settings_with_these_defaults() -> None:
    schema = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    fields = {to_camel(name): field for name, field in Settings.model_fields.items()}
    assert schema.keys() == fields.keys()
    kinds = {"string": str, "integer": int, "boolean": bool}
    for name, entry in schema.items():
        assert entry["description"].strip(), name
        if "default" not in entry:
            assert fields[name].is_required(), name
            continue
        default = fields[name].default
        if entry["type"] == "object":  # the engine's schema has no null: an empty object stands for it
            assert (entry["default"], default) == ({}, None), name
            continue
        assert entry["default"] == (list(default) if isinstance(default, tuple) else default), name
        assert isinstance(default, kinds.get(entry["type"], tuple)), name


def test_a_wrong_path_is_one_mistake(tmp_path: Path) -> None:
    assert len(problems(tmp_path, allowedPaths=["/key/generate"])) == 1
