"""CloudFront's access log: a record for each request, delivered to the log group that the account's deliveries name.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html, "Log file fields".
AWS delivers within minutes and says that a record may be missing; here it takes under a second.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from localcloud.aws.account import Account
from localcloud.aws.log_delivery import EDGE_REGION
from localcloud.dataplane.edge_headers import POP
from localcloud.dataplane.edge_log_model import AccessLog
from localcloud.dataplane.logs import Shipper
from localcloud.net.http_head import Head, Target
from localcloud.net.http_server import Exchange

NOBODY_LEFT = "000"  # "the viewer closed the connection … before the server could respond"


class AccessLogs:
    """Sends records on a thread of its own, which starts with the first log."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._shipper: Shipper | None = None
        self._open: set[tuple[str, str]] = set()

    def open(self, log: AccessLog) -> None:
        """Make the log's stream. Raises NoLogGroup; blocks."""
        if self._shipper is None:
            self._shipper = Shipper(self._account, EDGE_REGION)
        if (log.group, log.stream) not in self._open:
            self._shipper.open_stream(log.group, log.stream)
            self._open.add((log.group, log.stream))

    def put(self, log: AccessLog, record: Mapping[str, str]) -> None:
        """Queue one record."""
        if self._shipper is not None and (log.group, log.stream) in self._open:
            line = json.dumps({name: record.get(name, "-") for name in log.fields})
            self._shipper.put(log.group, log.stream, line)

    def close(self) -> None:
        """Send what is queued and end the thread. Repeatable; blocks."""
        if self._shipper is not None:
            self._shipper.close()
        self._shipper = None
        self._open.clear()


def record(exchange: Exchange, target: Target | None, id: str, scheme: str, began: float) -> dict[str, str]:
    """Every field that is known of a request whose response has ended; `began` by `time.monotonic`."""
    head, now = exchange.head, time.gmtime()
    first = exchange.first_byte or time.monotonic()
    result = _result(exchange)
    host = (target.authority if target else None) or head.get(b"host") or b"-"
    path = target.path if target else head.target.partition(b"?")[0]
    query = target.query if target else None
    return {
        "date": time.strftime("%Y-%m-%d", now),
        "time": time.strftime("%H:%M:%S", now),
        "c-ip": exchange.client.ip,
        "c-port": str(exchange.client.port),
        "cs-method": _text(head.method),
        "cs(Host)": _text(host),
        "x-host-header": _text(host),
        "cs-uri-stem": _text(path),
        "cs-uri-query": _text(query or b"-"),
        "cs-protocol": scheme,
        "cs-protocol-version": f"HTTP/{_text(head.version)}",
        "sc-status": str(exchange.status) if exchange.status else NOBODY_LEFT,
        "sc-bytes": str(exchange.sent_bytes),
        "time-taken": f"{time.monotonic() - began:.3f}",
        "time-to-first-byte": f"{first - began:.3f}",
        "x-edge-location": _text(POP),
        "x-edge-request-id": id,
        "x-edge-result-type": result,
        "x-edge-response-result-type": result,
        "x-edge-detailed-result-type": result,
        **{f"cs({name})": _header(head, name) for name in ("User-Agent", "Referer", "Cookie")},
    }


def _result(exchange: Exchange) -> str:
    """What X-Cache says of it."""
    said = next((value for name, value in exchange.sent_headers if name.lower() == b"x-cache"), b"Error")
    return _text(said.partition(b" ")[0])


def _header(head: Head, name: str) -> str:
    return _text(head.get(name.lower().encode()) or b"-")


def _text(value: bytes) -> str:
    """Spaces and what isn't printable are encoded, as CloudFront does."""
    return "".join(chr(c) if 0x20 < c < 0x7F else f"%{c:02X}" for c in value)
