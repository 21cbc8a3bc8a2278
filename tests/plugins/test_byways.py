"""Properties off the beaten track: made, read back without drift, changed, taken away, deleted; without an engine."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from pulumi.provider.experimental import provider as sdk

from localcloud.aws.account import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from localcloud.plugins.aws.api import Api
from localcloud.plugins.aws.provider import AwsProvider
from localcloud.plugins.serve import UpdateRequest
from localcloud.plugins.values import plain_map, wrap_map
from tests.plugins.emptiness import left_over
from tests.plugins.fake import Quiet
from tests.plugins.world import World

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
Values = dict[str, Any]
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]}


class Live:
    """Resources of the simulated account, made by the provider in this process and deleted in the end."""

    def __init__(self, world: World) -> None:
        self.account = world.account
        self.provider = AwsProvider(Quiet())
        self.provider._api = Api(world.account.endpoint, world.account.region, ACCESS_KEY_ID, SECRET_ACCESS_KEY)
        self._made: dict[tuple[str, str], dict[str, Any]] = {}

    def make(self, token: str, **inputs: Any) -> tuple[str, dict[str, Any]]:
        """Makes a resource and checks that reading it says what was asked for."""
        return asyncio.run(self._make(token, inputs))

    async def _make(self, token: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        checked = await self.provider.check(sdk.CheckRequest(urn(token), {}, wrap_map(inputs), b"\x01\x02\x03\x04"))
        assert not checked.failures, [found.reason for found in checked.failures]
        made = await self.provider.create(sdk.CreateRequest(urn(token), checked.inputs or {}, 0, False))
        state = plain_map(made.properties)
        self._made[token, made.resource_id or ""] = state
        await self._no_drift(token, made.resource_id or "", state, plain_map(checked.inputs or {}))
        return made.resource_id or "", state

    def change(
        self, token: str, resource_id: str, old: dict[str, Any], state: dict[str, Any], new: dict[str, Any]
    ) -> dict[str, Any]:
        """Changes a resource and checks the same again."""
        return asyncio.run(self._change(token, resource_id, old, state, new))

    async def _change(self, token: str, resource_id: str, old: Any, state: Any, new: Any) -> dict[str, Any]:
        request = UpdateRequest(urn(token), resource_id, wrap_map(state), wrap_map(new), 0, [], False)
        request.old_inputs = wrap_map(old)
        updated = plain_map((await self.provider.update(request)).properties)
        self._made[token, resource_id] = updated
        await self._no_drift(token, resource_id, updated, new)
        return updated

    async def _no_drift(self, token: str, resource_id: str, state: dict[str, Any], inputs: dict[str, Any]) -> None:
        read = await self.provider.read(sdk.ReadRequest(urn(token), resource_id, wrap_map(state), wrap_map(inputs)))
        assert plain_map(read.inputs) == inputs
        assert plain_map(read.properties) == state

    async def delete_all(self) -> None:
        for (token, resource_id), state in reversed(self._made.items()):
            await self.provider.delete(sdk.DeleteRequest(urn(token), resource_id, wrap_map(state), 10))


def urn(token: str) -> str:
    return f"urn:pulumi:stack::project::{token}::byway"


@pytest.fixture
def live(world: World) -> Iterator[Live]:
    made = Live(world)
    yield made
    asyncio.run(made.delete_all())
    assert left_over(world.account) == {}


def through(
    live: Live, token: str, first: dict[str, Any], then: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A resource in a first and a changed form."""
    resource_id, state = live.make(token, **first)
    return state, live.change(token, resource_id, first, state, then)


def test_a_roles_own_policies(live: Live) -> None:
    attached = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    first = {
        "name": "byway",
        "assumeRolePolicy": TRUST,
        "managedPolicyArns": [attached],
        "inlinePolicies": [
            {"name": "one", "policy": json.dumps(POLICY)},
            {"name": "two", "policy": json.dumps(POLICY)},
        ],
        "permissionsBoundary": attached,
        "maxSessionDuration": 7200,
        "path": "/deep/",
    }
    changed = {**POLICY, "Statement": [{**POLICY["Statement"][0], "Action": ["s3:PutObject"]}]}
    then = {"name": "byway", "path": "/deep/", "assumeRolePolicy": TRUST, "managedPolicyArns": []}
    then["inlinePolicies"] = [{"name": "two", "policy": json.dumps(changed)}]
    through(live, "aws:iam/role:Role", first, then)
    iam = live.account.client("iam")
    assert iam.list_role_policies(RoleName="byway")["PolicyNames"] == ["two"]
    assert iam.list_attached_role_policies(RoleName="byway")["AttachedPolicies"] == []
    role = iam.get_role(RoleName="byway")["Role"]
    assert "PermissionsBoundary" not in role
    assert role["MaxSessionDuration"] == 3600


def test_a_policy_keeps_at_most_five_versions(live: Live) -> None:
    inputs = {"name": "byway", "policy": json.dumps(POLICY), "description": "d", "tags": {"a": "b"}}
    resource_id, state = live.make("aws:iam/policy:Policy", **inputs)
    for number in range(6):
        new = inputs | {"policy": json.dumps({**POLICY, "Id": str(number)})}
        state = live.change("aws:iam/policy:Policy", resource_id, inputs, state, new)
        inputs = new


def test_secrets_of_every_kind(live: Live) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    secret, _ = live.make(
        "aws:secretsmanager/secret:Secret", namePrefix="byway-", recoveryWindowInDays=0, policy=policy
    )
    binary = base64.b64encode(b"\x00\xff").decode()
    live.make("aws:secretsmanager/secretVersion:SecretVersion", secretId=secret, secretBinary=binary)
    token = "aws:secretsmanager/secretVersion:SecretVersion"
    first = {"secretId": secret, "secretString": "text", "versionStages": ["AWSCURRENT", "blue"]}
    through(live, token, first, first | {"versionStages": ["AWSCURRENT", "green"]})
    value = live.account.client("secretsmanager").get_secret_value(SecretId=secret, VersionStage="green")
    assert value["SecretString"] == "text"


def test_a_parameter_in_the_open(live: Live) -> None:
    first = {"name": "/byway", "type": "String", "insecureValue": "one", "description": "d", "tags": {"a": "b"}}
    state, updated = through(
        live, "aws:ssm/parameter:Parameter", first, {"name": "/byway", "type": "StringList", "insecureValue": "a,b"}
    )
    assert "value" not in updated
    assert updated["version"] > state["version"]


def test_a_log_group_without_an_end(live: Live) -> None:
    first = {"namePrefix": "byway-", "retentionInDays": 30, "skipDestroy": False}
    state, _ = through(live, "aws:cloudwatch/logGroup:LogGroup", first, {"namePrefix": "byway-"})
    groups = live.account.client("logs").describe_log_groups(logGroupNamePrefix=state["name"])["logGroups"]
    assert "retentionInDays" not in groups[0]


def network(live: Live) -> tuple[str, list[str], str]:
    vpc, _ = live.make("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16")
    zones = ("us-west-1a", "us-west-1b")
    subnets = [
        live.make("aws:ec2/subnet:Subnet", vpcId=vpc, cidrBlock=f"10.0.{index}.0/24", availabilityZone=zone)[0]
        for index, zone in enumerate(zones)
    ]
    group, _ = live.make("aws:ec2/securityGroup:SecurityGroup", name="byway", vpcId=vpc)
    return vpc, subnets, group


def test_groups_and_rules_for_other_sources(live: Live) -> None:
    vpc, _, group = network(live)
    lists = live.account.client("ec2").describe_managed_prefix_lists()["PrefixLists"]
    prefixes = lists[0]["PrefixListId"]
    rule = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    first = {"securityGroupId": group, "ipProtocol": "6", "fromPort": 1, "toPort": 2, "cidrIpv6": "::/0"}
    through(live, rule, first, first | {"ipProtocol": "udp", "description": "d"})
    live.make(
        rule, securityGroupId=group, ipProtocol="tcp", fromPort=3, toPort=3, prefixListId=prefixes, description="p"
    )
    block = {"protocol": "tcp", "fromPort": 1, "toPort": 1, "securityGroups": [group], "prefixListIds": [prefixes]}
    everything = {"protocol": "-1", "fromPort": 0, "toPort": 0, "ipv6CidrBlocks": ["::/0"], "cidrBlocks": ["0.0.0.0/0"]}
    first = {"name": "other", "vpcId": vpc, "ingress": [block], "egress": [everything]}
    through(live, "aws:ec2/securityGroup:SecurityGroup", first, first | {"ingress": []})


def test_an_interface_endpoint(live: Live) -> None:
    vpc, subnets, group = network(live)
    first = {
        "vpcId": vpc,
        "serviceName": "com.amazonaws.us-west-1.secretsmanager",
        "vpcEndpointType": "Interface",
        "subnetIds": subnets[:1],
        "securityGroupIds": [group],
        "privateDnsEnabled": True,
    }
    through(live, "aws:ec2/vpcEndpoint:VpcEndpoint", first, first | {"subnetIds": subnets})


def test_a_load_balancers_attributes(live: Live) -> None:
    vpc, subnets, group = network(live)
    other, _ = live.make("aws:ec2/securityGroup:SecurityGroup", name="other", vpcId=vpc)
    first = {
        "namePrefix": "by-",
        "internal": True,
        "subnets": subnets,
        "securityGroups": [group],
        "clientKeepAlive": 120,
        "preserveHostHeader": True,
        "desyncMitigationMode": "strictest",
        "enableHttp2": False,
    }
    then = {name: value for name, value in first.items() if name not in ("clientKeepAlive", "enableHttp2")}
    _, updated = through(live, "aws:lb/loadBalancer:LoadBalancer", first, then | {"securityGroups": [group, other]})
    assert (updated["clientKeepAlive"], updated["enableHttp2"]) == (3600, True), "what is no longer said is the default"


def test_a_target_groups_stickiness_and_rules_of_every_kind(live: Live) -> None:
    vpc, subnets, group = network(live)
    sticky = {"type": "lb_cookie", "enabled": True, "cookieDuration": 60}
    first = {
        "name": "byway",
        "port": 80,
        "protocol": "HTTP",
        "vpcId": vpc,
        "targetType": "ip",
        "stickiness": sticky,
        "slowStart": 30,
    }
    state, _ = through(
        live, "aws:lb/targetGroup:TargetGroup", first, first | {"stickiness": sticky | {"cookieDuration": 90}}
    )
    balancer, _ = live.make("aws:lb/loadBalancer:LoadBalancer", internal=True, subnets=subnets, securityGroups=[group])
    redirect = {"type": "redirect", "redirect": {"statusCode": "HTTP_301", "protocol": "HTTPS", "port": "443"}}
    first = {"loadBalancerArn": balancer, "port": 80, "protocol": "HTTP", "defaultActions": [redirect]}
    token = "aws:lb/listener:Listener"
    listener, made = live.make(token, **first, routingHttpResponseServerEnabled=False)
    forward = {"type": "forward", "targetGroupArn": state["arn"]}
    live.change(token, listener, first, made, first | {"defaultActions": [forward], "tags": {"a": "b"}})
    conditions = [
        {"pathPattern": {"values": ["/a"]}},
        {"httpHeader": {"httpHeaderName": "X-A", "values": ["1"]}},
        {"queryStrings": [{"key": "a", "value": "b"}]},
        {"sourceIp": {"values": ["10.0.0.0/8"]}},
    ]
    rule = {"listenerArn": listener, "conditions": conditions, "actions": [redirect]}
    _, updated = through(
        live, "aws:lb/listenerRule:ListenerRule", rule, rule | {"conditions": [{"hostHeader": {"values": ["h"]}}]}
    )
    assert updated["priority"] == 1, "the first one free"


def test_a_database_that_changes_its_mind(live: Live) -> None:
    parameters = [{"name": f"log_{name}", "value": "1"} for name in ("connections", "disconnections", "duration")]
    token = "aws:rds/parameterGroup:ParameterGroup"
    through(
        live,
        token,
        {"family": "postgres15", "parameters": parameters},
        {"family": "postgres15", "parameters": parameters[:1]},
    )
    first = {
        "identifierPrefix": "byway-",
        "engine": "postgres",
        "instanceClass": "db.t4g.micro",
        "allocatedStorage": 20,
        "maxAllocatedStorage": 40,
        "username": "someone",
        "password": "a-long-password",
        "port": 5433,
        "deletionProtection": True,
        "iamDatabaseAuthenticationEnabled": True,
        "enabledCloudwatchLogsExports": ["postgresql"],
        "skipFinalSnapshot": True,
    }
    then = first | {
        "deletionProtection": False,
        "password": "another-password",
        "enabledCloudwatchLogsExports": [],
    }
    _, updated = through(live, "aws:rds/instance:Instance", first, then)
    assert updated["endpoint"] == f"{updated['address']}:5433"
    assert live.account.facts.passwords[updated["identifier"]] == "another-password"


def test_a_parameter_is_not_taken_away_from_a_clusters_group(live: Live) -> None:
    token, said = "aws:rds/clusterParameterGroup:ClusterParameterGroup", {"name": "log_duration", "value": "1"}
    first = {"name": "byway", "family": "aurora-postgresql15", "parameters": [said]}
    name, state = live.make(token, **first)
    with pytest.raises(Exception, match="takes no parameter away from a cluster's group"):
        live.change(token, name, first, state, first | {"parameters": []})


def zipped(source: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        target.writestr("index.py", source)
    return made.getvalue()


def test_a_function_from_a_bucket_that_loses_what_it_had(live: Live) -> None:
    role, made = live.make("aws:iam/role:Role", assumeRolePolicy=trust("lambda.amazonaws.com"))
    bucket, _ = live.make("aws:s3/bucket:Bucket", bucket="byway", forceDestroy=True)
    for key in ("one", "two"):
        live.account.client("s3").put_object(Bucket=bucket, Key=key, Body=zipped(key))
    first = {
        "role": made["arn"],
        "handler": "index.handler",
        "runtime": "python3.13",
        "s3Bucket": bucket,
        "s3Key": "one",
        "environment": {"variables": {"A": "1"}},
        "reservedConcurrentExecutions": 5,
        "tracingConfig": {"mode": "Active"},
        "ephemeralStorage": {"size": 1024},
        "description": "d",
        "name": "byway",
    }
    then = {key: first[key] for key in ("role", "handler", "runtime", "s3Bucket", "name")} | {"s3Key": "two"}
    state, updated = through(live, "aws:lambda/function:Function", first, then)
    assert state["codeSha256"] != updated["codeSha256"]
    assert updated["reservedConcurrentExecutions"] == -1
    found = live.account.client("lambda").get_function_configuration(FunctionName="byway")
    assert not (found.get("Environment") or {}).get("Variables")
    assert role


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_objects_of_every_source(live: Live, tmp_path: Any) -> None:
    bucket, _ = live.make("aws:s3/bucket:Bucket", bucketPrefix="byway-", forceDestroy=True)
    path = tmp_path / "file"
    path.write_text("from a file")
    token = "aws:s3/bucketObjectv2:BucketObjectv2"
    encoded = base64.b64encode(b"\x00").decode()
    first = {"bucket": bucket, "key": "a", "contentBase64": encoded, "metadata": {"x": "y"}, "cacheControl": "no-store"}
    through(live, token, first, {"bucket": bucket, "key": "a", "content": "text"})
    through(live, token, {"bucket": bucket, "key": "b", "content": ""}, {"bucket": bucket, "key": "b", "content": "x"})
    given = wrap_map({"bucket": bucket, "key": "c", "source": pulumi.FileAsset(str(path))})
    made = asyncio.run(live.provider.create(sdk.CreateRequest(urn(token), given, 0, False)))
    assert made.resource_id == f"{bucket}/c"
    body = live.account.client("s3").get_object(Bucket=bucket, Key="c")["Body"].read()
    assert body == b"from a file"


def test_a_bucket_with_objects_is_not_deleted_by_mistake(live: Live) -> None:
    bucket, _ = live.make("aws:s3/bucket:Bucket", bucket="full")
    live.account.client("s3").put_object(Bucket=bucket, Key="a", Body=b"")
    with pytest.raises(Exception, match="full still has objects"):
        asyncio.run(live.delete_all())
    live.account.client("s3").delete_object(Bucket=bucket, Key="a")


def test_a_cluster_and_a_task_with_more_to_say(live: Live) -> None:
    logging = {"executeCommandConfiguration": {"logging": "DEFAULT"}}
    through(
        live,
        "aws:ecs/cluster:Cluster",
        {"name": "byway", "configuration": logging},
        {"name": "byway", "configuration": logging, "tags": {"a": "b"}},
    )
    definition = [
        {"name": "a", "image": "i", "memory": 128, "mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}]}
    ]
    first = {
        "family": "byway",
        "containerDefinitions": json.dumps(definition),
        "volumes": [{"name": "v", "hostPath": "/tmp"}],
        "placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.os-type == linux"}],
        "ephemeralStorage": {"sizeInGib": 30},
    }
    through(live, "aws:ecs/taskDefinition:TaskDefinition", first, first | {"tags": {"a": "b"}})


def test_a_function_at_the_edge_that_waits_to_be_published(live: Live) -> None:
    first = {
        "name": "byway",
        "runtime": "cloudfront-js-2.0",
        "code": "function handler(e) { return e.request; }",
        "publish": False,
    }
    state, updated = through(
        live, "aws:cloudfront/function:Function", first, first | {"publish": True, "comment": "now"}
    )
    assert not state.get("liveStageEtag")
    assert updated["liveStageEtag"]
