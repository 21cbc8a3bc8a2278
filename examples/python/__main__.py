"""A platform team's own program: a gateway beside its other resources, with users and keys from a file."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.access import Access, AccessArgs
from components.access_file import load_access
from components.llm_gateway import LlmGateway

HAIKU = {"name": "claude-haiku-4-5", "bedrock": "us.anthropic.claude-haiku-4-5-20251001-v1:0"}

people, mistakes = load_access(Path(__file__).with_name("access.yaml"), models=[HAIKU["name"]], database="rds")
if mistakes:
    raise pulumi.RunError("\n".join(str(mistake) for mistake in mistakes))

gateway = LlmGateway("platform-llm", {"models": [HAIKU], "egress": "public"})
database = gateway.parts.database
access = Access(
    "access",
    AccessArgs(
        spec=people,
        relay=gateway.relay_function_name,
        region=aws.get_region().region,
        managed_by=f"{pulumi.get_project()}/{pulumi.get_stack()}",
        prefix="platform-llm",
        database=database.instance if database else None,
        ready=gateway.parts.ready,
    ),
)

# where the team's applications look it up
aws.ssm.Parameter("llm-address", name="/platform/llm-address", type="String", value=gateway.gateway_url)

pulumi.export("gatewayUrl", gateway.gateway_url)
pulumi.export("keys", access.keys)
