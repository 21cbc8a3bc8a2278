"""Long streams and a flood through the whole gateway: edge, doors, LiteLLM, and a model that takes its time."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.counts import counts
from tests.edge.volley import Shot, fire
from tests.live.cloud import Cloud, chat

STREAMS, REFUSED = 200, 2000
TOKEN_SECONDS = 15  # of a slow model: a stream of a dozen tokens outlasts what happens beside it on a slow machine


@pytest.fixture(autouse=True)
def well(cloud: Cloud) -> Iterator[None]:
    yield
    cloud.localcloud("bedrock", "well")


def port(outputs: dict[str, Any]) -> int:
    return int(outputs["gatewayUrl"].rpartition(":")[2])


def asked(key: str) -> bytes:
    body = {"model": "claude-haiku-4-5", "stream": True, "messages": [{"role": "user", "content": "Take your time."}]}
    text = json.dumps(body).encode()
    head = f"Host: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nConnection: close"
    return f"POST /v1/chat/completions HTTP/1.1\r\n{head}\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text


def test_the_first_token_arrives_before_the_last_is_made(cloud: Cloud, outputs: dict[str, Any]) -> None:
    """A model that takes a second a token: what arrives spread over as many seconds was buffered nowhere."""
    cloud.localcloud("bedrock", "slow", "--seconds", "1")
    body = {"model": "claude-haiku-4-5", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"Authorization": f"Bearer {outputs['keys']['production']}", "Content-Type": "application/json"}
    request = urllib.request.Request(
        f"{outputs['gatewayUrl']}/v1/chat/completions", json.dumps(body).encode(), headers, method="POST"
    )
    arrived: list[float] = []
    with urllib.request.urlopen(request, timeout=90) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["content-length"] is None
        for line in response:
            if line.startswith(b"data: {") and (choices := json.loads(line[6:])["choices"]):
                arrived += [time.monotonic()] if choices[0]["delta"].get("content") else []
    assert len(arrived) > 10
    gaps = [later - earlier for earlier, later in itertools.pairwise(arrived)]
    assert arrived[-1] - arrived[0] > 0.8 * len(gaps), "it came in one piece"
    assert sorted(gaps)[len(gaps) // 2] > 0.5, "it came in bursts"


def test_a_silent_model_is_kept_alive(cloud: Cloud, outputs: dict[str, Any]) -> None:
    """LiteLLM writes a comment into a stream that says nothing for a while, before its first token as well; it passes
    edge and door at once, while the model still thinks. `make bench` has a stream of some minutes."""
    cloud.localcloud("bedrock", "slow", "--seconds", "60")
    with socket.create_connection(("127.0.0.1", port(outputs)), timeout=120) as connection:
        connection.sendall(asked(outputs["keys"]["production"]))
        arrived = b""
        while b"\n:" not in arrived:
            more = connection.recv(65536)
            assert more, f"the stream has ended: {arrived!r}"
            arrived += more
        assert b"data:" not in arrived, "the model has said nothing yet"
        cloud.localcloud("bedrock", "well")
        while more := connection.recv(65536):
            arrived += more
    assert b"data: [DONE]" in arrived


def processes(cloud: Cloud) -> dict[int, tuple[str, int, int]]:
    """Process id → name, resident bytes and open files, of everything that stays: functions come and go."""
    found: dict[int, tuple[str, int, int]] = {}
    for item in cloud.status()["processes"]:
        if item["name"].startswith("function"):
            continue
        process = psutil.Process(item["pid"])
        found[item["pid"]] = (item["name"], process.memory_info().rss, process.num_fds())
    return found


async def stream(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    writer.write(request)
    try:
        return await reader.read()
    finally:
        writer.close()


async def flood(cloud: Cloud, port: int, key: str, master: str) -> tuple[list[bytes], list[Shot]]:
    """All streams within some seconds, as people come in the morning: LiteLLM looks each key up in its database. While
    they run, the calls that the edge refuses; then the model may speak at its usual pace."""
    await asyncio.to_thread(cloud.localcloud, "bedrock", "slow", "--seconds", str(TOKEN_SECONDS))
    head = (
        f"POST /user/new HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {master}\r\nContent-Length: 2\r\n\r\n{{}}"
    )
    shots = [Shot(str(number), head.encode(), "admin") for number in range(REFUSED)]
    running: list[asyncio.Task[bytes]] = []
    for number in range(STREAMS):
        running.append(asyncio.create_task(stream(port, asked(key))))
        await asyncio.sleep(0.3 if number % 10 == 9 else 0)
    assert not any(task.done() for task in running), "the first streams outlast the coming of the last"
    await fire(port, shots)
    assert not any(task.done() for task in running), "the streams outlast the refused calls"
    await asyncio.to_thread(cloud.localcloud, "bedrock", "well")
    return await asyncio.gather(*running), shots


@pytest.mark.timeout(900)
def test_a_flood_is_survived_and_leaves_nothing_behind(
    cloud: Cloud, outputs: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    """200 slow streams and 2,000 refused admin calls, twice: the second finds the room that the first took."""
    master, key = cloud.master_key(), outputs["keys"]["production"]
    before = processes(cloud)
    after: list[dict[int, tuple[str, int, int]]] = []
    for _ in range(2):
        answers, shots = asyncio.run(flood(cloud, port(outputs), key, master))
        assert {shot.maker for shot in shots} == {"function"} and {shot.status for shot in shots} == {403}
        cut = [answer[:400] for answer in answers if b"data: [DONE]" not in answer]
        assert cut == []
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            found = processes(cloud)
            if all(files <= before[pid][2] + 30 for pid, (_, _, files) in found.items() if pid in before):
                break
            time.sleep(1)
        after.append(processes(cloud))
    assert before.keys() <= after[0].keys() and before.keys() <= after[1].keys(), "every process has survived"
    for pid, (name, _, files) in before.items():
        assert after[1][pid][2] <= files + 30, f"{name} keeps {after[1][pid][2]} files open, {files} before"
        assert after[1][pid][1] < 1.1 * after[0][pid][1] + 20e6, f"{name} grows with every flood"
    resident = [sum(memory for _, memory, _ in found.values()) / 1e6 for found in (before, *after)]
    counts(request.config).append(
        f"flood: {STREAMS} slow streams and {REFUSED:,} refused calls, twice; every stream whole, every process alive; "
        f"resident {resident[0]:,.0f} MB before, {resident[1]:,.0f} and {resident[2]:,.0f} MB after"
    )
    assert chat(outputs["gatewayUrl"], key).status == 200
