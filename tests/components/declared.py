"""Runs the program against Pulumi's mocks and keeps what it declares."""

from __future__ import annotations

import asyncio
import base64
import json
import runpy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi.runtime import mocks
from pulumi.runtime.rpc import _special_secret_sig, _special_sig_key
from pulumi.runtime.stack import run_pulumi_func

from components.litellm.packed import pack

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT = "111122223333"
ROOT_SECRET = base64.b64encode(b"r" * 32).decode()


@dataclass
class Declared:
    """Resources by name and type, with the properties that the program set, and the stack's outputs."""

    resources: list[mocks.MockResourceArgs] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def of(self, type_: str) -> dict[str, dict[str, Any]]:
        """Name → properties of every resource of a type such as `aws:ec2/subnet:Subnet`."""
        return {r.name: _plain(r.inputs) for r in self.resources if r.typ == type_}

    def one(self, type_: str) -> dict[str, Any]:
        """The properties of the only resource of that type."""
        [properties] = self.of(type_).values()
        return properties

    def policies(self) -> list[dict[str, Any]]:
        """Every IAM policy document that the program declares: of its own roles, and for people's."""
        types = ("aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy")
        return [json.loads(properties["policy"]) for type_ in types for properties in self.of(type_).values()]


def _plain(value: Any) -> Any:
    """`value` without the wrapping that marks secrets on the wire."""
    if isinstance(value, dict):
        if value.get(_special_sig_key) == _special_secret_sig:
            return _plain(value["value"])
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


class Mocked(mocks.Mocks):
    """Answers as AWS would where the program goes on with a computed value."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self._declared.resources.append(args)
        service = args.typ.split(":")[1].partition("/")[0]
        arn = f"arn:aws:{service}:us-west-1:{ACCOUNT}:{args.name}"
        if args.typ == "aws:iam/role:Role":
            arn = f"arn:aws:iam::{ACCOUNT}:role/{args.inputs['name']}"
        if args.typ == "aws:secretsmanager/secret:Secret":
            arn = f"arn:aws:secretsmanager:us-west-1:{ACCOUNT}:secret:{args.inputs['name']}-AbCdEf"
        computed = {
            "arn": arn,
            "address": f"{args.name}.example",
            "port": args.inputs.get("port", 5432),
            "dnsName": "internal-alb.example",
            "domainName": "d111.cloudfront.example",
            "result": f"generated-for-{args.name}",
            "clusterResourceId": f"resource-of-{args.name}",
            "versionId": f"version-of-{args.name}",
            "allocationId": "eipalloc-1",
            "base64": ROOT_SECRET,
            "generations": pack({alias: {"generation": "g1"} for alias in args.inputs.get("keys", ())}),
            "arnSuffix": f"suffix/{args.name}",
            "primaryEndpointAddress": f"{args.name}.example",
            "zoneId": "Z-OF-AWS",
            "hostedZoneId": "Z-OF-CLOUDFRONT",
            "prefixListId": "pl-s3",
            "repositoryUrl": "cache.example/berriai/litellm",
            "certificateArn": f"arn:aws:acm:{args.inputs.get('region')}:{ACCOUNT}:certificate/{args.name}",
            "fqdn": f"{args.name}.example.com",
            "domainValidationOptions": [
                {
                    "domainName": "x",
                    "resourceRecordName": "_p.example.com",
                    "resourceRecordType": "CNAME",
                    "resourceRecordValue": "_v.acm-validations.aws",
                }
            ],
            "ipv6CidrBlock": "2600:1f1c:abc:de00::/56",
        }
        id = f"{args.name}-id"
        if args.typ == "aws:ecs/service:Service":  # its id is its ARN
            id = arn = f"arn:aws:ecs:us-west-1:{ACCOUNT}:service/{args.inputs['name']}/{args.inputs['name']}"
        # a dynamic resource names its outputs among its inputs
        return id, {**computed, **{name: one for name, one in args.inputs.items() if one is not None}}

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        match args.token:
            case "aws:index/getAvailabilityZones:getAvailabilityZones":
                return {
                    "names": ["us-west-1a", "us-west-1b", "us-west-1c"],
                    "zoneIds": ["usw1-az3", "usw1-az2", "usw1-az1"],
                    "id": "z",
                }
            case "aws:index/getCallerIdentity:getCallerIdentity":
                return {"accountId": ACCOUNT, "arn": "arn:aws:iam::1:root", "userId": "u", "id": ACCOUNT}
            case "aws:ec2/getSecurityGroup:getSecurityGroup":
                return {"id": "sg-managed", "name": "CloudFront-VPCOrigins-Service-SG"}
            case "aws:bedrock/getInferenceProfiles:getInferenceProfiles":
                return {"inferenceProfileSummaries": [_profile(id) for id in PROFILES]}
            case "aws:bedrockfoundation/getModels:getModels":
                return {"modelSummaries": [_model("amazon.nova-lite-v1:0")]}
            case "aws:route53/getZones:getZones":
                return {"id": "us-west-1", "ids": list(ZONES)}
            case "aws:route53/getZone:getZone":
                return {"id": args.args["zoneId"], "name": ZONES[args.args["zoneId"]], "privateZone": False}
            case "aws:servicequotas/getServiceQuota:getServiceQuota":
                return {"value": 1000.0}
            case token:
                raise AssertionError(f"the program calls {token}, which these mocks don't know")


# id → name; the first is the one of Pulumi.scale.yaml
ZONES = {"Z0123456789EXAMPLE": "example.com", "Z0123456789": "example.com", "Z0AMPLE": "ample.com"}
PROFILES = (
    "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "us.anthropic.claude-haiku-4-5-20250929-v1:0",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
)


def _profile(id: str) -> dict[str, Any]:
    model = id.partition(".")[2]
    regions = ("us-west-2", "us-east-1", "us-west-1", "us-east-2")
    return {
        "inferenceProfileId": id,
        "inferenceProfileArn": f"arn:aws:bedrock:us-west-1:{ACCOUNT}:inference-profile/{id}",
        "inferenceProfileName": id,
        "models": [{"modelArn": f"arn:aws:bedrock:{region}::foundation-model/{model}"} for region in regions],
        **dict.fromkeys(("createdAt", "updatedAt", "description", "status", "type"), ""),
    }


def _model(id: str) -> dict[str, Any]:
    lists = ("inferenceTypesSupporteds", "inputModalities", "outputModalities", "customizationsSupporteds")
    return {
        "modelId": id,
        "modelArn": f"arn:aws:bedrock:us-west-1::foundation-model/{id}",
        "modelName": id,
        "providerName": "Amazon",
        "responseStreamingSupported": True,
        **{name: [] for name in lists},
    }


def config_of(stack: str, **changes: Any) -> dict[str, str]:
    """The stack's config as the engine hands it over: schema defaults, the stack file, then `changes` (None
    removes)."""
    schema = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    values: dict[str, Any] = {
        f"llm-gateway:{key}": entry["default"] for key, entry in schema.items() if "default" in entry
    }
    values |= yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"]
    values |= {f"llm-gateway:{key}": value for key, value in changes.items()}
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
        if value is not None
    }


def declare(stack: str = "poc", answers: Callable[[Declared], mocks.Mocks] = Mocked, /, **changes: Any) -> Declared:
    """Everything that `pulumi up --stack <stack>` would register with `changes` to its config. `answers` stands for
    AWS."""
    declared = Declared()

    async def program() -> None:
        runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")

    async def run() -> None:
        await run_pulumi_func(lambda: asyncio.ensure_future(program()))

    exported: dict[str, pulumi.Output[Any]] = {}
    original = pulumi.export
    pulumi.export = exported.__setitem__  # type: ignore[assignment]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        # after the loop: the root stack's outputs belong to the loop that is current when the mocks are set
        # a root of its own, without the transformations that the last program registered
        pulumi.runtime.settings.ROOT.set(None)
        pulumi.runtime.set_mocks(answers(declared), project="llm-gateway", stack=stack, preview=False)
        pulumi.runtime.set_all_config(config_of(stack, **changes))
        loop.run_until_complete(run())
        for name, value in exported.items():
            declared.outputs[name] = loop.run_until_complete(pulumi.Output.from_input(value).future())
    finally:
        pulumi.export = original
        loop.close()
    return declared
