"""``status`` for people: what runs, where it answers, what it takes, and which hops were refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_BLOCKED_SHOWN = 10
_MEBIBYTE = 1 << 20


def render(status: Mapping[str, Any]) -> str:
    """The status that the daemon told, as text."""
    sections = [
        f"Simulated AWS at {status['endpoint']}, daemon {status['pid']}, up {_duration(status['uptime_seconds'])}",
        _table("Databases", ("name", "status", "on AWS", "here", "memory"), map(_database, status["databases"])),
        _table("Caches", ("name", "status", "on AWS", "here", "memory"), map(_cache, status["caches"])),
        _table("Services", ("name", "tasks", "rollout", "reason"), map(_service, status["services"])),
        _table(
            "Tasks",
            ("task", "container", "status", "health", "address", "memory", "log"),
            (row for task in status["tasks"] for row in _task(task)),
        ),
        _table("Functions", ("name", "state", "invocations", "memory"), map(_function, status["functions"])),
        _table("Load balancers", ("on AWS", "here"), _addresses(status["load_balancers"])),
        _table("Distributions", ("on AWS", "here"), _addresses(status["distributions"])),
        _table("Memory", ("process", "pid", "resident"), map(_process, status["processes"])),
        f"{_megabytes(status['memory_bytes'])} resident in all",
        _blocked(status["blocked"]),
    ]
    return "\n\n".join(section for section in sections if section)


def _database(item: Mapping[str, Any]) -> tuple[str, ...]:
    status = item["status"] + (f": {item['reason']}" if item.get("reason") else "")
    here = f"127.0.0.1:{item['port']}" if item["port"] else "-"
    return item["name"], status, item["address"] or "-", here, _megabytes(item["memory_bytes"])


def _cache(item: Mapping[str, Any]) -> tuple[str, ...]:
    status = item["status"] + (f": {item['reason']}" if item.get("reason") else "")
    here = f"127.0.0.1:{item['port']}" if item["port"] else "-"
    return item["name"], status, item["address"] or "-", here, _megabytes(item["memory_bytes"])


def _service(item: Mapping[str, Any]) -> tuple[str, ...]:
    return item["name"], f"{item['running']}/{item['desired']}", item["rollout"], item["reason"]


def _task(item: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    status = item["status"] + (f": {item['stopped_reason']}" if item.get("stopped_reason") else "")
    health = item["health"] + (f": {item['reason']}" if item.get("reason") else "")
    containers: Sequence[Mapping[str, Any]] = item["containers"] or [{"name": "-", "memory_bytes": 0, "log": "-"}]
    for one in containers:
        yield item["id"], one["name"], status, health, item["ip"] or "-", _megabytes(one["memory_bytes"]), one["log"]


def _addresses(items: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, ...]]:
    return sorted(pair for item in items for pair in item["hosts"].items())


def _function(item: Mapping[str, Any]) -> tuple[str, ...]:
    return item["name"], item["state"], str(item["invocations"]), _megabytes(item["memory_bytes"])


def _process(item: Mapping[str, Any]) -> tuple[str, ...]:
    return item["name"], str(item["pid"]), _megabytes(item["memory_bytes"])


def _blocked(sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    return "\n".join(["Refused hops, the latest last:", *(f"  {line}" for line in sentences[-_BLOCKED_SHOWN:])])


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as their longest cell; nothing at all without rows."""
    cells = [tuple(columns), *(tuple(row) for row in rows)]
    if len(cells) == 1:
        return ""
    widths = [max(len(row[number]) for row in cells) for number in range(len(columns))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _megabytes(count: int) -> str:
    return f"{count / _MEBIBYTE:.0f} MB" if count else "-"


def _duration(seconds: float) -> str:
    minutes, hours = int(seconds) // 60, int(seconds) // 3600
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"
