"""What one task carries: LiteLLM with a key from Postgres and a model that answers at once, against the floor of its
own server without LiteLLM, turn by turn in one run. `make bench ARGS="--part capacity"`."""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import socket
import statistics
import subprocess
import threading
import time
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.bare import BareLiteLLM, NotReady
from localcloud.images.litellm import venv

SECONDS = 8.0
TURNS = 2
FLUSH_SECONDS = 20.0  # LiteLLM writes what was spent every ten seconds or so
CONNECTIONS = (1, 8, 32)
BODY = json.dumps({"model": "canned", "messages": [{"role": "user", "content": "Hello"}]}).encode()
APP = Path(__file__).with_name("floor_app.py")


@dataclass(frozen=True)
class Load:
    """Answers a second, and the milliseconds within which half, and all but one of a hundred, came."""

    rate: float
    half: float
    most: float


def load(url: str, key: str, connections: int, seconds: float = SECONDS) -> Load:
    """Requests one after another on each of so many kept-alive connections. Raises NotReady for any other answer than
    a 200."""
    took: list[float] = []
    wrong: list[str] = []
    until = time.monotonic() + seconds

    def one_after_another() -> None:
        where = urlsplit(url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        mine: list[float] = []
        while time.monotonic() < until and not wrong:
            began = time.perf_counter()
            connection.request("POST", "/v1/chat/completions", BODY, headers)
            answer = connection.getresponse()
            text = answer.read()
            mine.append(time.perf_counter() - began)
            if answer.status != 200:
                wrong.append(f"{answer.status}: {text[:200]!r}")
        connection.close()
        took.extend(mine)

    threads = [threading.Thread(target=one_after_another) for _ in range(connections)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise NotReady(f"{url} answered {wrong[0]}")
    ordered = sorted(took)
    lasted = time.monotonic() - began
    return Load(len(took) / lasted, statistics.median(ordered) * 1000, ordered[int(len(ordered) * 0.99)] * 1000)


@contextlib.contextmanager
def floor(folder: Path) -> Generator[str]:
    """uvicorn as LiteLLM runs it, with an app that does nothing."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    argv = [str(venv() / "bin" / "python"), "-m", "uvicorn", "floor_app:app", "--port", str(port), "--no-access-log"]
    with (folder / "floor.log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=APP.parent, stdout=log, stderr=subprocess.STDOUT)
        try:
            url = f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 120
            while True:
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"{url}/health/readiness", timeout=2).read()
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    raise NotReady((folder / "floor.log").read_text(errors="replace")[-2000:])
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait(20)


def new_key(url: str, master: str) -> str:
    """A key as people have one, so that each request is checked as theirs are."""
    key = f"sk-{secrets.token_urlsafe(18)}"
    body = json.dumps({"key": key, "key_alias": key[-8:], "max_budget": 1000}).encode()
    headers = {"Authorization": f"Bearer {master}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/key/generate", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()
    return key


def measure(folder: Path) -> None:
    """Prints the figures. There is no limit to hold them against: they are what docs/scale.md computes with."""
    with BareLiteLLM(folder / "bare") as litellm, litellm.running() as (url, master), floor(folder) as bare:
        key = new_key(url, master)
        for at in (bare, url):
            load(at, key, 8, 3.0)  # warm: routes compiled, connections to the database open
        print("requests a second, and within how many ms half (99 of 100) were answered: floor, LiteLLM")
        for connections in CONNECTIONS:
            floors, gateways = [], []
            for _ in range(TURNS):
                floors.append(load(bare, key, connections))
                gateways.append(load(url, key, connections))
            low, high = max(floors, key=lambda one: one.rate), max(gateways, key=lambda one: one.rate)
            print(
                f"  {connections:>2} connections: {low.rate:.0f}, {high.rate:.0f} (ratio {high.rate / low.rate:.3f}); "
                f"{low.half:.1f} ({low.most:.1f}), {high.half:.1f} ({high.most:.1f}); added {high.half - low.half:.1f}"
            )
        time.sleep(FLUSH_SECONDS)
        rows, size, connections = litellm.stored()
        each = size / max(rows, 1)
        print(f"spend logs: {rows} rows, {each:.0f} bytes each with their indexes; {connections} connections")
