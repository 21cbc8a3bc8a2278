"""Functions that look something up, at the plugin's door."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.provider.experimental import provider as sdk
from pulumi_aws.route53 import GetZoneResult, GetZonesResult

from localcloud.aws.account import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from localcloud.plugins.aws.api import Api
from localcloud.plugins.aws.provider import AwsProvider
from localcloud.plugins.serve import Refusal
from localcloud.plugins.values import plain_map, wrap_map
from tests.plugins.fake import Quiet
from tests.plugins.world import World

ZONE, ZONES = "aws:route53/getZone:getZone", "aws:route53/getZones:getZones"


@pytest.fixture
def zone(world: World) -> Iterator[str]:
    """A hosted zone's id."""
    dns = world.account.client("route53")
    made = dns.create_hosted_zone(Name="Team.example", CallerReference="invokes")["HostedZone"]["Id"]
    dns.change_tags_for_resource(
        ResourceType="hostedzone", ResourceId=made.rpartition("/")[2], AddTags=[{"Key": "Owner", "Value": "team"}]
    )
    yield made.rpartition("/")[2]
    dns.delete_hosted_zone(Id=made)


def look_up(world: World, token: str, **args: Any) -> dict[str, Any]:
    provider = AwsProvider(Quiet())
    provider._api = Api(world.account.endpoint, world.account.region, ACCESS_KEY_ID, SECRET_ACCESS_KEY)
    return plain_map(asyncio.run(provider.invoke(sdk.InvokeRequest(token, wrap_map(args)))).return_value)


def members(result: type) -> set[str]:
    """What the SDK takes out of an answer, as the plugin names it."""
    names = [name for name in inspect.signature(result).parameters if name != "self"]
    return {name.split("_")[0] + "".join(part.title() for part in name.split("_")[1:]) for name in names}


def test_a_hosted_zone_is_listed_and_described(world: World, zone: str) -> None:
    listed = look_up(world, ZONES)
    assert zone in listed["ids"] and listed.keys() == members(GetZonesResult)
    found = look_up(world, ZONE, zoneId=zone)
    assert found.keys() == members(GetZoneResult)
    assert (found["name"], found["zoneId"], found["privateZone"]) == ("team.example", zone, False)
    assert found["tags"] == {"Owner": "team"} and found["primaryNameServer"] in found["nameServers"]


def test_what_a_lookup_of_zones_cant_do_here_is_said(world: World, zone: str) -> None:
    with pytest.raises(Refusal, match="looks a hosted zone up by `zoneId` alone"):
        look_up(world, ZONE)
    with pytest.raises(Refusal, match="`tags` is no argument known to"):
        look_up(world, ZONE, zoneId=zone, tags={"Owner": "team"})
