"""Each permission that the table asks for is one that IAM has, with a resource of the form that IAM knows for it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from cfnlint.helpers import load_resource
from moto.core.utils import get_service_model

from localcloud.aws.account import ACCOUNT_ID, Account
from localcloud.aws.iam.actions import KNOWN, needs
from localcloud.aws.wire import Call

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
PARAMS: dict[str, Any] = {
    "RoleArn": f"arn:aws:iam::{ACCOUNT_ID}:role/r",
    "SecretId": f"arn:aws:secretsmanager:us-west-1:{ACCOUNT_ID}:secret:a-AbCdEf",
    "Name": "/a/b",
    "Names": ["/a/b"],
    "Path": "/a",
    "Bucket": "bucket",
    "Key": "key",
    "FunctionName": "function",
    "logGroupName": "/group",
    "logStreamName": "stream",
    "service": "service",
    "services": ["service"],
    "tasks": ["task"],
    "modelId": HAIKU,
    "TopicArn": f"arn:aws:sns:us-west-1:{ACCOUNT_ID}:topic",
    "Id": "E1",
    "resourceArn": f"arn:aws:rds:us-west-1:{ACCOUNT_ID}:cluster:gateway",
    "ServiceCode": "lambda",
    "QuotaCode": "L-B99A9384",
    "repositoryName": "a/b",
}


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """The Service Authorization Reference, as cfn-lint carries it: newer than parliament's copy."""
    import cfnlint.data.AdditionalSpecs

    return load_resource(cfnlint.data.AdditionalSpecs, "Policies.json")


def formats(reference: dict[str, Any], service: str, action: str) -> list[str]:
    known = reference[service]
    resources = known["Actions"][action.lower()].get("Resources") or []
    return [one for kind in resources for one in known["Resources"][kind.rstrip("*").lower()]["ARNFormats"]]


@pytest.mark.parametrize("key", sorted(KNOWN), ids="{0[0]}:{0[1]}".format)
def test_a_row_asks_for_what_iam_knows(reference: dict[str, Any], account: Account, key: tuple[str, str]) -> None:
    model = get_service_model(key[0]).operation_model(key[1])
    for need in needs(Call(account, key[0], model, "json", PARAMS, "us-west-1")):
        service, _, action = need.action.partition(":")
        assert action.lower() in reference[service]["Actions"], need.action
        patterns = formats(reference, service, action)
        if need.resource == "*":
            continue
        shapes = [re.sub(r"\\\$\\\{[^}]*\\\}", ".*", re.escape(one)).replace(r"\.\*", ".*") for one in patterns]
        assert any(re.fullmatch(shape, need.resource) for shape in shapes), (need, patterns)
