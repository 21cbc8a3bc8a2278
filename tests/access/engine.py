"""Runs `Access` under the real engine, with the real relay protocol and somebody who answers for LiteLLM behind it."""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pulumi
import pulumi_random as random
from pulumi import automation

from components.access import Access, AccessArgs
from components.access_file import AccessSpec
from localcloud.home import setup_dir

ROOT = Path(__file__).parent.parent.parent
Answer = Callable[[dict[str, Any]], dict[str, Any]]


class Relay:
    """Lambda's Invoke on loopback, in front of `answer` (an event → what the relay's handler gives back)."""

    def __init__(self, answer: Answer) -> None:
        self.calls: list[tuple[str, str]] = []
        self.invocations = 0
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Quiet."""

            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                request = json.loads(event["request"])
                relay.calls += [(call["method"], call["path"]) for call in request.get("calls", [request])]
                relay.invocations += 1
                body = json.dumps(answer(event)).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@dataclass(frozen=True)
class Outcome:
    """What an operation did: kinds of steps → how many, the outputs, and all that was printed."""

    changes: Mapping[str, int]
    outputs: dict[str, Any]
    said: str


class Stack:
    """One stack with nothing but `Access` and a stand-in for the database, whose `generation` makes it anew."""

    def __init__(self, folder: Path, relay: Relay) -> None:
        self.spec, self.generation, self.folder, self.roster_above = AccessSpec(), "1", folder, 100
        self._relay = relay
        for place in ("state", "home", "bin", "project"):
            (folder / place).mkdir(parents=True)
        # beside our launchers, because the folder of the engine comes first on its PATH
        (folder / "bin" / "pulumi").symlink_to(engine())
        for name, module in {"pulumi-python": "pulumi.dynamic", "random": "localcloud.plugins.random"}.items():
            launcher = folder / "bin" / f"pulumi-resource-{name}"
            launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" -u -m {module} "$@"\n')
            launcher.chmod(0o700)
        settings = automation.ProjectSettings(name="llm-gateway", runtime="python")
        options = automation.LocalWorkspaceOptions(
            work_dir=str(folder / "project"),
            project_settings=settings,
            env_vars=self._environment(),
            pulumi_home=str(folder / "home"),
            pulumi_command=automation.PulumiCommand(root=str(folder)),
        )
        self._stack = automation.create_or_select_stack("test", "llm-gateway", self._program, opts=options)

    def up(self, spec: AccessSpec | None = None) -> Outcome:
        return self._run(self._stack.up, spec)

    def preview(self, spec: AccessSpec | None = None) -> Outcome:
        return self._run(self._stack.preview, spec)

    def refresh(self) -> Outcome:
        return self._run(self._stack.refresh, None)

    def destroy(self) -> Outcome:
        return self._run(self._stack.destroy, None)

    @property
    def state(self) -> str:
        """All that the backend has on disk: the state, its backups and its history."""
        return "".join(
            file.read_text(errors="replace") for file in (self.folder / "state").rglob("*") if file.is_file()
        )

    @property
    def root_secret(self) -> str:
        """What every key's value is derived from, in base64."""
        exported = self._stack.export_stack().deployment
        assert exported is not None
        [found] = [one for one in exported["resources"] if one["type"] == "random:index/randomBytes:RandomBytes"]
        return json.loads(found["outputs"]["base64"]["plaintext"])

    def _program(self) -> None:
        database = random.RandomId("database", byte_length=4, keepers={"generation": self.generation})
        args = AccessArgs(
            self.spec,
            "gw-relay",
            "us-west-1",
            "llm-gateway/test",
            "llm-gateway-test",
            database,
            [database],
            self.roster_above,
        )
        access = Access("access", args)
        for output in ("users", "teams", "keys", "published"):
            pulumi.export(output, getattr(access, output))

    def _run(self, operation: Callable[..., Any], spec: AccessSpec | None) -> Outcome:
        self.spec = spec if spec is not None else self.spec
        self._relay.calls.clear()
        said: list[str] = []
        try:
            result = operation(on_output=said.append, on_error=said.append, color="never")
        except automation.CommandError as error:
            raise EngineError(str(error)) from None
        outputs = {name: output.value for name, output in getattr(result, "outputs", {}).items()}
        changes = result.change_summary if hasattr(result, "change_summary") else result.summary.resource_changes
        return Outcome(
            {str(getattr(kind, "value", kind)): count for kind, count in changes.items()}, outputs, "\n".join(said)
        )

    def _environment(self) -> dict[str, str]:
        folder = self.folder
        return {
            "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PYTHONPATH": str(ROOT),
            "AWS_ENDPOINT_URL_LAMBDA": self._relay.url,
            "AWS_ACCESS_KEY_ID": "AKIATESTTESTTESTTEST",  # the relay takes none of another form
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "NO_PROXY": "127.0.0.1,localhost",
        }


class EngineError(Exception):
    """The engine failed; the text is all that it said."""


def engine() -> Path:
    """The `pulumi` to test with."""
    for found in (setup_dir() / "engine" / "bin" / "pulumi", shutil.which("pulumi")):
        if found and Path(found).exists():
            return Path(found)
    raise FileNotFoundError("no pulumi on PATH or in .local/setup: run `make setup`")
