"""Callers of the simulated API other than its administrator: roles' sessions and users with keys."""

from __future__ import annotations

import itertools
import json
from typing import Any

import boto3
from botocore.config import Config

from localcloud.aws.account import Account

_numbers = itertools.count(1)
ROOT = "arn:aws:iam::333333333333:root"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def trust(principal: Any) -> str:
    return document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})


class Caller:
    """Somebody with keys. `client(service)` calls with them."""

    def __init__(self, account: Account, key: str, secret: str, token: str | None = None) -> None:
        self._session = boto3.session.Session(key, secret, token, region_name=account.region)
        self._endpoint = account.endpoint

    def client(self, service: str) -> Any:
        config = Config(proxies={}, retries={"mode": "standard", "total_max_attempts": 1}, signature_version="v4")
        config = config if service != "s3" else Config(proxies={}, signature_version="s3v4")
        return self._session.client(service, endpoint_url=self._endpoint, config=config)


def session_of_a_role(account: Account, *statements: dict[str, Any], **more: Any) -> Caller:
    """Makes a role with these statements, and a session of it."""
    name = f"caller-{next(_numbers)}"
    iam = account.client("iam")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}), **more)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
    found = account.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    return Caller(account, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
