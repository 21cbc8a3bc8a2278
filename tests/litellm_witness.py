"""Starts LiteLLM as `localcloud/images/litellm_start.py` does, and writes down what its own routing did with a request.

Run with the Python of LiteLLM's own environment. Nothing of LiteLLM is changed: FastAPI tells its telemetry which route
it has selected, and that call is listened to; around the whole application stands one that notes how the request came
in and what was answered. What is known once it serves, and after every request:

- `WITNESS_ROUTES`: the route table as JSON, in the order in which routes are tried, mounts and undocumented ones too.
  LiteLLM adds the routes of a feature with the first request for it; here all are there from the start, by the function
  that it has for that, so that no request finds a door that isn't built yet.
- `WITNESS_REQUESTS`: a line of JSON for each request that arrived, in the order in which they were done.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from pathlib import Path
from typing import Any

START = Path(__file__).resolve().parent.parent / "localcloud" / "images" / "litellm_start.py"
SEEN = "tests.witness"  # key in a request's scope: the routes that were selected for it


class Witness:
    """The ASGI application around LiteLLM's."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._log = os.open(os.environ["WITNESS_REQUESTS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, _when_started(send))
            return
        note: dict[str, Any] = {"status": None}
        scope[SEEN] = selected = []

        async def watched(message: Any) -> None:
            if message["type"] in ("http.response.start", "websocket.close"):
                note["status"] = message.get("status", message.get("code"))
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._write(scope, note | {"selected": selected})

    def _write(self, scope: Any, note: dict[str, Any]) -> None:
        headers = dict(scope["headers"])
        seen = {
            "id": headers.get(b"x-witness", b"").decode("latin-1"),
            "agent": headers.get(b"user-agent", b"").decode("latin-1"),
            "method": scope.get("method", "WEBSOCKET"),
            "raw_path": scope.get("raw_path", b"").decode("latin-1"),
            **note,
        }
        os.write(self._log, json.dumps(seen).encode() + b"\n")


def _when_started(send: Any) -> Any:
    async def watched(message: Any) -> None:
        if message["type"] == "lifespan.startup.complete":
            Path(os.environ["WITNESS_ROUTES"]).write_text(json.dumps(_table()))
        await send(message)

    return watched


def _table() -> list[dict[str, Any]]:
    from fastapi.routing import iter_route_contexts  # pyright: ignore[reportAttributeAccessIssue]
    from litellm.proxy._lazy_features import register_all_features  # pyright: ignore[reportMissingImports]
    from litellm.proxy.proxy_server import app  # pyright: ignore[reportMissingImports]
    from starlette.routing import Mount, WebSocketRoute

    register_all_features(app)

    def methods(context: Any) -> list[str]:
        if isinstance(context.original_route, Mount):
            return ["MOUNT"]
        if isinstance(context.original_route, WebSocketRoute):
            return ["WEBSOCKET"]
        return sorted(context.methods)

    return [{"path": context.path, "methods": methods(context)} for context in iter_route_contexts(app.routes)]


def _listen() -> None:
    """Hear what FastAPI tells its telemetry, and stand around whatever application uvicorn is given."""
    import fastapi.routing
    import uvicorn.config

    tell = fastapi.routing._route_selected  # pyright: ignore[reportAttributeAccessIssue]

    def heard(*, scope: Any, path: str | None, mount: bool = False) -> None:
        scope[SEEN].append(path)
        tell(scope=scope, path=path, mount=mount)

    fastapi.routing._route_selected = heard  # pyright: ignore[reportAttributeAccessIssue]
    load = uvicorn.config.Config.load

    def loaded(self: Any) -> None:
        load(self)
        self.loaded_app = Witness(self.loaded_app)

    uvicorn.config.Config.load = loaded


if __name__ == "__main__":
    _listen()
    sys.argv[0] = str(START)
    runpy.run_path(str(START), run_name="__main__")
