"""What it means when a resource is made anew or goes: downtime, data, addresses. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ops import urns
from ops.plan import Planned

BOTH = ("replace", "delete")


@dataclass(frozen=True)
class Meaning:
    """A sentence for a replacement and one for a deletion, and by which of them something is lost that no further
    update brings back. Who takes a user or a key away means it, so that counts as no loss."""

    replaced: str
    deleted: str
    lost_by: tuple[str, ...] = ()


_DATABASE = Meaning(
    "all users, keys and spend are lost, and the gateway is down until the new one is up (some 15 minutes)",
    "all users, keys and spend are lost",
    lost_by=BOTH,
)
_ADDRESS = Meaning("its address changes; every client must be told", "the gateway has no public address any more")
_ALL = Meaning(
    "everything in it is made anew: hours of downtime, the database is lost", "everything goes with it", BOTH
)

MEANINGS: dict[str, Meaning] = {
    "aws:rds/instance:Instance": _DATABASE,
    "aws:rds/cluster:Cluster": _DATABASE,
    "aws:rds/clusterInstance:ClusterInstance": Meaning("the gateway is down for minutes", "one fewer"),
    "aws:rds/subnetGroup:SubnetGroup": Meaning("the database is made anew with it", "no database can be in it"),
    "aws:ec2/vpc:Vpc": _ALL,
    "aws:ec2/subnet:Subnet": Meaning("what is in it is made anew: downtime", "what is in it must go first"),
    "aws:cloudfront/distribution:Distribution": _ADDRESS,
    "aws:cloudfront/vpcOrigin:VpcOrigin": Meaning("the public address answers 5xx for up to 15 minutes", "no way in"),
    "aws:lb/loadBalancer:LoadBalancer": Meaning("the gateway is down for minutes", "the gateway can't be reached"),
    "aws:lb/targetGroup:TargetGroup": Meaning("tasks move over; short downtime at most", "tasks take no requests"),
    "aws:ecs/service:Service": Meaning("down until new tasks are healthy (minutes)", "the gateway is gone"),
    "aws:ecs/cluster:Cluster": Meaning("the gateway is down until new tasks are healthy", "the gateway is gone"),
    "aws:ecs/taskDefinition:TaskDefinition": Meaning("tasks are rolled, without downtime", "nothing runs from it"),
    "aws:secretsmanager/secret:Secret": Meaning("tasks are rolled", "no task can start"),
    "aws:secretsmanager/secretVersion:SecretVersion": Meaning(
        "tasks are rolled with the new value", "no task can start"
    ),
    "aws:cloudwatch/logGroup:LogGroup": Meaning("its lines are lost", "its lines are lost", BOTH),
    "aws:s3/bucket:Bucket": Meaning("what is in it is lost", "what is in it is lost", BOTH),
    "aws:s3/bucketObjectv2:BucketObjectv2": Meaning("tasks read the new one once they are rolled", "no task can start"),
    "aws:lambda/function:Function": Meaning("admin calls fail for a moment", "nobody can administer from outside"),
    "random:index/randomPassword:RandomPassword": Meaning(
        "a new value is made; whoever holds the old one is locked out", "the value is gone", ("replace",)
    ),
    "random:index/randomBytes:RandomBytes": Meaning(
        "every key gets another value; whoever holds one is locked out", "the values are gone", ("replace",)
    ),
    "pulumi-python:dynamic/litellm:Team": Meaning(
        "the team is made anew: its spend starts at nothing",
        "the team and what others made in it are deleted; its members and the stack's keys stay",
        ("replace",),
    ),
    "pulumi-python:dynamic/litellm:User": Meaning(
        "the user is made anew: its spend starts at nothing", "the user and its keys are deleted", ("replace",)
    ),
    "pulumi-python:dynamic/litellm:Key": Meaning(
        "the key is made anew with the same value: its spend starts at nothing", "the key stops working"
    ),
}
# A secret that an application fetches its key from, and no task of the gateway needs.
_PUBLISHED = "llm-gateway:access:PublishedKey"
_OF_PUBLISHED: dict[str, Meaning] = {
    "aws:secretsmanager/secret:Secret": Meaning(
        "its ARN changes; applications must be told", "applications find their key no more"
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": Meaning(
        "applications have the new value once they fetch it again", "applications find their key no more"
    ),
}
_NOTHING = Meaning("it is made anew", "")


def sentence(planned: Planned) -> str:
    """What a replacement or deletion means; empty for anything else."""
    meaning = _meaning(planned)
    return {"replace": meaning.replaced, "delete": meaning.deleted}.get(planned.op, "")


def loses_data(planned: Planned) -> bool:
    """Is something lost that no further update brings back?"""
    return planned.op in _meaning(planned).lost_by


def _meaning(planned: Planned) -> Meaning:
    own = _OF_PUBLISHED if _PUBLISHED in urns.types(planned.urn) else {}
    return own.get(planned.type) or MEANINGS.get(planned.type, _NOTHING)
