"""Run with the Python of a LiteLLM's own environment: prints its version, routes and migrations as JSON.

Standard library and that LiteLLM only. It imports the proxy and starts nothing.
"""

# What it imports is there only where it runs, so nothing is known here of its types.
# pyright: reportMissingImports=false, reportUnknownVariableType=false, reportUnknownMemberType=false

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import re
import sys
from pathlib import Path
from typing import Any

# What a migration may do to data that is there.
_DESTRUCTIVE = re.compile(
    r"\b(DROP\s+(?:TABLE|COLUMN)|TRUNCATE|DELETE\s+FROM|ALTER\s+COLUMN\s+\S+\s+(?:SET\s+DATA\s+)?TYPE)\b", re.IGNORECASE
)


def routes() -> list[dict[str, Any]]:
    """Every route in the order in which it is tried; those of features that load with their first request as well."""
    from litellm.proxy.proxy_server import app

    with contextlib.suppress(ImportError):  # a version without such features
        from litellm.proxy._lazy_features import register_all_features

        register_all_features(app)
    return list(_flat(app))


def _flat(app: Any) -> Any:
    with contextlib.suppress(ImportError):
        from fastapi.routing import iter_route_contexts

        for context in iter_route_contexts(app.routes):
            yield {"path": context.path, "methods": _methods(context.original_route, context)}
        return
    for route in app.routes:
        yield {"path": route.path, "methods": _methods(route, route)}


def _methods(route: Any, of: Any) -> list[str]:
    from starlette.routing import Mount, WebSocketRoute

    if isinstance(route, Mount):
        return ["MOUNT"]
    return ["WEBSOCKET"] if isinstance(route, WebSocketRoute) else sorted(of.methods or [])


def migrations() -> dict[str, list[str]]:
    """Name → the statements in it that touch data that is there."""
    import litellm_proxy_extras

    folder = Path(litellm_proxy_extras.__path__[0]) / "migrations"
    return {
        file.parent.name: [" ".join(found.split()) for found in _DESTRUCTIVE.findall(file.read_text())]
        for file in sorted(folder.glob("*/migration.sql"))
    }


def main() -> None:
    with contextlib.redirect_stdout(sys.stderr):  # what it prints while it is imported
        found = {
            "version": importlib.metadata.version("litellm"),
            "routes": routes(),
            "migrations": migrations(),
        }
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
