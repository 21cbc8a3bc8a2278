"""AWS WAF: web ACLs come back whole, and what WAF refuses is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config

from localcloud.aws.account import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Account
from tests.aws.world import World, refused

VISIBLE = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": True, "MetricName": "m"}
RATE = {
    "Name": "rate",
    "Priority": 0,
    "Statement": {"RateBasedStatement": {"Limit": 100, "AggregateKeyType": "IP", "EvaluationWindowSec": 300}},
    "Action": {"Block": {"CustomResponse": {"ResponseCode": 429, "CustomResponseBodyKey": "b"}}},
    "VisibilityConfig": VISIBLE,
}
COMMON = {
    "Name": "common",
    "Priority": 1,
    "Statement": {
        "ManagedRuleGroupStatement": {
            "VendorName": "AWS",
            "Name": "AWSManagedRulesCommonRuleSet",
            "RuleActionOverrides": [{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}],
        }
    },
    "OverrideAction": {"None": {}},
    "VisibilityConfig": VISIBLE,
}
BODIES = {"b": {"ContentType": "APPLICATION_JSON", "Content": "{}"}}


@pytest.fixture
def waf(account: Account) -> Any:
    config = Config(proxies={}, parameter_validation=False)
    session = boto3.session.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name="us-east-1")
    return session.client("wafv2", endpoint_url=account.endpoint, config=config)


def made(waf: Any, name: str, *rules: Any, **changes: Any) -> dict[str, Any]:
    given = {
        "Name": name,
        "Scope": "CLOUDFRONT",
        "DefaultAction": {"Allow": {}},
        "Rules": list(rules),
        "VisibilityConfig": VISIBLE,
        "CustomResponseBodies": BODIES,
    }
    return waf.create_web_acl(**given | changes)["Summary"]


def test_a_web_acl_comes_back_whole(waf: Any) -> None:
    summary = made(waf, "whole", RATE, COMMON, Description="the edge")
    found = waf.get_web_acl(Name="whole", Scope="CLOUDFRONT", Id=summary["Id"])["WebACL"]
    assert found["Rules"] == [RATE, COMMON]
    assert (found["CustomResponseBodies"], found["Description"]) == (BODIES, "the edge")
    assert found["Capacity"] == 702
    assert ":global/webacl/whole/" in found["ARN"]


def test_a_web_acl_for_cloudfront_is_asked_for_in_its_region(waf: Any, account: Account) -> None:
    with refused("WAFInvalidParameterException", "us-east-1"):
        made(account.client("wafv2"), "elsewhere", RATE)
    with refused("WAFInvalidParameterException", "The scope is not valid"):
        account.client("wafv2").list_web_acls(Scope="CLOUDFRONT")


def changed(rule: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    copied = copy.deepcopy(rule)
    change(copied)
    return copied


@pytest.mark.parametrize(
    ("rules", "word"),
    [
        ([RATE, changed(COMMON, lambda r: r.update(Priority=0))], "the same Priority"),
        ([RATE, changed(COMMON, lambda r: r.update(Name="rate"))], "the same Name"),
        ([changed(RATE, lambda r: r["Statement"]["RateBasedStatement"].update(Limit=9))], "at least 10"),
        (
            [changed(RATE, lambda r: r["Statement"]["RateBasedStatement"].update(EvaluationWindowSec=90))],
            "60, 120, 300",
        ),
        ([changed(RATE, lambda r: r.pop("Action"))], "needs an Action"),
        ([changed(COMMON, lambda r: r.update(Action={"Block": {}}))], "no Action"),
        ([changed(COMMON, lambda r: r.pop("OverrideAction"))], "needs an OverrideAction"),
        (
            [changed(RATE, lambda r: r["Action"]["Block"]["CustomResponse"].update(CustomResponseBodyKey="c"))],
            "names the response body c",
        ),
        (
            [changed(COMMON, lambda r: r["Statement"]["ManagedRuleGroupStatement"].update(Name="AWSManagedRulesX"))],
            "AWSManagedRulesX",
        ),
        (
            [
                changed(
                    COMMON,
                    lambda r: r["Statement"]["ManagedRuleGroupStatement"]["RuleActionOverrides"][0].update(
                        Name="Size_BODY"
                    ),
                )
            ],
            "has no rule Size_BODY",
        ),
    ],
)
def test_rules_that_can_not_be(waf: Any, rules: list[Any], word: str) -> None:
    with refused("WAFInvalidParameterException", word):
        made(waf, "wrong", *rules)


def test_a_distribution_takes_a_web_acl_for_cloudfront_and_keeps_it(world: World, waf: Any, account: Account) -> None:
    summary = made(waf, "kept", RATE)
    regional = account.client("wafv2").create_web_acl(
        Name="regional", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=VISIBLE
    )["Summary"]
    distribution = world.cloudfront.create_distribution(DistributionConfig=world.distribution_config())["Distribution"]
    got = world.cloudfront.get_distribution_config(Id=distribution["Id"])
    for arn in (regional["ARN"], summary["ARN"].replace("kept", "gone")):
        with refused("InvalidWebACLId", arn):
            world.cloudfront.update_distribution(
                Id=distribution["Id"],
                IfMatch=got["ETag"],
                DistributionConfig=got["DistributionConfig"] | {"WebACLId": arn},
            )
    updated = world.cloudfront.update_distribution(
        Id=distribution["Id"],
        IfMatch=got["ETag"],
        DistributionConfig=got["DistributionConfig"] | {"WebACLId": summary["ARN"]},
    )
    with refused("WAFAssociatedItemException", distribution["Id"]):
        waf.delete_web_acl(Name="kept", Scope="CLOUDFRONT", Id=summary["Id"], LockToken=summary["LockToken"])
    world.cloudfront.update_distribution(
        Id=distribution["Id"], IfMatch=updated["ETag"], DistributionConfig=got["DistributionConfig"] | {"WebACLId": ""}
    )
    waf.delete_web_acl(Name="kept", Scope="CLOUDFRONT", Id=summary["Id"], LockToken=summary["LockToken"])
