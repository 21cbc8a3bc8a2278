"""CloudFront at its door: behaviours, functions, what reaches the origin, what the viewer gets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from localcloud.dataplane.readings import Readings
from tests.net.edge_world import ALL_VIEWER, BLOCK, GUARD, SECURITY_HEADERS, behavior, change, distribution, publish
from tests.net.raw import Backend, ask, connect, get, read_response
from tests.net.world import Plane, World, permission, running


@pytest.fixture(scope="module")
def edge(world: World) -> dict[str, Any]:
    """A guarded default behaviour, a blocked prefix, and the load balancer's public door forwarding everything."""
    change_door = {"ListenerArn": world.ids["public-door"], "DefaultActions": [world.forward()]}
    world.elb.modify_listener(**change_door)
    block, guard = publish(world, "block", BLOCK), publish(world, "guard", GUARD)
    open_path = behavior(ResponseHeadersPolicyId=SECURITY_HEADERS)
    patterns = {"/key/*": behavior(block), "open/*": open_path, "/host/*": behavior(OriginRequestPolicyId=ALL_VIEWER)}
    read_only = {"Quantity": 2, "Items": ["GET", "HEAD"], "CachedMethods": {"Quantity": 2, "Items": ["GET", "HEAD"]}}
    patterns["/get/?x"] = behavior(AllowedMethods=read_only, ViewerProtocolPolicy="https-only")
    return distribution(world, behavior(guard), patterns)


async def serve(plane: Plane, backend: Backend, edge: dict[str, Any], scheme: str = "https") -> int:
    """The loopback port of the distribution, with a healthy target behind the load balancer."""
    await plane.serve_task(backend.port)
    return plane.port(f"{scheme}://{edge['DomainName']}")


def test_a_request_passes_guard_and_load_balancer(world: World, edge: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            port = await serve(plane, backend, edge)
            sent = get(
                "/v1/models?a=%2F&b",
                "Authorization: Bearer sk-1",
                "Cookie: c=1; d=2",
                "User-Agent: curl/8",
                "X-Forwarded-For: 1.2.3.4",
                "X-Forwarded-Proto: http",
                "X-Real-IP: 9.9.9.9",
                "X-Edge-Secret: 1",
                "X-Amz-Cf-Id: forged",
                "Expect: 200-ok",
                "Proxy-Authorization: Basic x",
                "TE: trailers",
                "X-Original-URL: /key/generate",
                "X-Origin-Secret: forged",
                host=edge["DomainName"],
            )
            answer = await ask(port, sent)
            assert (answer.status, answer.body) == (200, b"ok")
            assert answer.get("x-cache") == "Miss from cloudfront"
            assert answer.get("x-backend") == "yes"
            assert ".cloudfront.net (CloudFront)" in (answer.get("via") or "")
            assert len(answer.get("x-amz-cf-id") or "") == 56
            seen = backend.requests[-1]
            assert seen.line == "GET /v1/models?a=%2F&b HTTP/1.1"
            assert seen.get("host") == world.ids["dns"]  # all viewer headers except Host
            assert seen.get("authorization") == "Bearer sk-1"
            assert seen.get("cookie") == "c=1; d=2"
            assert seen.get("user-agent") == "curl/8"
            assert seen.get("x-original-url") == "/key/generate"
            assert (seen.get("x-forwarded-for") or "").startswith("1.2.3.4,127.0.0.1, 10.20.1.")
            assert [v for n, v in seen.headers if n.lower() == "x-origin-secret"] == ["s1"]
            assert seen.get("x-amz-cf-id") == answer.get("x-amz-cf-id")
            assert (seen.get("via") or "").startswith("1.1 ")
            for name in ("x-real-ip", "x-edge-secret", "expect", "proxy-authorization", "te"):
                assert seen.get(name) is None, name

    asyncio.run(scenario())


def test_behaviours_match_the_normalised_path_and_the_raw_one_goes_on(world: World, edge: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            port = await serve(plane, backend, edge)
            for path in ("/key/generate", "/%6bey/generate", "//key//x", "/a/../key/x", "/%2e/key/x", "/key/?q"):
                blocked = await ask(port, get(path))
                assert (blocked.status, blocked.body[:9]) == (403, b'{"error":'), path
                assert blocked.get("x-cache") == "FunctionGeneratedResponse from cloudfront"
            for path in (
                "/KEY/x",
                "/key",
                "/key%2Fgenerate",
                "/%2Fkey/x",
                "/v1/models/",
                "/v1%2Fmodels",
                "/%zz",
                "/a#b",
            ):
                guarded = await ask(port, get(path))
                assert (guarded.status, guarded.body) == (403, b"guarded"), path
                # The function sees the raw path, as the origin would.
                assert guarded.get("x-guard") == path.replace("%", "%25").replace("/", "%2F").replace("#", "%23")
            assert backend.requests == []
            raw = "/open/%6bEy%2F..//a;b?%00=c"
            assert (await ask(port, get(raw))).status == 200
            assert backend.requests[-1].line == f"GET {raw} HTTP/1.1"

    asyncio.run(scenario())


def test_other_readings_match_otherwise(world: World, edge: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with Backend() as backend, running(world, Readings(edge_match="raw", edge_fragment="refuse")) as plane:
            port = await serve(plane, backend, edge)
            assert (await ask(port, get("/%6bey/x"))).body == b"guarded"
            assert (await ask(port, get("/a#b"))).status == 400
        async with (
            Backend() as backend,
            running(world, Readings(edge_match="decoded", edge_absolute="refuse")) as plane,
        ):
            port = await serve(plane, backend, edge)
            assert (await ask(port, get("/%2Fkey%2Fx"))).body.startswith(b'{"error":')
            assert (await ask(port, get("http://localhost/v1/models"))).status == 400

    asyncio.run(scenario())


def test_requests_that_never_reach_a_function(world: World, edge: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            port = await serve(plane, backend, edge)
            refused = {
                b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx": 403,
                get("/v1/models", host="evil.example"): 403,
                get("/v1/models", "Host: localhost"): 400,
                get("/v1/models", method="TRACE"): 403,
                get("/v1/models", method="get"): 403,
                get("/v1/models", method="FOO"): 403,
                get("/get/ax", method="POST"): 403,
                get("http://evil.example/v1/models"): 403,
                get("*"): 400,
                get("v1/models"): 400,
                get("/" + "a" * 8200): 413,
                get("/v1/models", "X: " + "a" * 33_000): 413,
                get("/v1/models", "Transfer-Encoding: gzip", method="POST"): 501,
            }
            for request, status in refused.items():
                answer = await ask(port, request)
                assert answer.status == status, request[:60]
                assert answer.get("server") == "CloudFront"
                assert b"The request could not be satisfied" in answer.body
                assert answer.get("x-cache") == "Error from cloudfront"
            assert backend.requests == []
            assert (await ask(port, get("http://localhost/v1/models"))).status == 200
            assert backend.requests[-1].line == "GET /v1/models HTTP/1.1"
            head = await ask(port, get("/v1/models", method="HEAD"), "HEAD")
            assert (head.status, head.get("content-length")) == (200, "2")

    asyncio.run(scenario())


def test_viewer_protocol_policies(world: World, edge: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            port = await serve(plane, backend, edge, "http")
            https = plane.port(f"https://{edge['DomainName']}")
            moved = await ask(port, get("/v1/models?a", host=f"127.0.0.1:{port}"))
            assert (moved.status, moved.get("location")) == (301, f"http://127.0.0.1:{https}/v1/models?a")
            named = await ask(port, get("/key/x", host=edge["DomainName"], method="POST"))
            assert (named.status, named.get("location")) == (307, f"https://{edge['DomainName']}/key/x")
            assert (await ask(port, get("/get/ax"))).status == 403
            assert (await ask(https, get("/get/ax"))).status == 200

    asyncio.run(scenario())


def test_policies_choose_host_and_response_headers(world: World, edge: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            port = await serve(plane, backend, edge)
            await ask(port, get("/host/x", host=edge["DomainName"]))
            assert backend.requests[-1].get("host") == edge["DomainName"]
            secured = await ask(port, get("/open/x"))
            assert secured.get("x-content-type-options") == "nosniff"
            assert (secured.get("strict-transport-security") or "").startswith("max-age=")
            assert (await ask(port, get("/host/x"))).get("x-content-type-options") is None

    asyncio.run(scenario())


def test_a_closed_security_group_gives_504_with_the_reason(world: World, edge: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            port = await serve(plane, backend, edge)
            assert (await ask(port, get("/v1/models"))).status == 200
            rule = permission(80, group=world.ids["cloudfront"])
            await asyncio.to_thread(world.close, "ingress", "alb", rule)
            try:
                await asyncio.sleep(0.3)  # the kept connection is cut meanwhile
                answer = await ask(port, get("/v1/models"))
                assert answer.status == 504
                assert b"504 ERROR" in answer.body
                reason = answer.get("x-localcloud-reason") or ""
                assert f"({world.name}-alb) has no ingress rule for port 80" in reason
                assert "CloudFront-VPCOrigins-Service-SG" in reason
                assert any(reason.replace("->", "→") == text for text in world.account.facts.blocked)
            finally:
                await asyncio.to_thread(world.open, "ingress", "alb", rule)
            assert (await ask(port, get("/v1/models"))).status == 200

    asyncio.run(scenario())


def test_new_code_and_configuration_are_taken_up(world: World, edge: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            port = await serve(plane, backend, edge)
            await asyncio.to_thread(publish, world, "block", BLOCK.replace("403", "451"))
            await plane.reconcile()
            assert (await ask(port, get("/key/x"))).status == 451
            await asyncio.to_thread(publish, world, "block", BLOCK.replace("return", "missing(); return"))
            await plane.reconcile()
            failed = await ask(port, get("/key/x"))
            assert (failed.status, failed.get("x-cache")) == (503, "FunctionExecutionError from cloudfront")
            assert "missing is not defined" in (failed.get("x-localcloud-reason") or "")
            await asyncio.to_thread(publish, world, "block", BLOCK.replace("'content-type'", "'x-amz-cf-x'"))
            await plane.reconcile()
            assert (await ask(port, get("/key/x"))).status == 502
            await asyncio.to_thread(publish, world, "block", BLOCK)
            await change(world, edge["Id"], Enabled=False)
            await plane.reconcile()
            assert f"https://{edge['DomainName']}" not in world.account.facts.hosts
            with pytest.raises(ConnectionRefusedError):
                await ask(port, get("/key/x"))
            await change(world, edge["Id"], Enabled=True)
            await plane.reconcile()
            assert (await ask(plane.port(f"https://{edge['DomainName']}"), get("/key/x"))).status == 403

    asyncio.run(scenario())


def test_a_feature_that_is_not_simulated_is_named(world: World, edge: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with running(world) as plane:
            port = plane.port(f"https://{edge['DomainName']}")
            restriction = {"RestrictionType": "whitelist", "Quantity": 1, "Items": ["DE"]}
            await change(world, edge["Id"], Restrictions={"GeoRestriction": restriction})
            try:
                await plane.reconcile()
                answer = await ask(port, get("/v1/models"))
                assert answer.status == 501
                assert answer.get("x-localcloud-reason") == "geographic restrictions aren't simulated"
            finally:
                await change(
                    world, edge["Id"], Restrictions={"GeoRestriction": {"RestrictionType": "none", "Quantity": 0}}
                )

    asyncio.run(scenario())


def test_smuggling_through_both_proxies_finds_no_gap(world: World, edge: dict[str, Any]) -> None:
    """Whatever follows a request on the same connection is a request of its own, judged by the edge."""

    async def scenario() -> None:
        async with Backend() as backend, running(world) as plane:
            port = await serve(plane, backend, edge)
            hidden = b"POST /key/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
            carrier = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(
                hidden
            )
            reader, writer = await connect(port)
            writer.write(carrier + hidden + hidden)
            assert [(await read_response(reader)).status for _ in range(2)] == [200, 403]
            chunked = (
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            )
            writer.write(chunked + hidden)
            assert [(await read_response(reader)).status for _ in range(2)] == [200, 403]
            for framing in (b"5 ; x=\n", b"0x5\r\n", b"+5\r\n", b" 5\r\n", b"5\n", b"ffffffffffffffffffffff\r\n"):
                broken = chunked[: -len(b"0\r\n\r\n")] + framing + b"hello\r\n0\r\n\r\n" + hidden
                answer = await ask(port, broken)
                assert answer.status >= 400, framing
            assert {seen.line.split(" ")[1] for seen in backend.requests} <= {"/v1/chat/completions"}
            assert backend.requests[0].body == hidden

    asyncio.run(scenario())
