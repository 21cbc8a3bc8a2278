"""Rules that settings keep together: several tasks share limits, connections and hours; an image must be reachable.
Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components import connections, image_cache
from components.mistakes import at

if TYPE_CHECKING:
    from components.settings import Settings


def check(given: Settings) -> None:
    """Raises Located where the settings don't fit together."""
    scaled = given.autoscaling
    if scaled and scaled.max_tasks < given.tasks:
        raise at("autoscaling.maxTasks", f"is {scaled.max_tasks}, less than tasks ({given.tasks})")
    if scaled and given.office_hours:
        raise at(
            "autoscaling", "and officeHours both say how many tasks run, against each other; take one of them away"
        )
    if given.response_cache_seconds and given.cache == "none":
        raise at("responseCacheSeconds", "keeps answers in a cache, and there is none; set cache to valkey")
    if given.most_tasks > 1 and given.cache == "none" and not given.limits_per_process:
        raise at(
            "tasks",
            f"lets {given.most_tasks} tasks run, and each would count rate limits and budgets by itself, so that they "
            "are multiplied; set cache to valkey, where they count together, or limitsPerProcess to true if that is "
            "meant",
        )
    if given.database_capacity and given.database != "aurora":
        raise at("databaseCapacity", f"is Aurora's, and database is {given.database}; take one of them away")
    if given.database_authentication == "iam" and given.database != "aurora":
        raise at(
            "databaseAuthentication",
            f"is iam, and database is {given.database}; only Aurora has the Data API, which makes a user for them. Set "
            "database to aurora, or leave this at password",
        )
    if given.migrations == "task" and given.database == "none":
        raise at("migrations", "is task, and there is no database to migrate; leave it at start")
    _connections(given)


def _connections(given: Settings) -> None:
    held = _held(given)
    needed = connections.needed(given.most_tasks, given.database_pool)
    if held is not None and needed > held - connections.RESERVED:
        raise at(
            "databasePool",
            f"is {given.database_pool}: {given.most_tasks} tasks, twice that during an update, would open {needed} "
            f"connections, and {_size(given)} takes {held} of which {connections.RESERVED} are kept back; take a "
            "smaller pool, fewer tasks or a larger database",
        )


def _held(given: Settings) -> int | None:
    """Connections that the database takes; None where that isn't known."""
    if given.database == "aurora":
        return connections.aurora_limit(given.capacity.min, given.capacity.max)
    return connections.limit(given.database_instance_class) if given.database == "rds" else None


def _size(given: Settings) -> str:
    units = given.capacity.max
    return f"Aurora with at most {units:g} ACU" if given.database == "aurora" else given.database_instance_class


def check_image(given: Settings) -> None:
    """Without internet the image must come from ECR, by a cache that may ask the image's registry."""
    cached = given.egress == "endpoints" and not image_cache.is_own(given.image)
    registry = image_cache.registry_of(given.image)
    closed = registry in image_cache.WITH_CREDENTIALS
    if given.registry_credential_arn and not (cached and closed):
        raise at(
            "registryCredentialArn",
            "is for egress endpoints and an image of a registry that asks for credentials; take it away",
        )
    if cached and not closed and registry not in image_cache.WITHOUT:
        raise at("image", f"is of {registry}, and ECR has no pull-through cache for it, which egress endpoints need")
    if cached and closed and not given.registry_credential_arn:
        raise at(
            "registryCredentialArn",
            f"is missing: with egress endpoints the image comes by ECR's pull-through cache, and {registry} gives it "
            f"nothing without credentials; make a secret named {image_cache.SECRET_PREFIX}… with username and "
            "accessToken",
        )


def check_own(given: Settings) -> None:
    """An own network leaves nothing to say about one; an own database must be reachable from it."""
    existing = given.database == "existing"
    for name, value in (
        ("databaseUrlSecretArn", given.database_url_secret_arn),
        ("databaseSecurityGroupId", given.database_security_group_id),
    ):
        if existing and not value:
            raise at(name, "is missing; database existing needs it")
        if value and not existing:
            raise at(name, f"is of a database that you have, and database is {given.database}; set it to existing")
    if existing and given.network is None:
        raise at("network", "is missing: a database that you have is reached from its own VPC; name that one")
    if given.network is None:
        return
    if given.egress != "nat":
        raise at("egress", "is said of a VPC that the stack makes; yours has its own way out, so take it away")
    if given.zones != 2 or given.vpc_cidr != "10.20.0.0/16":
        raise at("network", "has its own address range and zones; take vpcCidr and zones away")
    made = given.database in ("rds", "aurora") or given.cache != "none"
    if made and len(given.network.database_subnet_ids) < 2:
        raise at("network.databaseSubnetIds", "needs two subnets in two zones, for the database or cache that is made")
    if not made and given.network.database_subnet_ids:
        raise at("network.databaseSubnetIds", "is given, and there is no database or cache to put there; take it away")
