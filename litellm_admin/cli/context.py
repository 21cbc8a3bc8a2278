"""What a command works with: the client, and the ways to speak to whoever called it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from litellm_admin.cli import output
from litellm_admin.cli.errors import Stopped, UsageError
from litellm_admin.client import Client, Patience
from litellm_admin.errors import AdminError, masked
from litellm_admin.transport import Call, Query, Response, Transport, tried
from litellm_admin.way import Way, Wishes, find

T = TypeVar("T")

# A person waits for the answer: one lost call is tried again, a broken way is told soon.
PATIENCE = Patience(attempts=3, longest=2.0)
SLOW_SECONDS = 1.0


@dataclass
class Context:
    """`wishes` say how to get in, `dry_run` that nothing may change, `yes` that nobody is asked."""

    wishes: Wishes
    json: bool = False
    dry_run: bool = False
    yes: bool = False
    style: output.Style = field(default_factory=output.Style)
    _way: Way | None = None
    _client: Client | None = None

    @property
    def way(self) -> Way:
        """The way in, looked up when it is first needed."""
        if self._way is None:
            self._way = find(self.wishes)
        return self._way

    @property
    def client(self) -> Client:
        if self._client is None:
            self._client = Client(_Patiently(self.way, self.dry_run), PATIENCE)
        return self._client

    # -- speaking

    def warn(self, sentence: str) -> None:
        """To standard error, so that it never mixes with what a program reads."""
        style = output.style_of(sys.stderr)
        output.say(f"{style.paint('warning:', 'yellow')} {masked(output.plain(sentence))}", sys.stderr)

    def confirm(self, question: str) -> None:
        """Asks, on a terminal. In a script nobody is there to ask, and the command does what it says.

        Raises:
            Stopped: if the answer isn't yes.
        """
        if self.yes or self.dry_run or not (sys.stdin.isatty() and sys.stderr.isatty()):
            return
        sys.stderr.write(f"{masked(output.plain(question))} [y/N] ")
        sys.stderr.flush()
        try:
            said = sys.stdin.readline()
        except KeyboardInterrupt:
            said = ""
        if said.strip().lower() not in ("y", "yes"):
            raise Stopped("Nothing was changed.")

    def progress(self, items: Iterable[T], what: str, total: int) -> Iterator[T]:
        """`items`, with a line on the terminal that counts them when there are many."""
        shown = sys.stderr.isatty() and total > 5
        for number, item in enumerate(items, 1):
            if shown:
                sys.stderr.write(f"\r\033[K{what} {number:,} of {total:,}")
                sys.stderr.flush()
            yield item
        if shown:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


@dataclass
class _Patiently:
    """A transport that tells a person who waits that it is at work. In a dry run it sends nothing that changes
    anything, whatever a command does."""

    inner: Transport
    dry_run: bool
    calls: int = 0
    started: float = field(default_factory=time.monotonic)
    batch: ClassVar[int] = Way.batch
    lanes: ClassVar[int] = Way.lanes

    def request_each(self, calls: Sequence[Call]) -> list[Response | AdminError]:
        return [tried(self, call) for call in calls]

    def request(self, method: str, path: str, query: Query | None = None, body: Any = None) -> Response:
        if self.dry_run and method != "GET":
            raise AssertionError(f"a dry run must not send {method} {path}")
        self.calls += 1
        slow = sys.stderr.isatty() and self.calls > 2 and time.monotonic() - self.started > SLOW_SECONDS
        if slow:
            sys.stderr.write(f"\r\033[Kasking the gateway, call {self.calls:,}")
            sys.stderr.flush()
        try:
            return self.inner.request(method, path, query, body)
        finally:
            if slow:
                sys.stderr.write("\r\033[K")
                sys.stderr.flush()


def wishes(given: Any, env: Mapping[str, str] = os.environ) -> Wishes:
    """From the environment and the flags.

    Raises:
        UsageError: if they contradict each other.
    """
    url, key = env.get("LITELLM_URL") or None, env.get("LITELLM_MASTER_KEY") or None
    if url is not None and not url.startswith(("http://", "https://")):
        raise UsageError(f"LITELLM_URL is {url!r}: it must begin with http:// or https://.")
    if key is not None and (not key.isprintable() or not key.isascii() or " " in key):
        raise UsageError("LITELLM_MASTER_KEY is no key: it has spaces or other characters that no key has.")
    if url is not None and given.way == "relay":
        raise UsageError("LITELLM_URL is set, and --way relay doesn't go there: unset it, or leave the flag out.")
    return Wishes(url, key, given.stack or env.get("LITELLM_STACK") or None, given.region, given.way)


def secret_operand(text: str) -> str:
    """What was given, or the line on standard input for `-`: so a key need not stand in the shell's history."""
    if text != "-":
        return text
    line = sys.stdin.readline().strip()
    if not line:
        raise UsageError("Standard input has no line to read.")
    return line
