"""Pure rules of the components: address plan, zones, Fargate sizes, models and their ARNs, the allow-list."""

from __future__ import annotations

import json
from importlib import resources
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import fargate
from components.allow_list import ALLOWED_PATHS, DENIED_PATTERNS
from components.models import Model
from components.subnets import NARROWEST, WIDEST, plan_subnets
from components.zones import ZONES_WITHOUT_VPC_ORIGINS, Zone, choose_zones


@given(prefix=st.integers(WIDEST, NARROWEST), seed=st.integers(0, 2**24 - 1))
def test_subnets_lie_in_the_vpc_and_never_overlap(prefix: int, seed: int) -> None:
    vpc = IPv4Network(((10 << 24 | seed) >> (32 - prefix) << (32 - prefix), prefix))
    plan = plan_subnets(str(vpc))
    blocks = [IPv4Network(block) for tier in (plan.private, plan.public, plan.database) for block in tier]
    assert len(blocks) == 9
    assert all(block.subnet_of(vpc) for block in blocks)
    assert not any(a.overlaps(b) for i, a in enumerate(blocks) for b in blocks[:i])
    assert all(IPv4Network(block).prefixlen <= 27 for block in plan.private), "a load balancer's subnet is /27 or wider"
    assert all(block.prefixlen <= 28 for block in blocks), "AWS has no subnet narrower than /28"


@pytest.mark.parametrize("cidr", ["10.0.0.0/15", "10.0.0.0/24", "10.0.0.1/16", "ten", "10.0.0.0/33", "fd00::/64"])
def test_a_range_that_does_not_fit_is_refused(cidr: str) -> None:
    with pytest.raises(ValueError):
        plan_subnets(cidr)


@given(
    st.permutations([Zone("us-east-1a", "use1-az3"), Zone("us-east-1b", "use1-az1"), Zone("us-east-1c", "use1-az2")])
)
def test_zones_are_chosen_by_id_whatever_the_account_calls_them(available: list[Zone]) -> None:
    assert [zone.id for zone in choose_zones(available, 2)] == ["use1-az1", "use1-az2"]


def test_too_few_zones_name_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"sees 1 zones .*usw1-az1.* another region"):
        choose_zones([Zone("us-west-1a", "usw1-az2"), Zone("us-west-1b", "usw1-az1")], 2)


def test_zones_without_vpc_origins_have_the_form_of_zone_ids() -> None:
    assert {"usw1-az2", "use1-az3"} <= ZONES_WITHOUT_VPC_ORIGINS


def test_fargate_sizes_are_those_of_cfn_lint() -> None:
    """cfn-lint keeps Fargate's pairs as a JSON schema; every pair of ours must validate against it, and no more
    exist."""
    import jsonschema

    schema = json.loads(
        (
            resources.files("cfnlint.data.schemas.extensions.aws_ecs_taskdefinition") / "fargate_cpu_memory.json"
        ).read_text()
    )
    validator = jsonschema.Draft7Validator(schema)

    def accepts(cpu: int, memory: int) -> bool:
        return validator.is_valid({"RequiresCompatibilities": ["FARGATE"], "Cpu": str(cpu), "Memory": memory})

    assert not accepts(1024, 1000), "the schema refuses what Fargate hasn't got"
    for cpu in fargate.cpu_units():
        assert all(accepts(cpu, memory) for memory in fargate.memory_sizes(cpu)), cpu
        assert not accepts(cpu, fargate.memory_sizes(cpu)[-1] + 1024)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"bedrock": None}, "one of `bedrock` and `provider`"),
        ({"provider": "openai/gpt-5.1"}, "one of `bedrock` and `provider`"),
        ({"bedrock": None, "provider": "bedrock/us.amazon.nova-pro-v1:0"}, "given by `bedrock`"),
        ({"secrets": {"api_key": "arn:aws:secretsmanager:us-west-1:111122223333:secret:k-AbCdEf"}}, "task's role"),
        ({"bedrock": None, "provider": "openai/gpt-5.1", "secrets": {"api_key": "sk-1"}}, "pattern"),
        ({"fallbacks": ("m",)}, "falls back to itself"),
        ({"params": {"api_key": "x"}}, "credential"),
        ({"params": {"model": "x"}}, "leave it out"),
        ({"bedrock": "haiku"}, "pattern"),
    ],
)
def test_a_model_that_cannot_work_is_refused(entry: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Model(**{"name": "m", "bedrock": "us.anthropic.claude-haiku-4-5-20251001-v1:0", **entry})


def test_allowed_paths_are_literal_and_reach_nothing_that_is_denied() -> None:
    for path, reason in ALLOWED_PATHS.items():
        assert path.startswith("/") and not set(path) & set("*?%\\;.~ ") and "//" not in path and not path.endswith("/")
        assert reason
        assert not any(path.startswith(pattern.rstrip("*").rstrip("/") + "/") for pattern in DENIED_PATTERNS)
    assert "/v1/chat/completions" in ALLOWED_PATHS
    assert DENIED_PATTERNS == ("/user/*", "/key/*", "/model/*", "/spend/*")
