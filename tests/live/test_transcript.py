"""The session in docs/ is what the tool says today."""

from __future__ import annotations

import difflib

from tests.live.cloud import Cloud
from tests.live.transcript import FILE, session


def test_the_session_in_docs_is_what_happens(cloud: Cloud) -> None:
    found, written = session(cloud), FILE.read_text()
    changes = "\n".join(difflib.unified_diff(written.splitlines(), found.splitlines(), "docs", "today", lineterm=""))
    assert not changes, f"`python -m tests.live.transcript` writes it anew:\n{changes}"
