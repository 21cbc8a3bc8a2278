"""The HTTP server under the simulated API: werkzeug's threaded one with moto's header handling, and quiet."""

from __future__ import annotations

import logging
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer

log = logging.getLogger(__name__)
HEADERS = "localcloud.headers"  # in the WSGI environment: the request's headers as they came
IDLE_SECONDS = 60.0  # a connection that sends nothing for so long is closed, and its thread ends


class Handler(MotoRequestHandler):
    """One connection."""

    # "100 Continue" for uploads needs 1.1. Each answer still ends its connection: werkzeug says so, and its handler
    # does not survive an idle one.
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True

    def make_environ(self) -> dict[str, Any]:
        # A signature covers headers as they were sent; WSGI's names can't tell an underscore from a hyphen.
        return {**super().make_environ(), HEADERS: list(self.headers.items())}

    def handle_expect_100(self) -> bool:
        return True  # werkzeug answers "100 Continue" itself; the standard library's would be a second one

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: query strings of presigned URLs are credentials, and the gateway logs what is worth it."""

    def log(self, type: str, message: str, *args: Any) -> None:
        log.debug(message, *args)


class Server(ThreadedWSGIServer):
    """A thread a connection, none of which outlives the process."""

    daemon_threads = True
    block_on_close = False  # a slow client must not hold up a stop
    request_queue_size = 128

    def log(self, type: str, message: str, *args: Any) -> None:
        log.debug(message, *args)


def make_server(app: Any) -> BaseWSGIServer:
    """A server for ``app`` bound to a free loopback port (``server_port``), not yet serving."""
    return Server("127.0.0.1", 0, app, handler=Handler)
