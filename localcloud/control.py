"""The daemon's own small HTTP endpoint on loopback: its status for the command line, credentials for containers."""

from __future__ import annotations

import hmac
import http.client
import json
import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

log = logging.getLogger(__name__)
_TIMEOUT_SECONDS = 10.0

# (path below the prefix, value of the Authorization header) → the JSON to answer with.
Handler = Callable[[str, str], Any]


class NotAllowed(Exception):
    """The token is missing or wrong: answered with 403."""


class NotFound(Exception):
    """Nothing is known under that path: answered with 404."""


class Control:
    """Answers GET requests on a free loopback port until closed; each prefix has its handler, run on a thread."""

    def __init__(self) -> None:
        self._handlers: dict[str, Handler] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._request_handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.2,), name="control", daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def route(self, prefix: str, handler: Handler) -> None:
        """Let ``handler`` answer every path that begins with ``/prefix``."""
        self._handlers[prefix] = handler

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, token: str) -> tuple[int, Any]:
        """Status and content for one request."""
        prefix, _, rest = path.lstrip("/").partition("/")
        handler = self._handlers.get(prefix)
        try:
            if handler is None:
                raise NotFound
            return 200, handler(rest, token)
        except NotAllowed:
            return 403, {"message": "the Authorization header doesn't hold the token that belongs to this path"}
        except NotFound:
            return 404, {"message": f"there is nothing under {path.split('?')[0]}"}
        except Exception as error:
            log.exception("control request failed")
            return 500, {"message": f"the local cloud's daemon failed: {type(error).__name__}; its log says more"}

    def _request_handler(self) -> type[BaseHTTPRequestHandler]:
        control = self

        class Request(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, content = control.answer(self.path, self.headers.get("Authorization", ""))
                body = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                log.debug(format, *args)

        return Request


def same(given: str, expected: str) -> bool:
    """Compare tokens in a time that doesn't depend on where they differ."""
    return hmac.compare_digest(given.encode(), expected.encode())


def ask(url: str, path: str, token: str = "") -> Any:
    """GET ``path`` from a control endpoint. Raises OSError when nobody answers, RuntimeError when the answer is no.

    No proxy of the environment is asked: the standard library's client doesn't know any.
    """
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers={"Authorization": token})
        response = connection.getresponse()
        content = json.loads(response.read())
    except http.client.HTTPException as error:
        raise OSError(f"{url} broke off: {error!r}") from error
    finally:
        connection.close()
    if response.status != 200:
        raise RuntimeError(content.get("message", f"{url}{path} answered {response.status}"))
    return content
