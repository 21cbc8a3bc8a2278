"""Access logs of a load balancer: the bucket must take them, or switching them on fails, as on AWS.

ELB writes a file into the bucket when they are switched on, to see that it may; so it is here. The logs themselves are
not written, see docs/local-cloud.md.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
"""

from __future__ import annotations

import json

from localcloud.aws.account import Account
from localcloud.aws.iam.authority import backend_of_s3
from localcloud.aws.iam.policy import Policies, Request, refusal
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

_ENABLED, _BUCKET, _PREFIX = "access_logs.s3.enabled", "access_logs.s3.bucket", "access_logs.s3.prefix"
_TEST_FILE = "ELBAccessLogTestFile"
# who may have been let in: ELB's account in the older regions, its service in every one
_SERVICE = "logdelivery.elasticloadbalancing.amazonaws.com"
_ACCOUNTS = {"us-west-1": "027434742980"}


def register(rules: Rules, account: Account, service: str) -> None:
    @rules.check(service, "ModifyLoadBalancerAttributes")
    def bucket_takes_them(call: Call) -> None:
        given = {one["Key"]: one.get("Value", "") for one in call.params["Attributes"]}
        if given.get("connection_logs.s3.enabled") == "true":
            raise Refusal(
                "InvalidConfigurationRequest",
                "The simulated ELB has no connection logs: nothing would arrive in the bucket. Leave them out of the "
                "local stack.",
            )
        if given.get(_ENABLED) == "true":
            _write_test_file(account, given.get(_BUCKET, ""), given.get(_PREFIX, ""))


def _write_test_file(account: Account, name: str, prefix: str) -> None:
    s3 = backend_of_s3(account)
    bucket = s3.buckets.get(name)
    if bucket is None or bucket.region_name != account.region:
        raise Refusal("InvalidConfigurationRequest", f"S3Bucket: {name} is not located in {account.region} or absent")
    key = "/".join(part for part in (prefix.strip("/"), "AWSLogs", account.account_id, _TEST_FILE) if part)
    policy = Policies((), resource=(json.loads(bucket.policy),) if bucket.policy else ())
    context = {"aws:securetransport": "true", "aws:sourceaccount": account.account_id}
    writers = [_SERVICE]
    if account.region in _ACCOUNTS:
        writers.append(f"arn:aws:iam::{_ACCOUNTS[account.region]}:root")
    requests = (Request(who, "s3:PutObject", f"arn:aws:s3:::{name}/{key}", None, context) for who in writers)
    if all(refusal(policy, request) is not None for request in requests):
        raise Refusal(
            "InvalidConfigurationRequest", f"Access Denied for bucket: {name}. Please check S3bucket permission"
        )
    s3.put_object(name, key, b"Enable AccessLog for ELB was successful")
