"""What the components declare, seen through Pulumi's mocks."""

from __future__ import annotations

import json

import pytest

from components.allow_list import DENIED_PATTERNS, expanded
from localcloud.aws.firewall import managed_groups
from localcloud.aws.log_delivery import FIELDS
from tests.components.declared import ACCOUNT, Declared, declare


@pytest.fixture(scope="module")
def poc() -> Declared:
    return declare("poc")


def test_nothing_is_open_to_the_world(poc: Declared) -> None:
    ingress = poc.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    assert not [name for name, rule in ingress.items() if "cidrIpv4" in rule or "cidrIpv6" in rule]
    assert poc.one("aws:lb/loadBalancer:LoadBalancer")["internal"] is True
    assert poc.one("aws:rds/instance:Instance")["publiclyAccessible"] is False
    assert poc.one("aws:ecs/service:Service")["networkConfiguration"]["assignPublicIp"] is False
    assert not any(subnet.get("mapPublicIpOnLaunch") for subnet in poc.of("aws:ec2/subnet:Subnet").values())


def test_the_groups_form_exactly_the_designed_chain(poc: Declared) -> None:
    ingress = poc.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").values()
    assert {
        (rule["referencedSecurityGroupId"], rule["securityGroupId"], rule["fromPort"], rule["toPort"])
        for rule in ingress
    } == {
        ("sg-managed", "network-alb-id", 80, 80),
        ("network-relay-id", "network-alb-id", 8080, 8080),
        ("network-alb-id", "network-task-id", 4000, 4000),
        ("network-task-id", "network-database-id", 5432, 5432),
    }
    egress = poc.of("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule").values()
    assert {
        (rule["securityGroupId"], rule.get("referencedSecurityGroupId", rule.get("cidrIpv4")), rule["fromPort"])
        for rule in egress
    } == {
        ("network-relay-id", "network-alb-id", 8080),
        ("network-alb-id", "network-task-id", 4000),
        ("network-task-id", "network-database-id", 5432),
        ("network-task-id", "0.0.0.0/0", 443),
        ("network-relay-id", "0.0.0.0/0", 443),
    }


def test_admins_in_a_vpn_get_the_admin_door_and_no_other() -> None:
    rules = (
        declare("poc", adminCidrs=["10.8.0.0/16"])
        .of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
        .values()
    )
    assert [(rule["cidrIpv4"], rule["fromPort"], rule["toPort"]) for rule in rules if "cidrIpv4" in rule] == [
        ("10.8.0.0/16", 8080, 8080)
    ]


def test_one_list_feeds_the_guard_and_the_public_door(poc: Declared) -> None:
    rules = poc.of("aws:lb/listenerRule:ListenerRule").values()
    at_door = {
        (method, path)
        for rule in rules
        for path in rule["conditions"][0]["pathPattern"]["values"]
        for method in rule["conditions"][1]["httpRequestMethod"]["values"]
    }
    guard = poc.of("aws:cloudfront/function:Function")["edge-guard"]["code"]
    assert at_door == {(method, one.path) for one in expanded() for method in one.methods}
    assert all(json.dumps(f"{method} {path}") in guard for method, path in at_door if method != "OPTIONS")
    for rule in rules:
        [path], [transform] = rule["conditions"][0]["pathPattern"]["values"], rule["transforms"]
        assert transform["urlRewriteConfig"]["rewrite"] == {"regex": "^[^?]*", "replace": path}, "forwarded as written"
    assert {rule["listenerArn"].rpartition(":")[2] for rule in rules} == {"doors-public"}
    assert (
        poc.of("aws:lb/listener:Listener")["doors-public"]["defaultActions"][0]["fixedResponse"]["statusCode"] == "403"
    )


def test_the_edge_denies_by_itself_and_guards_the_rest(poc: Declared) -> None:
    distribution = poc.one("aws:cloudfront/distribution:Distribution")
    ordered = distribution["orderedCacheBehaviors"]
    assert [behaviour["pathPattern"] for behaviour in ordered] == list(DENIED_PATTERNS)
    functions = [behaviour["functionAssociations"] for behaviour in [*ordered, distribution["defaultCacheBehavior"]]]
    assert [f["functionArn"].rpartition(":")[2] for [f] in functions] == ["edge-deny"] * 4 + ["edge-guard"]
    assert {f["eventType"] for [f] in functions} == {"viewer-request"}
    assert {b["viewerProtocolPolicy"] for b in [*ordered, distribution["defaultCacheBehavior"]]} == {
        "redirect-to-https"
    }


def test_access_logs_are_an_option_and_keep_nothing_that_may_hold_a_key(poc: Declared) -> None:
    assert poc.of("aws:cloudwatch/logDelivery:LogDelivery") == {}
    logged = declare("poc", accessLogs=True, logRetentionDays=14)
    group = logged.of("aws:cloudwatch/logGroup:LogGroup")["access-logs-group"]
    assert (group["region"], group["retentionInDays"]) == ("us-east-1", 14)
    source = logged.one("aws:cloudwatch/logDeliverySource:LogDeliverySource")
    assert source["logType"] == "ACCESS_LOGS" and source["resourceArn"].endswith(":edge-distribution")
    fields = logged.one("aws:cloudwatch/logDelivery:LogDelivery")["recordFields"]
    assert {"c-ip", "cs-method", "cs-uri-stem", "sc-status", "time-to-first-byte"} <= set(fields) <= FIELDS
    assert not {"cs-uri-query", "cs(Cookie)", "cs(Referer)"} & set(fields)


def test_a_firewall_is_an_option_and_stops_no_prompt(poc: Declared) -> None:
    assert poc.of("aws:wafv2/webAcl:WebAcl") == {}
    assert not poc.one("aws:cloudfront/distribution:Distribution").get("webAclId")
    walled = declare("poc", waf=True, wafRateLimit=500)
    acl = walled.one("aws:wafv2/webAcl:WebAcl")
    assert (acl["scope"], acl["region"], acl["defaultAction"]) == ("CLOUDFRONT", "us-east-1", {"allow": {}})
    assert walled.one("aws:cloudfront/distribution:Distribution")["webAclId"].endswith(":firewall-acl")
    rate, *groups = acl["rules"]
    assert rate["statement"]["rateBasedStatement"] == {
        "limit": 500,
        "aggregateKeyType": "IP",
        "evaluationWindowSec": 300,
    }
    assert rate["action"]["block"]["customResponse"]["responseCode"] == 429
    counted = {
        override["name"]
        for group in groups
        for override in group["statement"]["managedRuleGroupStatement"]["ruleActionOverrides"]
        if override["actionToUse"] == {"count": {}}
    }
    body_rules = {name for group in managed_groups().values() for name in group["rules"] if name.endswith("_BODY")}
    assert body_rules - counted == {"ReactJSRCE_BODY"}, "of those that look at the body, one looks for its own exploit"
    configs = [acl["visibilityConfig"], *(rule["visibilityConfig"] for rule in acl["rules"])]
    assert not [c for c in configs if c["sampledRequestsEnabled"]], "samples would keep the callers' keys"


def test_a_domain_of_ones_own_comes_with_tls_1_2(poc: Declared) -> None:
    assert poc.one("aws:cloudfront/distribution:Distribution")["viewerCertificate"] == {
        "cloudfrontDefaultCertificate": True
    }
    arn = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/0-1"
    own = declare("poc", domainName="llm.example.com", certificateArn=arn)
    distribution = own.one("aws:cloudfront/distribution:Distribution")
    assert distribution["aliases"] == ["llm.example.com"]
    assert distribution["viewerCertificate"]["minimumProtocolVersion"] == "TLSv1.2_2021"
    assert own.outputs["gatewayUrl"] == "https://llm.example.com"


def test_secrets_reach_the_container_by_reference_only(poc: Declared) -> None:
    [container] = json.loads(poc.one("aws:ecs/taskDefinition:TaskDefinition")["containerDefinitions"])
    prefix = f"arn:aws:secretsmanager:us-west-1:{ACCOUNT}:secret:llm-gateway-poc"
    assert {secret["name"]: secret["valueFrom"] for secret in container["secrets"]} == {
        "LITELLM_MASTER_KEY": f"{prefix}/master-key-AbCdEf:::version-of-gateway-master-key",
        "LITELLM_SALT_KEY": f"{prefix}/salt-key-AbCdEf:::version-of-gateway-salt-key",
        "DATABASE_URL": f"{prefix}/database-AbCdEf:url::version-of-database-secret",
    }
    assert "generated-for" not in json.dumps(container)
    assert "generated-for" not in poc.one("aws:s3/bucketObjectv2:BucketObjectv2")["content"]


def test_the_task_may_invoke_exactly_the_configured_models(poc: Declared) -> None:
    policy = json.loads(poc.of("aws:iam/rolePolicy:RolePolicy")["gateway-task"]["policy"])
    invoked = [s["Resource"] for s in policy["Statement"] if "bedrock:InvokeModel" in s["Action"]]
    assert sum(len(resources) for resources in invoked) == 2 * (1 + 4)
    assert all("claude-haiku-4-5" in arn or "claude-sonnet-4-5" in arn for resources in invoked for arn in resources)


def test_a_changed_config_is_a_new_object_and_a_new_task_definition(poc: Declared) -> None:
    names = ("claude-haiku-4-5", "claude-sonnet-4-5")
    changed = [{"name": name, "bedrock": f"us.anthropic.{name}-20250929-v1:0"} for name in names]
    other = declare("poc", models=changed)
    keys = [one.one("aws:s3/bucketObjectv2:BucketObjectv2")["key"] for one in (poc, other)]
    assert keys[0] != keys[1]
    assert keys[1] in other.one("aws:ecs/taskDefinition:TaskDefinition")["containerDefinitions"]


def test_a_poc_leaves_nothing_behind_and_a_protected_stack_keeps_what_matters(poc: Declared) -> None:
    database = poc.one("aws:rds/instance:Instance")
    assert (database["skipFinalSnapshot"], database["deletionProtection"], database["deleteAutomatedBackups"]) == (
        True,
        False,
        True,
    )
    assert {secret["recoveryWindowInDays"] for secret in poc.of("aws:secretsmanager/secret:Secret").values()} == {0}
    assert poc.one("aws:s3/bucket:Bucket")["forceDestroy"] is True
    kept = declare("poc", protect=True)
    database = kept.one("aws:rds/instance:Instance")
    assert (database["skipFinalSnapshot"], database["deletionProtection"], database["finalSnapshotIdentifier"]) == (
        False,
        True,
        "llm-gateway-poc-final",
    )
    assert kept.one("aws:lb/loadBalancer:LoadBalancer")["enableDeletionProtection"] is True
    assert {secret["recoveryWindowInDays"] for secret in kept.of("aws:secretsmanager/secret:Secret").values()} == {7}


def test_the_database_is_the_guides(poc: Declared) -> None:
    database = poc.one("aws:rds/instance:Instance")
    said = (
        database["engine"],
        database["engineVersion"],
        database["instanceClass"],
        database["allocatedStorage"],
        database["storageType"],
    )
    assert said == ("postgres", "15", "db.t4g.micro", 20, "gp3")
    assert (database["dbName"], database["username"], database["storageEncrypted"]) == ("litellm", "litellm", True)
    assert poc.one("aws:rds/parameterGroup:ParameterGroup")["parameters"] == [{"name": "rds.force_ssl", "value": "1"}]


def test_everything_that_can_carry_tags_carries_the_stacks(poc: Declared) -> None:
    tagged = [r for r in poc.resources if r.typ.startswith("aws:") and "tags" in r.inputs]
    assert len(tagged) > 30
    assert all(
        r.inputs["tags"].items() >= {"Project": "llm-gateway", "Stack": "poc", "ManagedBy": "pulumi"}.items()
        for r in tagged
    )
    assert "Tags" not in poc.of("aws:iam/rolePolicy:RolePolicy")["gateway-task"]


def test_local_differs_from_the_poc_only_in_answers_and_the_admins_network() -> None:
    poc, local = declare("poc"), declare("local")
    names = [{(r.typ, r.name) for r in declared.resources} for declared in (poc, local)]
    assert {name for _, name in names[0] ^ names[1] if not name.endswith(("-poc", "-local"))} == {
        "network-admins-127.0.0.1-32"
    }


INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"


def ways_out(declared: Declared) -> dict[str, int]:
    """Type → how many, of what leads out of a VPC."""
    kinds = ("natGateway:NatGateway", "eip:Eip", "egressOnlyInternetGateway:EgressOnlyInternetGateway")
    return {kind.partition(":")[2]: len(declared.of(f"aws:ec2/{kind}")) for kind in kinds}


def test_behind_a_nat_gateway_nothing_has_a_way_of_its_own(poc: Declared) -> None:
    assert ways_out(poc) == {"NatGateway": 1, "Eip": 1, "EgressOnlyInternetGateway": 0}
    assert poc.one("aws:ec2/vpc:Vpc")["assignGeneratedIpv6CidrBlock"] is False
    assert not [name for name, subnet in poc.of("aws:ec2/subnet:Subnet").items() if "ipv6CidrBlock" in subnet]
    assert not [name for name, rule in poc.of(EGRESS).items() if "cidrIpv6" in rule]


def test_public_egress_needs_no_nat_gateway_and_opens_no_door() -> None:
    public, shipped = declare("poc", egress="public"), declare("poc")
    assert ways_out(public) == {"NatGateway": 0, "Eip": 0, "EgressOnlyInternetGateway": 1}
    placed = public.one("aws:ecs/service:Service")["networkConfiguration"]
    assert placed["assignPublicIp"] is True and all("public" in subnet for subnet in placed["subnets"])
    assert public.of(INGRESS) == shipped.of(INGRESS), "who may reach whom is the same"
    where = {"lb": "subnets", "rds": "subnetIds"}
    for kind, member in (("aws:lb/loadBalancer:LoadBalancer", "lb"), ("aws:rds/subnetGroup:SubnetGroup", "rds")):
        assert public.one(kind)[where[member]] == shipped.one(kind)[where[member]], "the rest stays in its subnets"


def test_with_public_egress_the_relay_goes_out_by_ipv6_alone() -> None:
    public = declare("poc", egress="public")
    functions = public.of("aws:lambda/function:Function").values()
    assert [function["vpcConfig"]["ipv6AllowedForDualStack"] for function in functions] == [True, True]
    blocks = {
        name: s["ipv6CidrBlock"] for name, s in public.of("aws:ec2/subnet:Subnet").items() if "ipv6CidrBlock" in s
    }
    assert blocks == {
        "network-private-usw1-az1": "2600:1f1c:abc:de00::/64",
        "network-private-usw1-az3": "2600:1f1c:abc:de01::/64",
    }
    assert public.of(EGRESS)["network-relay-to-aws-ipv6"]["cidrIpv6"] == "::/0"
    assert "network-relay-to-aws" not in public.of(EGRESS)
    routes = public.of("aws:ec2/route:Route")
    assert set(routes) == {"network-public-internet", "network-private-ipv6"}
    assert routes["network-private-ipv6"]["destinationIpv6CidrBlock"] == "::/0"
