"""The proof of who calls, both sides of it, before an STS that checks signatures: the simulated account's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest
from botocore.credentials import ReadOnlyCredentials

from litellm_admin import proof
from localcloud.aws import server
from localcloud.aws.account import Account
from tests.relay.loading import load

ACCOUNT, REGION, RELAY = "555555555555", "us-west-1", "gw-relay"
REQUEST = json.dumps({"method": "POST", "path": "/user/delete", "body": {"user_ids": ["u-1"]}})


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    account = server.start(account_id=ACCOUNT)
    try:
        yield account
    finally:
        account.stop()


@pytest.fixture(scope="module")
def user(account: Account) -> ReadOnlyCredentials:
    """Alice, an IAM user with a key."""
    iam = account.client("iam")
    iam.create_user(UserName="alice")
    key = iam.create_access_key(UserName="alice")["AccessKey"]
    return ReadOnlyCredentials(key["AccessKeyId"], key["SecretAccessKey"], None)


@pytest.fixture(scope="module")
def session(account: Account) -> ReadOnlyCredentials:
    """Bob, in a role."""
    anybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
    role = account.client("iam").create_role(RoleName="admins", AssumeRolePolicyDocument=trust)["Role"]
    found = account.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="bob")["Credentials"]
    return ReadOnlyCredentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


@pytest.fixture
def caller(account: Account, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", account.endpoint)
    return load().caller


def identify(caller: ModuleType, given: Any, request: str = REQUEST, relay: str = RELAY, region: str = REGION) -> Any:
    return caller.identify(given, request, relay, region, ACCOUNT)


def test_a_user_and_a_session_are_known_by_their_arn(
    caller: ModuleType, user: ReadOnlyCredentials, session: ReadOnlyCredentials
) -> None:
    assert identify(caller, proof.prove(user, REGION, RELAY, REQUEST)).arn == f"arn:aws:iam::{ACCOUNT}:user/alice"
    given = proof.prove(session, REGION, RELAY, REQUEST)
    assert given["token"]
    assert identify(caller, given).arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/admins/bob"


def test_a_proof_is_good_for_one_request_at_one_relay(caller: ModuleType, user: ReadOnlyCredentials) -> None:
    given = proof.prove(user, REGION, RELAY, REQUEST)
    for request, relay in [(REQUEST.replace("u-1", "u-2"), RELAY), (REQUEST + " ", RELAY), (REQUEST, "other-relay")]:
        with pytest.raises(caller.Unproven, match="SignatureDoesNotMatch"):
            identify(caller, given, request, relay)
    assert identify(caller, given).arn


def test_somebody_elses_secret_or_session_token_proves_nothing(
    caller: ModuleType, user: ReadOnlyCredentials, session: ReadOnlyCredentials
) -> None:
    for stolen, code in [
        (ReadOnlyCredentials(user.access_key, "guessed", None), "SignatureDoesNotMatch"),
        (ReadOnlyCredentials("AKIANOBODYNOBODYNOBO", user.secret_key, None), "InvalidClientTokenId"),
        (ReadOnlyCredentials(session.access_key, session.secret_key, "guessed"), "InvalidClientTokenId"),
    ]:
        with pytest.raises(caller.Unproven, match=code) as caught:
            identify(caller, proof.prove(stolen, REGION, RELAY, REQUEST))
        assert caught.value.status == 401


def test_a_signature_that_leaves_a_header_out_is_refused(caller: ModuleType, user: ReadOnlyCredentials) -> None:
    """A signed GetCallerIdentity that somebody got hold of elsewhere, and that says nothing of this relay."""
    given = proof.prove(user, REGION, RELAY, REQUEST)
    for drop in ("x-llm-gateway-request", "x-llm-gateway-relay", "host", "x-amz-date", "content-type"):
        names = given["authorization"].split("SignedHeaders=")[1].split(",")[0]
        fewer = ";".join(name for name in names.split(";") if name != drop)
        with pytest.raises(caller.Unproven, match="must be a SigV4 signature"):
            identify(caller, {**given, "authorization": given["authorization"].replace(names, fewer)})


def test_an_old_proof_is_refused(
    caller: ModuleType, user: ReadOnlyCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    for shift, says in [(timedelta(minutes=-6), "6 minutes old"), (timedelta(minutes=6), "in the future")]:
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda shift=shift: datetime.now(UTC) + shift)
        with pytest.raises(caller.Unproven, match=says):
            identify(caller, proof.prove(user, REGION, RELAY, REQUEST))


@pytest.mark.parametrize(
    "change",
    [
        {"authorization": None},
        {"authorization": "Bearer x"},
        {"authorization": "AWS4-HMAC-SHA256 Credential=x"},
        {"date": "yesterday"},
        {"date": None},
        {"token": "a\r\nX-Evil: y"},
        {"token": 5},
        {"url": "https://evil.example"},
    ],
)
def test_a_proof_of_another_form_never_reaches_sts(
    caller: ModuleType, user: ReadOnlyCredentials, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    def asked(*_: Any) -> Any:
        raise AssertionError("STS was asked")

    monkeypatch.setattr(caller, "_ask_sts", asked)
    given = proof.prove(user, REGION, RELAY, REQUEST)
    for bad in ({**given, **change}, None, "x", [given]):
        with pytest.raises(caller.Unproven):
            identify(caller, bad)


def test_a_signature_for_another_service_or_region_is_refused(caller: ModuleType, user: ReadOnlyCredentials) -> None:
    given = proof.prove(user, "us-east-1", RELAY, REQUEST)
    with pytest.raises(caller.Unproven, match="for sts in us-west-1"):
        identify(caller, given)
    other = given["authorization"].replace("us-east-1/sts", "us-west-1/iam")
    with pytest.raises(caller.Unproven, match="for sts in us-west-1"):
        identify(caller, {**given, "authorization": other})


def test_both_sides_agree(caller: ModuleType) -> None:
    for name in ("BODY", "CONTENT_TYPE", "RELAY_HEADER", "REQUEST_HEADER"):
        assert getattr(caller, name) == getattr(proof, name)
    for region in ("us-west-1", "cn-north-1"):
        assert caller.sts_host(region) == proof.sts_host(region)
    assert replace(caller.Caller("a", "b"), arn="c").arn == "c"
