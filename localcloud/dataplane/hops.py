"""Host names in environments: each AWS host name becomes the loopback hop of the task or function that reads it.

A program learns where its database is from an environment variable, a URL or a JSON secret. On AWS the name in it
resolves inside the VPC; here it is replaced by a loopback port on which the fabric judges and carries every connection:

- ``host:port`` anywhere in a value → ``127.0.0.1:hop``;
- ``scheme://…host/…`` without a port → the scheme's own port, else the host's (5432 for a Postgres instance) is meant:
  ``scheme://…127.0.0.1:hop/…``;
- a value that is the bare host, with the port in a variable beside it (``PGHOST`` and ``PGPORT``, ``DATABASE_HOST``
  and ``DATABASE_PORT``, ``host`` and ``port`` of a JSON secret) → ``127.0.0.1``, and the hop's port;
- a bare host with no port beside it → ``127.0.0.1:hop``: right for programs that put it into a URL, as LiteLLM does
  with ``DATABASE_HOST``. A program that insists on 5432 can't be served: a hop's port is a free one.

TLS passes through, yet a client that verifies the server's *name* won't find it in ``127.0.0.1``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

# host, port → loopback port
Listen = Callable[[str, int], Awaitable[int]]

LOOPBACK = "127.0.0.1"
_SCHEME_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443, "redis": 6379, "rediss": 6379}
_PORT_NAMES = re.compile(r"(host(name)?|address|endpoint|server)$", re.IGNORECASE)


async def localise(env: Mapping[str, str], hosts: Mapping[str, int], listen: Listen) -> dict[str, str]:
    """``env`` with every name of ``hosts`` (name → the port that is meant when none is written) replaced by a hop."""
    return await _mapping(env, hosts, listen)


async def _mapping(values: Mapping[str, Any], hosts: Mapping[str, int], listen: Listen) -> dict[str, Any]:
    done = dict(values)
    ports: set[str] = set()  # variables that hold the port of a host in another one
    for name, value in values.items():
        if name in ports:
            continue
        if not isinstance(value, str):
            if isinstance(value, Mapping):
                done[name] = await _mapping(value, hosts, listen)
            continue
        beside = _port_beside(name, values) if value.lower() in hosts else None
        if beside is not None:
            hop = await listen(value.lower(), int(values[beside]))
            done[name] = LOOPBACK
            ports.add(beside)
            done[beside] = str(hop) if isinstance(values[beside], str) else hop
        else:
            done[name] = await _text(value, hosts, listen)
    return done


async def _text(value: str, hosts: Mapping[str, int], listen: Listen) -> str:
    if not any(host in value.lower() for host in hosts):
        return value
    document = _json_object(value)
    if document is not None:
        return json.dumps(await _mapping(document, hosts, listen))
    pieces, last = [], 0
    for match in _pattern(hosts).finditer(value):
        host = match["host"].lower()
        port = int(match["port"] or 0) or _SCHEME_PORTS.get(_scheme_before(value, match.start())) or hosts[host]
        pieces += [value[last : match.start()], f"{LOOPBACK}:{await listen(host, port)}"]
        last = match.end()
    return "".join([*pieces, value[last:]])


def _pattern(hosts: Mapping[str, int]) -> re.Pattern[str]:
    names = "|".join(re.escape(host) for host in sorted(hosts, key=len, reverse=True))
    # Neither the tail of a longer name before it, nor a longer name after it.
    return re.compile(rf"(?<![\w.-])(?P<host>{names})(?::(?P<port>\d{{1,5}}))?(?![\w-]|\.\w)", re.IGNORECASE)


def _scheme_before(value: str, start: int) -> str:
    """The scheme of the URL whose host begins at ``start``, lower-case; "" when it isn't a URL's host."""
    found = re.search(r"([a-z][a-z0-9+.-]*)://[^\s/]*$", value[:start], re.IGNORECASE)
    return found[1].lower() if found else ""


def _port_beside(name: str, values: Mapping[str, Any]) -> str | None:
    """The variable with the port that belongs to the host in variable ``name``."""
    stem, count = _PORT_NAMES.subn("", name)
    if not count:
        return None
    wanted = f"{stem}port".lower()
    found = next((other for other in values if other.lower() == wanted), None)
    return found if found is not None and str(values[found]).isdigit() else None


def _json_object(value: str) -> dict[str, Any] | None:
    if not value.lstrip().startswith("{"):
        return None
    try:
        found = json.loads(value)
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
