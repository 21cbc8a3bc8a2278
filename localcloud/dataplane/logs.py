"""Where tasks' and functions' output goes: a file below ``<home>/log`` and a CloudWatch Logs stream of the account.

Secrets that the data plane itself put into the environment are masked in both, so that a program that prints its
configuration gives nothing away.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.aws.account import Account
from localcloud.processes import mask

log = logging.getLogger(__name__)
_FLUSH_SECONDS = 0.3
_LINES_KEPT = 50
# What a failure is told by: a few lines that speak of one, each cut to a length that can be read.
_TELLING_LINES = 4
_TELLING_LENGTH = 400
_SPEAKS_OF_FAILURE = re.compile(r"error|exception|fatal|critical|panic|failed|cannot|denied|refused", re.IGNORECASE)
# PutLogEvents takes 10,000 events and 1 MiB; well below both.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
_BATCH = 500
_LONGEST_LINE = 16_384


class NoLogGroup(Exception):
    """The log group doesn't exist; the text names it."""


class Shipper:
    """Sends lines to CloudWatch Logs in batches, on one thread of its own."""

    def __init__(self, account: Account, region: str | None = None) -> None:
        """`region`: another one than the account's."""
        self._account = account
        self._region = region
        self._lines: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log shipper", daemon=True)
        self._thread.start()

    def open_stream(self, group: str, stream: str, create_group: bool = False) -> None:
        """Make the stream. Raises ``NoLogGroup``; blocks for one API call."""
        client = self._account.client("logs", self._region)
        try:
            if create_group:
                _ignore("ResourceAlreadyExistsException", lambda: client.create_log_group(logGroupName=group))
            _ignore(
                "ResourceAlreadyExistsException",
                lambda: client.create_log_stream(logGroupName=group, logStreamName=stream),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            raise NoLogGroup(f"The specified log group does not exist: {group}") from None

    def put(self, group: str, stream: str, line: str) -> None:
        """Queue one line; returns at once."""
        event = {"timestamp": int(time.time() * 1000), "message": line[:_LONGEST_LINE]}
        with self._wake:
            self._lines.setdefault((group, stream), []).append(event)
            self._wake.notify()

    def close(self) -> None:
        """Send what is queued and end the thread."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._lines or self._closed)
                closed = self._closed
            if not closed:
                time.sleep(_FLUSH_SECONDS)  # let more lines gather
            with self._wake:
                lines, self._lines = self._lines, {}
            for (group, stream), events in lines.items():
                self._send(group, stream, events)
            if closed:
                return

    def _send(self, group: str, stream: str, events: list[dict[str, Any]]) -> None:
        client = self._account.client("logs", self._region)
        for start in range(0, len(events), _BATCH):
            batch = [event for event in events[start : start + _BATCH] if event["message"]]
            try:
                if batch:
                    client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=batch)
            except (ClientError, BotoCoreError) as error:
                # The group was deleted under a running program: AWS's agent drops the lines as well.
                log.debug("lines for %s are dropped: %s", group, error)
                return


class LogSink:
    """Takes the lines of one container or function. Safe from any thread."""

    def __init__(self, path: Path, shipper: Shipper | None = None, group: str = "", stream: str = "") -> None:
        self.path = path
        self._file: IO[str] | None = os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a", encoding="utf-8", buffering=1
        )
        self._shipper, self._group, self._stream = shipper, group, stream
        self._secrets: tuple[str, ...] = ()
        self._last: deque[str] = deque(maxlen=_LINES_KEPT)
        self._telling: deque[str] = deque(maxlen=_TELLING_LINES)
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """What ``logs NAME`` calls it."""
        return self.path.stem

    def hide(self, secrets: Sequence[str]) -> None:
        """Mask these values in every line from now on."""
        self._secrets = tuple(secrets)

    def __call__(self, line: str) -> None:
        line = mask(line, self._secrets)
        with self._lock:
            self._last.append(line)
            if is_telling(line) and line not in self._telling:
                self._telling.append(line)
            if self._file is not None:
                self._file.write(f"{line}\n")
        if self._shipper is not None and self._group:
            self._shipper.put(self._group, self._stream, line)

    def last_words(self) -> list[str]:
        """The lines that tell why a program ended: those that speak of a failure, and the last one it wrote.

        A program's end is often preceded by hundreds of lines of a stack trace, which tell less.
        """
        with self._lock:
            lines = list(self._telling) or [line for line in self._last if line.strip()][-_TELLING_LINES:]
            lines += [line for line in list(self._last)[-1:] if line.strip() and line not in lines]
        return [line.strip()[:_TELLING_LENGTH] for line in lines]

    def close(self) -> None:
        """Close the file, and remove it when nothing was written; later lines go to CloudWatch alone."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
                if self.path.exists() and self.path.stat().st_size == 0:
                    self.path.unlink()


def is_telling(line: str) -> bool:
    """Whether a line speaks of a failure: a message, not a frame of a stack trace."""
    return (
        bool(line) and not line[0].isspace() and "Traceback (most" not in line and bool(_SPEAKS_OF_FAILURE.search(line))
    )


def keep_newest(folder: Path, pattern: str, number: int) -> None:
    """Remove all but the latest ``number`` files that match."""
    found = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in found[number:]:
        path.unlink(missing_ok=True)


def _ignore(code: str, call: Any) -> None:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
