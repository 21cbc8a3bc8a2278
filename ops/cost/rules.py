"""What each type of resource costs. A type is priced, free for a stated reason, or unknown: nothing falls through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.cost.assumptions import Assumptions
from ops.cost.awake import database_hours, service_hours
from ops.cost.prices import HOURS_A_MONTH
from ops.plan import UNKNOWN, Planned
from ops.shapes import object_at


@dataclass(frozen=True)
class Part:
    """An amount of something that has a price: `price` is its id in the table. `usage`: it depends on use, and `basis`
    says what was assumed."""

    what: str
    price: str
    amount: float
    basis: str
    usage: bool = False


@dataclass(frozen=True)
class Whole:
    """Everything that is planned, for rules that must look around."""

    planned: Sequence[Planned]
    assumed: Assumptions

    def count_beside(self, resource: Planned, type: str) -> int:
        """How many of that type stay in the same component."""
        parent = resource.urn.rpartition("$")[0]
        return sum(p.type == type and p.stays and p.urn.rpartition("$")[0] == parent for p in self.planned)

    def beside(self, resource: Planned, type: str) -> Planned | None:
        """The resource of that type in the same component."""
        parent = resource.urn.rpartition("$")[0]
        return next(
            (p for p in self.planned if p.type == type and p.stays and p.urn.rpartition("$")[0] == parent), None
        )


Rule = Callable[[Planned, Whole], Iterator[Part]]


def _hours(hours: float) -> str:
    return "always on" if hours == HOURS_A_MONTH else f"{hours:.0f} hours a month, as scheduled"


def _service(service: Planned, whole: Whole) -> Iterator[Part]:
    definition = whole.beside(service, "aws:ecs/taskDefinition:TaskDefinition")
    inputs: Mapping[str, Any] = definition.inputs if definition else {}
    architecture = object_at(inputs, "runtimePlatform").get("cpuArchitecture", "X86_64")
    kind = "arm" if architecture == "ARM64" else "x86"
    tasks, hours = _number(service.inputs.get("desiredCount"), 1), service_hours(whole.planned)
    vcpus, gigabytes = _number(inputs.get("cpu"), 0) / 1024, _number(inputs.get("memory"), 0) / 1024
    basis = f"{tasks:g} task{'' if tasks == 1 else 's'}, {_hours(hours)}"
    yield Part(f"Fargate, {vcpus:g} vCPU", f"fargate-{kind}-vcpu-hour", tasks * vcpus * hours, basis)
    yield Part(f"Fargate, {gigabytes:g} GB", f"fargate-{kind}-gb-hour", tasks * gigabytes * hours, basis)
    if object_at(service.inputs, "networkConfiguration").get("assignPublicIp") is True:
        yield Part("public IPv4 addresses", "ipv4-hour", tasks * hours, basis)


def _load_balancer(_: Planned, whole: Whole) -> Iterator[Part]:
    units = whole.assumed.load_balancer_units
    yield Part("load balancer", "alb-hour", HOURS_A_MONTH, "always on")
    yield Part("its capacity units", "alb-lcu-hour", units * HOURS_A_MONTH, f"{units:g} on average", usage=True)


def _nat(_: Planned, whole: Whole) -> Iterator[Part]:
    yield Part("NAT gateway", "nat-hour", HOURS_A_MONTH, "always on")
    yield Part("data through it", "nat-gb", whole.assumed.nat_gb, f"{whole.assumed.nat_gb:g} GB", usage=True)


def _address(_: Planned, whole: Whole) -> Iterator[Part]:
    yield Part("public IPv4 address", "ipv4-hour", HOURS_A_MONTH, "always on")


def _database(database: Planned, whole: Whole) -> Iterator[Part]:
    inputs, hours = database.inputs, database_hours(whole.planned)
    copies = 2 if inputs.get("multiAz") is True else 1
    kind, storage = str(inputs.get("instanceClass")), _number(inputs.get("allocatedStorage"), 0)
    yield Part(kind, f"rds-{kind}-hour", copies * hours, _hours(hours))
    type = inputs.get("storageType", "gp2")
    yield Part(f"{storage:g} GB of storage", f"rds-{type}-gb-month", copies * storage, "also while it is stopped")


def _aurora(cluster: Planned, whole: Whole) -> Iterator[Part]:
    scaling = object_at(cluster.inputs, "serverlessv2ScalingConfiguration")
    least = _number(scaling.get("minCapacity"), 0.5)
    more = max(0.0, whole.assumed.aurora_units - least)
    # a standby is as large as what it stands by for
    instances = max(1, whole.count_beside(cluster, "aws:rds/clusterInstance:ClusterInstance"))
    basis = "LiteLLM keeps it awake" if instances == 1 else f"{instances} instances; LiteLLM keeps them awake"
    awake = instances * HOURS_A_MONTH
    yield Part(f"Aurora, {least:g} ACU at least", "aurora-acu-hour", least * awake, basis)
    yield Part("its capacity beyond that", "aurora-acu-hour", more * awake, f"{more:g} on average", usage=True)
    stored = whole.assumed.database_gb
    yield Part("its storage", "aurora-gb-month", stored, f"{stored:g} GB", usage=True)


def _cache(group: Planned, whole: Whole) -> Iterator[Part]:
    nodes, kind = _number(group.inputs.get("numCacheClusters"), 1), str(group.inputs.get("nodeType"))
    yield Part(f"Valkey, {kind}", f"valkey-{kind}-hour", nodes * HOURS_A_MONTH, f"{nodes:g} nodes, always on")


def _repository(_: Planned, whole: Whole) -> Iterator[Part]:
    stored = whole.assumed.image_gb
    yield Part("images", "ecr-gb-month", stored, f"{stored:g} GB", usage=True)


def _endpoint(endpoint: Planned, whole: Whole) -> Iterator[Part]:
    if endpoint.inputs.get("vpcEndpointType", "Gateway") != "Interface":
        return
    zones = len(endpoint.inputs.get("subnetIds") or [])
    yield Part("interface endpoint", "endpoint-hour", zones * HOURS_A_MONTH, f"in {zones} zones, always on")
    yield Part("data through it", "endpoint-gb", whole.assumed.nat_gb, f"{whole.assumed.nat_gb:g} GB", usage=True)


def _secret(_: Planned, whole: Whole) -> Iterator[Part]:
    yield Part("secret", "secret-month", 1, "each")


def _log_group(_: Planned, whole: Whole) -> Iterator[Part]:
    written = whole.assumed.log_gb
    yield Part("log lines taken in", "log-gb", written, f"{written:g} GB", usage=True)
    yield Part("log lines kept", "log-gb-month", written, f"{written:g} GB", usage=True)


def _function(function: Planned, whole: Whole) -> Iterator[Part]:
    calls, seconds = whole.assumed.relay_calls, whole.assumed.relay_seconds
    memory = _number(function.inputs.get("memorySize"), 128) / 1024
    basis = f"{calls:,} calls of {seconds:g} s"
    yield Part("function, time", "lambda-gb-second", calls * seconds * memory, basis, usage=True)
    yield Part("function, calls", "lambda-million-calls", calls / 1e6, basis, usage=True)


def _edge_function(_: Planned, whole: Whole) -> Iterator[Part]:
    # one of several Functions answers a request, so the whole of the requests is counted once, for the distribution
    yield from ()


def _distribution(_: Planned, whole: Whole) -> Iterator[Part]:
    requests = whole.assumed.requests
    yield Part("Functions at the edge", "edge-function-million-calls", requests / 1e6, f"{requests:,}", usage=True)


def _bucket(_: Planned, whole: Whole) -> Iterator[Part]:
    yield Part("bucket", "s3-gb-month", whole.assumed.bucket_gb, f"{whole.assumed.bucket_gb:g} GB", usage=True)


def _edge_metrics(_: Planned, whole: Whole) -> Iterator[Part]:
    yield Part("additional metrics at the edge", "metric-month", 8, "8 metrics")


def _alarm(_: Planned, whole: Whole) -> Iterator[Part]:
    yield Part("alarm", "alarm-month", 1, "each; an account's first ten are free")


def _web_acl(acl: Planned, whole: Whole) -> Iterator[Part]:
    rules = len(acl.inputs.get("rules") or [])
    yield Part("web ACL", "waf-acl-month", 1, "each")
    yield Part("its rules", "waf-rule-month", rules, f"{rules} rules")


def _key(_: Planned, whole: Whole) -> Iterator[Part]:
    yield Part("KMS key", "kms-key-month", 1, "each")


def _number(value: Any, otherwise: float) -> float:
    try:
        return otherwise if value in (None, UNKNOWN) else float(value)
    except (TypeError, ValueError):
        return otherwise


PRICED: dict[str, Rule] = {
    "aws:ecs/service:Service": _service,
    "aws:lb/loadBalancer:LoadBalancer": _load_balancer,
    "aws:ec2/natGateway:NatGateway": _nat,
    "aws:ec2/eip:Eip": _address,
    "aws:rds/instance:Instance": _database,
    "aws:rds/cluster:Cluster": _aurora,
    "aws:elasticache/replicationGroup:ReplicationGroup": _cache,
    "aws:ecr/repository:Repository": _repository,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _endpoint,
    "aws:secretsmanager/secret:Secret": _secret,
    "aws:cloudwatch/logGroup:LogGroup": _log_group,
    "aws:lambda/function:Function": _function,
    "aws:cloudfront/distribution:Distribution": _distribution,
    "aws:cloudfront/function:Function": _edge_function,
    "aws:cloudfront/monitoringSubscription:MonitoringSubscription": _edge_metrics,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _alarm,
    "aws:s3/bucket:Bucket": _bucket,
    "aws:wafv2/webAcl:WebAcl": _web_acl,
    "aws:kms/key:Key": _key,
}

# A module's types all at once, or a type by itself.
FREE: dict[str, str] = {
    "aws:iam/": "IAM costs nothing",
    "aws:appautoscaling/": "scaling costs nothing; the tasks do",
    "aws:acm/": "public certificates are free",
    "aws:route53/record:Record": "records are free, and so are queries for an alias",
    "aws:elasticache/subnetGroup:SubnetGroup": "settings of the cache",
    "aws:ecr/pullThroughCacheRule:PullThroughCacheRule": "only what it stores costs something",
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": "a setting of the cluster",
    "aws:scheduler/": "14 million calls a month are free",
    "aws:budgets/": "budgets without actions are free",
    "aws:vpc/": "security group rules",
    "aws:ec2/vpc:Vpc": "the network itself",
    "aws:ec2/subnet:Subnet": "the network itself",
    "aws:ec2/internetGateway:InternetGateway": "only addresses behind it cost something",
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway": "free, and so are IPv6 addresses",
    "aws:ec2/routeTable:RouteTable": "the network itself",
    "aws:ec2/route:Route": "the network itself",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "the network itself",
    "aws:ec2/securityGroup:SecurityGroup": "the network itself",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "the network itself",
    "aws:rds/subnetGroup:SubnetGroup": "settings of the database",
    "aws:rds/parameterGroup:ParameterGroup": "settings of the database",
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": "settings of the database",
    "aws:rds/clusterInstance:ClusterInstance": "counted with its cluster's capacity",
    "aws:lb/": "counted with the load balancer",
    "aws:ecs/cluster:Cluster": "without Container Insights",
    "aws:ecs/taskDefinition:TaskDefinition": "only running tasks cost something",
    "aws:secretsmanager/secretVersion:SecretVersion": "counted with its secret",
    "aws:s3/": "settings and a small object in a bucket",
    "aws:cloudfront/vpcOrigin:VpcOrigin": "VPC origins are free",
    "aws:cloudwatch/dashboard:Dashboard": "an account's first three are free",
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": "counted with its log group",
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": "counted with its log group",
    "aws:cloudwatch/logDelivery:LogDelivery": "counted with its log group",
    "aws:cloudwatch/eventRule:EventRule": "AWS's own events are free",
    "aws:cloudwatch/eventTarget:EventTarget": "AWS's own events are free",
    "aws:ssm/parameter:Parameter": "standard parameters are free",
    "aws:sns/": "the first thousand mails a month are free",
    "aws:lambda/permission:Permission": "a setting of a function",
    "aws:wafv2/": "counted with its web ACL",
}


def is_free(type: str) -> bool:
    """Has somebody stated that this type costs nothing by itself?"""
    return type in FREE or f"{type.partition('/')[0]}/" in FREE
