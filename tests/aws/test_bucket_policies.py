"""A bucket policy that demands TLS refuses nobody who comes by TLS, and one that denies denies."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from localcloud.aws.account import Account


def deny(bucket: str, condition: dict | None) -> str:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{bucket}/*"]}
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]}
    )


@pytest.mark.parametrize(
    ("condition", "passes"),
    [
        ({"Bool": {"aws:SecureTransport": "false"}}, True),
        ({"Bool": {"aws:SecureTransport": "true"}}, False),
        (None, False),
    ],
)
def test_a_deny_applies_where_its_condition_holds(account: Account, condition: dict | None, passes: bool) -> None:
    s3, bucket = account.client("s3"), f"bucket-{passes}-{bool(condition)}".lower()
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": account.region})
    s3.put_bucket_policy(Bucket=bucket, Policy=deny(bucket, condition))
    if passes:
        s3.put_object(Bucket=bucket, Key="k", Body=b"v")
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"
    else:
        with pytest.raises(ClientError, match=r"403|Forbidden|AccessDenied"):
            s3.put_object(Bucket=bucket, Key="k", Body=b"v")
