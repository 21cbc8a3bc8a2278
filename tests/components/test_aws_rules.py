"""AWS's own rules, checked against the data of cfn-lint, botocore and parliament: a simulated AWS accepts what AWS
refuses."""

from __future__ import annotations

import json
import re
from typing import Any

import botocore.session
import pytest
from cfnlint.api import ManualArgs, lint

from components.doors import IDLE_SECONDS
from components.edge import ALL_VIEWER_EXCEPT_HOST, CACHING_DISABLED, ORIGIN_READ_SECONDS, SECURITY_HEADERS
from components.litellm_config import KEEPALIVE_SECONDS
from components.network import TASK_PORT
from tests.components.declared import Declared, declare


@pytest.fixture(scope="module")
def poc() -> Declared:
    return declare("poc", waf=True, accessLogs=True)


def pascal(value: Any) -> Any:
    """Pulumi's camelCase as CloudFormation's PascalCase."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: pascal(inner) for key, inner in value.items()}
    return [pascal(inner) for inner in value] if isinstance(value, list) else value


def renamed(properties: dict[str, Any], names: dict[str, str | None]) -> dict[str, Any]:
    """`properties` in PascalCase under CloudFormation's `names`; None drops one that it doesn't have."""
    return {names.get(key, key): value for key, value in pascal(properties).items() if names.get(key, key) is not None}


def template_of(poc: Declared) -> dict[str, Any]:
    """The parts of the stack that cfn-lint knows sizes, versions and enums for, as a CloudFormation template."""
    database = renamed(
        poc.one("aws:rds/instance:Instance"),
        {
            "Identifier": "DBInstanceIdentifier",
            "InstanceClass": "DBInstanceClass",
            "DbName": "DBName",
            "Username": "MasterUsername",
            "Password": "MasterUserPassword",
            "DbSubnetGroupName": "DBSubnetGroupName",
            "VpcSecurityGroupIds": "VPCSecurityGroups",
            "ParameterGroupName": "DBParameterGroupName",
            "ApplyImmediately": None,
            "SkipFinalSnapshot": None,
            "Tags": None,
        },
    ) | {"AllocatedStorage": "20"}
    task = renamed(poc.one("aws:ecs/taskDefinition:TaskDefinition"), {"Tags": None})
    task["ContainerDefinitions"] = pascal(json.loads(task["ContainerDefinitions"]))
    for container in task["ContainerDefinitions"]:
        container["LogConfiguration"]["Options"] = {
            key[:1].lower() + key[1:]: value for key, value in container["LogConfiguration"]["Options"].items()
        }
    relay = poc.of("aws:lambda/function:Function")["relay-function"]
    function = renamed(relay, {"Name": "FunctionName", "VpcConfig": None, "Tags": None})
    function["Code"] = {"ZipFile": "pass"}
    function["Environment"] = {"Variables": relay["environment"]["variables"]}
    parameters = poc.one("aws:rds/parameterGroup:ParameterGroup")
    resources = {
        "Database": ("AWS::RDS::DBInstance", database),
        "Parameters": (
            "AWS::RDS::DBParameterGroup",
            {
                "Family": parameters["family"],
                "Description": "x",
                "Parameters": {p["name"]: p["value"] for p in parameters["parameters"]},
            },
        ),
        "Task": ("AWS::ECS::TaskDefinition", task),
        "Relay": ("AWS::Lambda::Function", function),
    }
    for number, group in enumerate(poc.of("aws:cloudwatch/logGroup:LogGroup").values()):
        resources[f"Logs{number}"] = (
            "AWS::Logs::LogGroup",
            {"LogGroupName": group["name"], "RetentionInDays": int(group["retentionInDays"])},
        )
    return {
        "Resources": {
            name: {"Type": type_, "Properties": properties} for name, (type_, properties) in resources.items()
        }
    }


def errors(template: dict[str, Any]) -> list[str]:
    return [
        str(match)
        for match in lint(json.dumps(template), config=ManualArgs(regions=["us-west-1"]))
        if match.rule.id.startswith("E")
    ]


def test_cfn_lint_finds_no_error_in_sizes_versions_and_enums(poc: Declared) -> None:
    assert errors(template_of(poc)) == []


@pytest.mark.parametrize(
    ("resource", "key", "wrong"),
    [
        ("Database", "DBInstanceClass", "db.t9.micro"),
        ("Task", "Memory", "1000"),
        ("Relay", "Runtime", "python2.7"),
        ("Logs0", "RetentionInDays", 31),
    ],
)
def test_cfn_lint_would_have_found_it(poc: Declared, resource: str, key: str, wrong: Any) -> None:
    template = template_of(poc)
    template["Resources"][resource]["Properties"][key] = wrong
    assert errors(template)


def test_iam_actions_and_resources_exist(poc: Declared) -> None:
    from parliament import analyze_policy_string

    policies = poc.policies()
    assert len(policies) == 7
    for policy in policies:
        # parliament's data of Bedrock knows no inference profiles, and CloudWatch Logs' ARNs differ from its in ':*'
        found = [
            f
            for f in analyze_policy_string(json.dumps(policy)).findings
            if f.issue not in ("RESOURCE_MISMATCH", "RESOURCE_STAR")
        ]
        assert [str(finding) for finding in found] == []
    broken = json.loads(json.dumps(policies[0]))
    broken["Statement"][0]["Action"] = "secretsmanager:ReadSecret"
    assert analyze_policy_string(json.dumps(broken)).findings


def test_no_policy_grants_more_than_named_resources(poc: Declared) -> None:
    """The exceptions: what AWS takes no narrower resource for (Lambda's interfaces of the two relays, and what `doctor`
    describes), and tasks, whose names can't be known, held to one cluster."""
    wide = [s for policy in poc.policies() for s in policy["Statement"] if s["Resource"] == "*"]
    interfaces = [s for s in wide if all(action.startswith("ec2:") for action in s["Action"])]
    tasks = [s for s in wide if s.get("Sid") == "DiagnoseTasks"]
    described = [s for s in wide if s.get("Sid") == "DiagnoseNetwork"]
    assert (len(interfaces), len(tasks), len(described)) == (2, 2, 2)
    assert len(wide) == 6
    assert all("ecs:cluster" in s["Condition"]["ArnEquals"] for s in tasks)
    assert all(action.partition(":")[2].startswith("Describe") for s in described for action in s["Action"])
    actions = [
        a
        for policy in poc.policies()
        for s in policy["Statement"]
        for a in (s["Action"] if isinstance(s["Action"], list) else [s["Action"]])
    ]
    assert not [action for action in actions if "*" in action]


@pytest.mark.parametrize(
    ("service", "operation", "member", "type_", "key"),
    [
        ("elbv2", "CreateLoadBalancer", "Name", "aws:lb/loadBalancer:LoadBalancer", "name"),
        ("ecs", "CreateCluster", "clusterName", "aws:ecs/cluster:Cluster", "name"),
        ("lambda", "CreateFunction", "FunctionName", "aws:lambda/function:Function", "name"),
        ("iam", "CreateRole", "RoleName", "aws:iam/role:Role", "name"),
        ("iam", "CreateRole", "Description", "aws:iam/role:Role", "description"),
        ("secretsmanager", "CreateSecret", "Name", "aws:secretsmanager/secret:Secret", "name"),
        ("iam", "CreatePolicy", "PolicyName", "aws:iam/policy:Policy", "name"),
        ("iam", "CreatePolicy", "Description", "aws:iam/policy:Policy", "description"),
        ("ssm", "PutParameter", "Name", "aws:ssm/parameter:Parameter", "name"),
        ("ssm", "PutParameter", "Value", "aws:ssm/parameter:Parameter", "insecureValue"),
        ("logs", "CreateLogGroup", "logGroupName", "aws:cloudwatch/logGroup:LogGroup", "name"),
        ("cloudfront", "CreateFunction", "Name", "aws:cloudfront/function:Function", "name"),
        ("logs", "PutDeliverySource", "name", "aws:cloudwatch/logDeliverySource:LogDeliverySource", "name"),
        (
            "logs",
            "PutDeliveryDestination",
            "name",
            "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination",
            "name",
        ),
        ("wafv2", "CreateWebACL", "Name", "aws:wafv2/webAcl:WebAcl", "name"),
        ("wafv2", "CreateWebACL", "Description", "aws:wafv2/webAcl:WebAcl", "description"),
    ],
)
def test_names_fit_what_botocore_knows_of_them(
    poc: Declared, service: str, operation: str, member: str, type_: str, key: str
) -> None:
    shape = (
        botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape.members[member]
    )
    named = poc.of(type_)
    assert named
    for properties in named.values():
        value = properties[key]
        assert len(value) <= shape.metadata.get("max", 10_000)
        if pattern := shape.metadata.get("pattern"):
            assert (
                re.search(pattern.replace("\\p{", "\\P{") if "\\p{" in pattern else pattern, value) or "\\p{" in pattern
            )


def test_names_fit_limits_that_no_model_has(poc: Declared) -> None:
    assert re.fullmatch(r"[A-Za-z0-9-]{1,32}", poc.one("aws:lb/loadBalancer:LoadBalancer")["name"])
    assert len(poc.one("aws:lb/targetGroup:TargetGroup")["namePrefix"]) <= 6, (
        "Terraform's provider takes six characters"
    )
    assert re.fullmatch(r"[a-z](-?[a-z0-9]){0,62}", poc.one("aws:rds/instance:Instance")["identifier"])
    assert re.fullmatch(r"[a-z0-9.-]{3,63}", poc.one("aws:s3/bucket:Bucket")["bucket"])
    for group in poc.of("aws:ec2/securityGroup:SecurityGroup").values():
        assert not group["name"].startswith("sg-") and re.fullmatch(
            r"[\w .:/()#,@\[\]+=&;{}!$*-]{1,255}", group["description"]
        )


def test_two_zones_for_load_balancer_database_and_tasks(poc: Declared) -> None:
    zones = {f"{name}-id": subnet["availabilityZone"] for name, subnet in poc.of("aws:ec2/subnet:Subnet").items()}
    for users in (
        poc.one("aws:lb/loadBalancer:LoadBalancer")["subnets"],
        poc.one("aws:rds/subnetGroup:SubnetGroup")["subnetIds"],
        poc.one("aws:ecs/service:Service")["networkConfiguration"]["subnets"],
    ):
        assert len({zones[subnet] for subnet in users}) == 2
    assert "us-west-1b" not in zones.values(), "the mocks give that name to usw1-az2, which has no VPC origins"


def test_container_target_and_listener_agree(poc: Declared) -> None:
    [container] = json.loads(poc.one("aws:ecs/taskDefinition:TaskDefinition")["containerDefinitions"])
    [target] = poc.one("aws:ecs/service:Service")["loadBalancers"]
    assert (target["containerName"], target["containerPort"]) == (container["name"], TASK_PORT)
    assert [m["containerPort"] for m in container["portMappings"]] == [TASK_PORT]
    assert container["command"] == ["--port", str(TASK_PORT)]
    group = poc.one("aws:lb/targetGroup:TargetGroup")
    assert (group["port"], group["targetType"], group["protocol"]) == (TASK_PORT, "ip", "HTTP")
    assert group["healthCheck"]["timeout"] < group["healthCheck"]["interval"]


def test_the_container_outlives_what_waits_for_it(poc: Declared) -> None:
    """Edge < load balancer < LiteLLM: the one nearer to the client gives up first, and no connection is reused while
    closing."""
    [container] = json.loads(poc.one("aws:ecs/taskDefinition:TaskDefinition")["containerDefinitions"])
    environment = {entry["name"]: entry["value"] for entry in container["environment"]}
    assert ORIGIN_READ_SECONDS < IDLE_SECONDS < int(environment["KEEPALIVE_TIMEOUT"])
    assert 2 * KEEPALIVE_SECONDS < ORIGIN_READ_SECONDS, "a silent model's stream is kept alive"
    assert IDLE_SECONDS <= 4000 and container["stopTimeout"] <= 120 and container["healthCheck"]["startPeriod"] <= 300


def test_listener_rules_fit_the_load_balancers_limits(poc: Declared) -> None:
    rules = poc.of("aws:lb/listenerRule:ListenerRule")
    assert 0 < len(rules) <= 100
    values = [rule["conditions"][0]["pathPattern"]["values"] for rule in rules.values()]
    for rule in rules.values():
        counts = [len(condition["values"]) for entry in rule["conditions"] for condition in entry.values()]
        assert max(counts) <= 3 and sum(counts) <= 5, "three values a condition, five a rule"
    assert all(len(path) <= 128 and not set(path) & set("*?") for paths in values for path in paths)
    for rule in rules.values():
        [transform] = rule["transforms"]
        rewrite = transform["urlRewriteConfig"]["rewrite"]
        assert len(rewrite["regex"]) <= 1024 and "$" not in rewrite["replace"], "$ would be a group"
    assert len({rule["priority"] for rule in rules.values()}) == len(rules)
    default = poc.of("aws:lb/listener:Listener")["doors-public"]["defaultActions"][0]
    assert len(default["fixedResponse"]["messageBody"]) <= 1024


def test_behaviours_point_to_the_origin_and_to_managed_policies_by_their_ids(poc: Declared) -> None:
    distribution = poc.one("aws:cloudfront/distribution:Distribution")
    origins = {origin["originId"] for origin in distribution["origins"]}
    for behaviour in [distribution["defaultCacheBehavior"], *distribution["orderedCacheBehaviors"]]:
        assert behaviour["targetOriginId"] in origins
        ids = [behaviour[f"{policy}PolicyId"] for policy in ("cache", "originRequest", "responseHeaders")]
        assert ids == [CACHING_DISABLED, ALL_VIEWER_EXCEPT_HOST, SECURITY_HEADERS]
    assert ORIGIN_READ_SECONDS <= 120


def test_security_groups_stay_under_sixty_rules(poc: Declared) -> None:
    for direction in ("Ingress", "Egress"):
        rules = poc.of(f"aws:vpc/securityGroup{direction}Rule:SecurityGroup{direction}Rule").values()
        for group in {rule["securityGroupId"] for rule in rules}:
            assert sum(rule["securityGroupId"] == group for rule in rules) <= 60


def test_inline_policies_stay_under_ten_thousand_characters(poc: Declared) -> None:
    assert all(len(json.dumps(policy)) < 10_240 for policy in poc.policies())
