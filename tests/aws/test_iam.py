"""IAM is enforced: a role's session and a user may do what their policies say, and are told in AWS's words if not."""

from __future__ import annotations

import itertools
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.aws.account import ACCESS_KEY_ID, Account
from tests.aws.callers import ROOT, Caller, allow, document, trust
from tests.aws.world import refused

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def secret(account: Account) -> str:
    return account.client("secretsmanager").create_secret(Name="iam/secret", SecretString="v")["ARN"]


def test_a_role_may_what_its_policy_allows_and_nothing_else(account: Account, role: Any, secret: str) -> None:
    other = account.client("secretsmanager").create_secret(Name=f"iam/{next(_numbers)}", SecretString="o")["ARN"]
    caller = role(allow("secretsmanager:GetSecretValue", secret), allow("ec2:DescribeVpcs"))
    secrets = caller.client("secretsmanager")
    assert secrets.get_secret_value(SecretId=secret)["SecretString"] == "v"
    assert secrets.get_secret_value(SecretId="iam/secret")["SecretString"] == "v", "by its name it is the same secret"
    words = ("assumed-role/caller-", "not authorized to perform: secretsmanager:GetSecretValue", other)
    with refused("AccessDeniedException", *words, "because no identity-based policy allows"):
        secrets.get_secret_value(SecretId=other)
    assert caller.client("ec2").describe_vpcs()["Vpcs"]
    with refused("UnauthorizedOperation", "ec2:DescribeSubnets", status=403):
        caller.client("ec2").describe_subnets()
    with refused("AccessDenied", "s3:ListBucket", status=403):
        caller.client("s3").list_objects_v2(Bucket="nobodys")


def test_what_nobody_has_a_row_for_is_refused_by_name(role: Any) -> None:
    """Even where the policy allows everything: its resource would be a guess."""
    with refused("AccessDenied", "sns", "CreateTopic", "actions.py"):
        role(allow("*")).client("sns").create_topic(Name="t")


def test_who_am_i_needs_no_permission(role: Any) -> None:
    assert role().client("sts").get_caller_identity()["Arn"].endswith("/session")


def test_the_administrator_is_a_user(account: Account) -> None:
    found = account.client("sts").get_caller_identity()
    assert (found["Arn"], found["Account"]) == (
        f"arn:aws:iam::{account.account_id}:user/local-admin",
        account.account_id,
    )


def test_a_wrong_secret_key_or_token_is_refused(account: Account, role: Any) -> None:
    caller = role(allow("*"))
    keys = caller._session.get_credentials()
    for other, code in (
        (Caller(account, keys.access_key, "wrong", keys.token), "SignatureDoesNotMatch"),
        (Caller(account, keys.access_key, keys.secret_key, "wrong"), "InvalidClientTokenId"),
        (Caller(account, keys.access_key, keys.secret_key), "InvalidClientTokenId"),
        (Caller(account, "AKIANOBODYSKEY000000", "secret"), "InvalidClientTokenId"),
        (Caller(account, ACCESS_KEY_ID, "wrong"), "SignatureDoesNotMatch"),
    ):
        with refused(code, status=403):
            other.client("sts").get_caller_identity()


def test_an_unsigned_request_is_refused(account: Account) -> None:
    from botocore import UNSIGNED

    client = boto3.client(
        "s3",
        endpoint_url=account.endpoint,
        region_name="us-west-1",
        config=Config(signature_version=UNSIGNED, proxies={}),
    )
    with pytest.raises(ClientError) as caught:
        client.list_buckets()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_user_with_keys_is_held_to_his_and_his_groups_policies(account: Account, secret: str) -> None:
    iam = account.client("iam")
    iam.create_user(UserName="ann")
    keys = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = Caller(account, keys["AccessKeyId"], keys["SecretAccessKey"]).client("secretsmanager")
    with refused("AccessDeniedException", "user/ann"):
        ann.get_secret_value(SecretId=secret)
    iam.create_group(GroupName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="p", PolicyDocument=document(allow("secretsmanager:*")))
    iam.add_user_to_group(GroupName="readers", UserName="ann")
    assert ann.get_secret_value(SecretId=secret)["SecretString"] == "v"
    iam.update_access_key(UserName="ann", AccessKeyId=keys["AccessKeyId"], Status="Inactive")
    with refused("InvalidClientTokenId"):
        ann.get_secret_value(SecretId=secret)


def test_a_permissions_boundary_takes_away(account: Account, role: Any, secret: str) -> None:
    iam = account.client("iam")
    arn = iam.create_policy(PolicyName="edge", PolicyDocument=document(allow("s3:*")))["Policy"]["Arn"]
    caller = role(allow("*"), PermissionsBoundary=arn)
    with refused("AccessDeniedException", "because no permissions boundary allows"):
        caller.client("secretsmanager").get_secret_value(SecretId=secret)


def test_resource_policies_count(account: Account, role: Any) -> None:
    s3, bucket = account.client("s3"), f"iam-{next(_numbers)}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": account.region})
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=b"v")
    caller = role(allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")).client("s3")
    assert caller.get_object(Bucket=bucket, Key="a b/ü")["Body"].read() == b"v"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    tls = {**deny, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    s3.put_bucket_policy(Bucket=bucket, Policy=document(tls))
    assert caller.get_object(Bucket=bucket, Key="a b/ü")["Body"].read() == b"v"
    s3.put_bucket_policy(Bucket=bucket, Policy=document(deny))
    with refused("AccessDenied", "explicit deny in a resource-based policy"):
        caller.get_object(Bucket=bucket, Key="a b/ü")


def test_a_role_is_assumed_by_whom_it_trusts(account: Account) -> None:
    iam, sts = account.client("iam"), account.client("sts")
    tasks = trust({"Service": "ecs-tasks.amazonaws.com"})
    arn = iam.create_role(RoleName=f"tasks-{next(_numbers)}", AssumeRolePolicyDocument=tasks)["Role"]["Arn"]
    with refused("AccessDenied", "sts:AssumeRole", arn, "trust policy"):
        sts.assume_role(RoleArn=arn, RoleSessionName="person")


def test_the_simulator_says_what_the_enforcement_does(account: Account) -> None:
    iam, name = account.client("iam"), f"simulated-{next(_numbers)}"
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust({"AWS": ROOT}))["Role"]["Arn"]
    deny = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(allow("s3:*"), deny))
    answer = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["s3:GetObject", "s3:PutObject", "sns:Publish"]
    )
    found = {one["EvalActionName"]: one["EvalDecision"] for one in answer["EvaluationResults"]}
    assert found == {"s3:GetObject": "allowed", "s3:PutObject": "explicitDeny", "sns:Publish": "implicitDeny"}
