"""The edge: what the guard costs a request and how that grows with the path, what the chain adds to a request, and a
stream of some minutes from a model that is silent for longer than a proxy likes."""

from __future__ import annotations

import http.client
import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import quickjs

from bench.cloud import LocalCloud
from components.allow_list import expanded
from components.edge import ORIGIN_READ_SECONDS
from components.edge_code import guard_code

CALLS, ROUNDS = 500, 9
REQUESTS = 200
OPEN_PATH = "/v1/chat/completions"
LENGTHS = (64, 128, 256, 512, 1024)
# The floor, in the same engine: a Function that decodes a path once and looks at each of its characters once.
ONCE = r"""function handler(event) {
    return /^[\/A-Za-z0-9_.~:@+-]+$/.test(decodeURIComponent(event.request.uri));
}"""
SILENCE_SECONDS = 24.0  # of the model before each of its events; LiteLLM writes a comment after 20
MODEL = "claude-haiku-4-5"


# Every kind of path that makes the guard work: decoded again and again; plain to its last character; plain in as many
# segments as fit, and wrong at the end, where an expression that backtracks would be at its worst.
SHAPES: dict[str, Callable[[int], str]] = {
    "encoded over and over": lambda length: ("/" + "%252525" * length)[: length - 2] + "41",
    "one long segment": lambda length: "/" + "a" * (length - 1),
    "one long segment, wrong at the end": lambda length: "/" + "a" * (length - 2) + "!",
    "many segments, wrong at the end": lambda length: ("/a" * length)[: length - 1] + "!",
}


@dataclass(frozen=True)
class Guard:
    """Microseconds a call: of the guard for an open path, by a path's length for the dearest path of that length, and
    of a Function that looks at a path of the greatest length once."""

    once: float
    open_path: float
    by_length: dict[int, float]

    @property
    def growth(self) -> float:
        """How many times dearer eight times the length is."""
        return self.by_length[1024] / self.by_length[128]


def guard() -> Guard:
    """Runs the Functions in the local cloud's engine, by themselves: without the way there and back."""
    code = guard_code(expanded())
    dearest = {length: max(_microseconds(code, shape(length)) for shape in SHAPES.values()) for length in LENGTHS}
    once = _microseconds(ONCE, SHAPES["one long segment"](LENGTHS[-1]))
    return Guard(once, _microseconds(code, OPEN_PATH), dearest)


def _microseconds(code: str, uri: str) -> float:
    context = quickjs.Context()
    event = {"request": {"method": "POST", "uri": uri, "querystring": {}, "headers": {}, "cookies": {}}}
    context.eval(f"{code}\nvar event = {json.dumps(event)};")
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        context.eval(f"for (var i = 0; i < {CALLS}; i++) handler(event);")
        times.append((time.perf_counter() - began) / CALLS * 1e6)
    return median(times)


@dataclass(frozen=True)
class Latency:
    """Milliseconds of `GET /v1/models`: asked of LiteLLM itself, and through edge and public door."""

    direct: float
    chain: float


def latency(cloud: LocalCloud) -> Latency:
    """Turn by turn on kept connections, so that a machine that gets busier is unfair to neither."""
    outputs = cloud.outputs()
    key = next(iter(outputs["keys"].values()))
    ask = {where: _asker(url, key) for where, url in (("direct", cloud.litellm()), ("chain", outputs["gatewayUrl"]))}
    times: dict[str, list[float]] = {"direct": [], "chain": []}
    for _ in range(REQUESTS):
        for where, request in ask.items():
            began = time.perf_counter()
            request()
            times[where].append((time.perf_counter() - began) * 1000)
    return Latency(median(times["direct"]), median(times["chain"]))


def _asker(url: str, key: str) -> Callable[[], None]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)

    def request() -> None:
        connection.request("GET", "/v1/models", headers={"Authorization": f"Bearer {key}"})
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise ConnectionError(f"GET /v1/models at {url} answered {response.status}")

    for _ in range(5):
        request()
    return request


@dataclass(frozen=True)
class Stream:
    """Seconds: of the whole stream, until its first byte, and its longest silence on the wire; how many comments kept
    it alive, and whether it came to its end."""

    total: float
    first: float
    silence: float
    comments: int
    complete: bool


def stream(cloud: LocalCloud) -> Stream:
    """A completion from a model that takes its time, read through the edge."""
    outputs = cloud.outputs()
    cloud.behave("slow", SILENCE_SECONDS)
    try:
        return _read_stream(outputs["gatewayUrl"], next(iter(outputs["keys"].values())))
    finally:
        cloud.behave("well", 0)


def _read_stream(url: str, key: str) -> Stream:
    body: dict[str, Any] = {"model": MODEL, "stream": True, "max_tokens": 4}
    body["messages"] = [{"role": "user", "content": "Take your time."}]
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=2 * ORIGIN_READ_SECONDS)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    began = time.monotonic()
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    response = connection.getresponse()
    times, lines = [began], list[bytes]()
    while line := response.readline():
        times.append(time.monotonic())
        lines.append(line)
    return Stream(
        total=times[-1] - began,
        first=times[1] - began if len(times) > 1 else 0.0,
        silence=max(_gaps(times), default=0.0),
        comments=sum(line.startswith(b":") for line in lines),
        complete=b"data: [DONE]\n" in lines,
    )


def _gaps(times: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(times)]
