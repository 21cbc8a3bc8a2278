"""The hops: names, verdicts at connect time, connections cut by a change, the AWS API as a task sees it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from localcloud.aws.account import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from localcloud.net.fabric import Blocked, Fabric, Unresolved
from localcloud.net.model import Interface
from tests.net.raw import connect, hang_up
from tests.net.world import World, permission, until

PORT = 5432


@asynccontextmanager
async def fabric_of(world: World) -> AsyncIterator[Fabric]:
    fabric = Fabric(world.account)
    try:
        yield fabric
    finally:
        await hang_up()
        await fabric.close()


@asynccontextmanager
async def echo_server() -> AsyncIterator[tuple[str, int]]:
    """Answers each line with itself, and the end of sending with "bye"."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.write(b"bye")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 23)
    try:
        yield server.sockets[0].getsockname()
    finally:
        server.close()


def database(world: World) -> Interface:
    return Interface("eni-db", "database gw", world.ids["vpc"], world.ids["subnet-b"], "10.20.2.9", (world.ids["db"],))


@pytest.fixture(scope="module", autouse=True)
def database_group(world: World) -> None:
    group = world.ec2.create_security_group(GroupName=f"{world.name}-db", Description="db", VpcId=world.ids["vpc"])
    world.ids["db"] = group["GroupId"]
    world.open("egress", "task", permission(PORT, group=world.ids["db"]))


@contextmanager
def ingress(world: World) -> Iterator[None]:
    """The database's group lets the task in for as long as the block lasts."""
    rule = permission(PORT, group=world.ids["task"])
    world.open("ingress", "db", rule)
    try:
        yield
    finally:
        world.close("ingress", "db", rule)


def test_dial_judges_resolves_and_connects(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with fabric_of(world) as fabric, echo_server() as backend:
            task = world.task()
            with pytest.raises(Unresolved, match=r"task one → db\.example:5432: nothing in the network"):
                await fabric.dial(task, "db.example", PORT)
            await fabric.bind("db.example", PORT, database(world), backend)
            with pytest.raises(Blocked, match="no ingress rule for port 5432 from sg-") as blocked:
                await fabric.dial(task, "DB.example", PORT)
            sentence = str(blocked.value)
            assert sentence == (
                f"task one → database gw 10.20.2.9:5432: security group {world.ids['db']} ({world.name}-db) has no"
                f" ingress rule for port 5432 from {world.ids['task']} ({world.name}-task)"
            )
            for _ in range(3):
                with pytest.raises(Blocked):
                    await fabric.dial(task, "db.example", PORT)
            assert list(world.account.facts.blocked).count(sentence) == 1
            assert sum(sentence in record.getMessage() for record in caplog.records) == 1
            with ingress(world):
                for host in ("db.example", "10.20.2.9"):
                    reader, writer = await fabric.dial(task, host, PORT)
                    assert fabric.source_of(writer.get_extra_info("sockname")) is task
                    writer.write(b"hello\n")
                    assert await reader.readline() == b"hello\n"
                    name = writer.get_extra_info("sockname")
                    writer.close()
                    await until(lambda name=name: fabric.source_of(name) is None)
                with pytest.raises(Blocked, match=r"this machine \(127\.0\.0\.1\) → database gw"):
                    await fabric.dial(None, "db.example", PORT)
                with pytest.raises(Blocked, match="no egress rule for port 9999"):
                    await fabric.dial(task, "db.example", 9999)
            await fabric.unbind("db.example", PORT)
            with pytest.raises(Unresolved):
                await fabric.dial(task, "db.example", PORT)

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())


def test_nobody_listening_is_not_a_refused_rule(world: World) -> None:
    async def scenario() -> None:
        async with fabric_of(world) as fabric, echo_server() as backend:
            pass  # the server is gone, its port is not bound any more
        async with fabric_of(world) as fabric:
            await fabric.bind("db.example", PORT, database(world), backend)
            with ingress(world), pytest.raises(ConnectionRefusedError):
                await fabric.dial(world.task(), "db.example", PORT)

    asyncio.run(scenario())


def test_a_hop_carries_bytes_and_half_closes(world: World) -> None:
    async def scenario() -> None:
        async with fabric_of(world) as fabric, echo_server() as backend:
            await fabric.bind("db.example", PORT, database(world), backend)
            port = await fabric.listen(world.task(), "db.example", PORT)
            assert port == await fabric.listen(world.task(), "db.example", PORT)
            reader, writer = await connect(port)
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)
            with ingress(world):
                reader, writer = await connect(port)
                big = b"x" * 3_000_000 + b"\n"
                writer.write(big)
                writer.write_eof()
                assert await asyncio.wait_for(reader.read(-1), 10) == big + b"bye"

    asyncio.run(scenario())


def test_a_live_connection_is_cut_when_its_rule_goes(world: World) -> None:
    async def scenario() -> None:
        async with fabric_of(world) as fabric, echo_server() as backend:
            await fabric.bind("db.example", PORT, database(world), backend)
            port = await fabric.listen(world.task(), "db.example", PORT)
            other = await fabric.listen(world.task("10.20.1.51"), "db.example", PORT)
            with ingress(world):
                streams = [await connect(p) for p in (port, other)]
                for reader, writer in streams:
                    writer.write(b"a\n")
                    assert await reader.readline() == b"a\n"
                world.open("ingress", "db", permission(1, cidr="10.0.0.0/8"))  # unrelated: nothing happens
                await asyncio.sleep(0.3)
                for reader, writer in streams:
                    writer.write(b"b\n")
                    assert await reader.readline() == b"b\n"
            for reader, writer in streams:
                with pytest.raises(ConnectionResetError):
                    await asyncio.wait_for(reader.readexactly(1), 5)
                writer.close()
            assert any("(open connection cut)" in text for text in world.account.facts.blocked)

    asyncio.run(scenario())


def test_a_name_with_several_owners_leads_to_the_one_that_may_be_reached(world: World) -> None:
    async def scenario() -> None:
        async with fabric_of(world) as fabric, echo_server() as backend:
            closed = Interface(
                "eni-x", "closed", world.ids["vpc"], world.ids["subnet-a"], "10.20.1.8", (world.ids["alb"],)
            )
            await fabric.bind("db.example", PORT, closed, ("127.0.0.1", 1))
            await fabric.bind("db.example", PORT, database(world), backend)
            with ingress(world):
                _, writer = await fabric.dial(world.task(), "db.example", PORT)
                writer.close()

    asyncio.run(scenario())


def test_addresses_are_of_the_subnet_and_each_its_own(world: World) -> None:
    async def scenario() -> None:
        async with fabric_of(world) as fabric:
            subnet = world.ids["subnet-a"]
            first, second = await fabric.addresses.get(subnet, "one"), await fabric.addresses.get(subnet, "two")
            assert first != second == await fabric.addresses.get(subnet, "two")
            assert all(ip.startswith("10.20.1.") for ip in (first, second))
            fabric.addresses.release("one")
            assert await fabric.addresses.get(subnet, "three") == first
            with pytest.raises(LookupError, match="there is no subnet subnet-none"):
                await fabric.addresses.get("subnet-none", "one")

    asyncio.run(scenario())


def client(service: str, port: int) -> Any:
    """A client as a task would have it: another principal, and the API at the hop."""
    session = boto3.session.Session(ACCESS_KEY_ID, SECRET_ACCESS_KEY, region_name="us-west-1")
    config = Config(retries={"total_max_attempts": 1}, proxies={}, connect_timeout=5, read_timeout=5)
    return session.client(service, endpoint_url=f"http://127.0.0.1:{port}", config=config)


def test_the_aws_api_is_reached_by_the_routes_of_the_subnet(world: World) -> None:
    async def scenario() -> None:
        async with fabric_of(world) as fabric:
            port = await fabric.listen_aws(world.task())
            assert port == await fabric.listen_aws(world.task())
            secrets, s3 = client("secretsmanager", port), client("s3", port)

            async def reached(call: Any) -> bool:
                try:
                    await asyncio.to_thread(call)
                except BotoCoreError:
                    return False
                return True

            def newest() -> str:
                return world.account.facts.blocked[-1]

            assert not await reached(secrets.list_secrets)
            assert "task one → AWS secretsmanager:443: security group" in newest()
            assert "no egress rule for port 443" in newest()
            world.open("egress", "task", permission(443, cidr="0.0.0.0/0"))
            assert not await reached(secrets.list_secrets)
            assert (
                f"route table {world.ids['table-private']} of subnet {world.ids['subnet-a']} has no route" in newest()
            )
            endpoint = world.ec2.create_vpc_endpoint(
                VpcId=world.ids["vpc"],
                ServiceName="com.amazonaws.us-west-1.s3",
                VpcEndpointType="Gateway",
                RouteTableIds=[world.ids["table-private"]],
            )["VpcEndpoint"]["VpcEndpointId"]
            assert await reached(s3.list_buckets)
            assert not await reached(secrets.list_secrets)
            world.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
            assert not await reached(s3.list_buckets)
            address = world.ec2.allocate_address(Domain="vpc")["AllocationId"]
            nat = world.ec2.create_nat_gateway(SubnetId=world.ids["subnet-public"], AllocationId=address)
            nat_id = nat["NatGateway"]["NatGatewayId"]
            table = world.ids["table-private"]
            world.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat_id)
            assert await reached(secrets.list_secrets)
            assert await reached(s3.list_buckets)
            # Bodies pass both ways, and a presigned URL is judged as its service.
            await asyncio.to_thread(
                lambda: s3.create_bucket(
                    Bucket="fabric-test", CreateBucketConfiguration={"LocationConstraint": "us-west-1"}
                )
            )
            body = b"y" * 500_000
            await asyncio.to_thread(lambda: s3.put_object(Bucket="fabric-test", Key="k", Body=body))
            got = await asyncio.to_thread(lambda: s3.get_object(Bucket="fabric-test", Key="k")["Body"].read())
            assert got == body
            world.ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
            assert not await reached(secrets.list_secrets)
            outside = Interface("fn", "function outside", None, None, "169.254.1.1")
            assert await reached(client("sts", await fabric.listen_aws(outside)).get_caller_identity)

    asyncio.run(scenario())


def test_forgetting_an_interface_closes_its_hops(world: World) -> None:
    async def scenario() -> None:
        async with fabric_of(world) as fabric, echo_server() as backend:
            await fabric.bind("db.example", PORT, database(world), backend)
            task = world.task()
            ports = [await fabric.listen(task, "db.example", PORT), await fabric.listen_aws(task)]
            with ingress(world):
                reader, writer = await connect(ports[0])
                writer.write(b"a\n")
                assert await reader.readline() == b"a\n"
                await fabric.forget(task)
                assert await asyncio.wait_for(_ended(reader), 5)
            for port in ports:
                with pytest.raises(ConnectionRefusedError):
                    await connect(port)

    asyncio.run(scenario())


async def _ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True
