"""Writes docs/litellm-users-session.md: the guide's commands, and what the tool answered, on a gateway that has just
come up. `python -m tests.live.transcript` stands one up for it and takes it down again.

What differs from run to run (keys, their ids, ports, days) is replaced, so that the text only changes when the tool
does; `test_transcript.py` holds the file against a run of its own.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.live.cloud import ROOT, Cloud

FILE = ROOT / "docs" / "litellm-users-session.md"
HEAD = """\
# A session with `litellm-users.sh`

Made from a run on the local gateway with `python -m tests.live.transcript`; a test holds it against what the tool says
today. Key values, ids, ports and days are replaced. [litellm-users.md](litellm-users.md) describes the tool.
"""
ANN = "ann@example.com"
# heading → the commands below it, as one types them
SESSION: dict[str, list[str]] = {
    "Who am I, and what is there?": ["whoami", "list-users", "list-keys", "models"],
    "A user with a budget": [
        f"""create-user --email {ANN} --budget 50 --duration monthly --models '["claude-haiku-4-5"]'""",
        f"get-user {ANN}",
        f"update-budget --user-id {ANN} --budget 100",
    ],
    "A key": [
        f"""create-key --alias ann-laptop --budget 20 --duration monthly --user-id {ANN} """
        """--models '["claude-haiku-4-5"]'""",
        f"list-keys --user-id {ANN}",
        "block-key ann-laptop",
        "unblock-key ann-laptop",
        "rotate-key ann-laptop --grace 24h",
    ],
    "Trying a change first": [
        f"update-user {ANN} --models all --duration weekly --dry-run",
        f"delete-user {ANN} --dry-run",
    ],
    "For programs": [f"get-user {ANN} --json"],
    "What goes wrong is one sentence": [
        "create-user --email lead@example.com",
        f"create-key --alias big --models claude-opus --user-id {ANN}",
        f"create-user --email {ANN} --bugdet 5",
    ],
    "As code": ["export"],
    "Is everything well?": ["doctor"],
    "Tidying up": ["delete-key ann-laptop", f"delete-user {ANN}"],
    "Every command": ["help"],
}
_REPLACED = (
    (r"sk-[A-Za-z0-9]{20,}", "sk-…"),
    (r"\b[0-9a-f]{64}\b", "0123…cdef"),
    (r"\b[0-9a-f]{8}…", "01234567…"),
    (r"\.old-\d{8}-[0-9a-f]{6}", ".old-20261125-012345"),
    (r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:PORT"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-12-01T00:00:00Z"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d", "2026-12-01 00:00"),
)


def session(cloud: Cloud) -> str:
    """Runs every command and returns the file's text."""
    parts = [HEAD]
    for heading, lines in SESSION.items():
        parts += [f"## {heading}", "", "```console"]
        for line in lines:
            done = cloud.users(*shlex.split(line), check=False, COLUMNS="110")
            parts += [f"$ litellm-users.sh {line}", *_shown(done.stdout + done.stderr)]
            if done.returncode:
                parts.append(f"(exit code {done.returncode})")
            parts.append("")
        parts[-1] = "```"
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _shown(text: str) -> list[str]:
    for pattern, word in _REPLACED:
        text = re.sub(pattern, word, text)
    return text.rstrip("\n").split("\n")


def main() -> None:
    cloud = Cloud("transcript")
    cloud.localcloud("stop", "--wipe")
    try:
        cloud.ops("up")
        Path(FILE).write_text(session(cloud))
    finally:
        cloud.localcloud("stop", "--wipe")
    print(f"wrote {FILE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
