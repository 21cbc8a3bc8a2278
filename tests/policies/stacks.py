"""A stack that keeps to every policy, as plain data, to be broken one property at a time."""

from __future__ import annotations

import json
from typing import Any

from policies.model import Resource, Stack

TAGS = {"Project": "llm-gateway", "Stack": "poc", "ManagedBy": "pulumi"}
DENY = "function handler(event) { return { statusCode: 403 }; }"
GUARD = "function handler(event) { return event.request; }"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _behaviour(function: str, **more: Any) -> dict[str, Any]:
    return {
        "viewerProtocolPolicy": "redirect-to-https",
        "functionAssociations": [{"eventType": "viewer-request", "functionArn": function}],
        **more,
    }


GOOD: dict[str, tuple[str, dict[str, Any]]] = {
    "database": (
        "aws:rds/instance:Instance",
        {
            "publiclyAccessible": False,
            "storageEncrypted": True,
            "deletionProtection": False,
            "skipFinalSnapshot": True,
            "instanceClass": "db.t4g.micro",
            "allocatedStorage": 20,
            "storageType": "gp3",
            "tags": TAGS,
            "tagsAll": TAGS,
            "region": "us-east-1",
        },
    ),
    "parameters": (
        "aws:rds/parameterGroup:ParameterGroup",
        {"family": "postgres15", "parameters": [{"name": "rds.force_ssl", "value": "1"}]},
    ),
    "rule": (
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        {"referencedSecurityGroupId": "sg-1", "fromPort": 4000, "toPort": 4000},
    ),
    "group": ("aws:ec2/securityGroup:SecurityGroup", {"ingress": [{"cidrBlocks": ["10.0.0.0/8"]}]}),
    "alb": ("aws:lb/loadBalancer:LoadBalancer", {"internal": True, "enableDeletionProtection": False}),
    "deny": ("aws:cloudfront/function:Function", {"arn": "arn:deny", "code": DENY}),
    "guard": ("aws:cloudfront/function:Function", {"arn": "arn:guard", "code": GUARD}),
    "distribution": (
        "aws:cloudfront/distribution:Distribution",
        {
            "orderedCacheBehaviors": [
                _behaviour("arn:deny", pathPattern=pattern) for pattern in ("/user/*", "/key/*", "/model/*", "/spend/*")
            ],
            "defaultCacheBehavior": _behaviour("arn:guard"),
            "viewerCertificate": {"cloudfrontDefaultCertificate": True},
        },
    ),
    "config": ("aws:s3/bucket:Bucket", {"id": "bucket-1"}),
    "config-policy": (
        "aws:s3/bucketPolicy:BucketPolicy",
        {
            "bucket": "bucket-1",
            "policy": policy(
                {"Effect": "Deny", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
            ),
        },
    ),
    "role": (
        "aws:iam/role:Role",
        {"assumeRolePolicy": policy({"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}})},
    ),
    "access": (
        "aws:iam/rolePolicy:RolePolicy",
        {"policy": policy({"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::bucket-1/*"]})},
    ),
    "task": (
        "aws:ecs/taskDefinition:TaskDefinition",
        {"containerDefinitions": json.dumps([{"image": "ghcr.io/berriai/litellm:v1.108.7"}])},
    ),
    "logs": ("aws:cloudwatch/logGroup:LogGroup", {"retentionInDays": 30}),
}


def urn(type: str, name: str) -> str:
    return f"urn:pulumi:poc::llm-gateway::llm-gateway:gateway:Gateway${type}::{name}"


def stack(changes: dict[str, dict[str, Any]] | None = None, protect: tuple[str, ...] = (), without: str = "") -> Stack:
    """`GOOD` with some properties changed, some resources protected, and perhaps one left out."""
    resources = []
    for name, (type, props) in GOOD.items():
        if name != without:
            changed = {**props, **(changes or {}).get(name, {})}
            resources.append(Resource(type, name, urn(type, name), changed, name in protect))
    return Stack("poc", resources)
