"""Pictures of a terminal, from what really ran in one: docs/images/*.svg. `python -m tests.live.picture` stands a
gateway up with `make up`, uses it, and takes it down again."""

from __future__ import annotations

import html
import json
import os
import pty
import re
import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.live.cloud import ROOT, Cloud, chat

IMAGES = ROOT / "docs" / "images"
# Sizes in SVG units.
COLUMNS = 130
LETTER, LINE, EDGE, BAR = 7.25, 17.0, 16.0, 34.0
COLOURS = {"1": "", "2": "#8b949e", "31": "#ff7b72", "32": "#7ee787", "33": "#e3b341"}
_SGR = re.compile(r"\x1b\[([0-9;]*)m")
_OTHER = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]")


def on_a_terminal(command: Sequence[str], env: dict[str, str], cwd: Path = ROOT) -> str:
    """Runs a command with a terminal for its output, and returns what it wrote, colours and all."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=env, cwd=cwd)
    os.close(theirs)
    parts: list[bytes] = []
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:  # Linux's way to say that nobody writes any more
            break
        if not part:
            break
        parts.append(part)
    os.close(ours)
    if child.wait():
        raise AssertionError(f"{shlex.join(command)} failed:\n{b''.join(parts).decode()}")
    return b"".join(parts).decode().replace("\r\n", "\n")


def svg(title: str, text: str) -> str:
    """A window with `text` in it, as a picture that needs nothing from anywhere."""
    plain = [_OTHER.sub("", line).rpartition("\r")[2] for line in text.rstrip("\n").split("\n")]
    lines = [part for line in plain for part in _wrapped(line)]
    width = max(len(_SGR.sub("", line)) for line in lines) * LETTER + 2 * EDGE
    height = BAR + len(lines) * LINE + EDGE
    rows = "\n".join(
        f'<text x="{EDGE}" y="{BAR + (number + 1) * LINE - 4:.0f}">{_spans(line)}</text>'
        for number, line in enumerate(lines)
        if line.strip()
    )
    dots = "".join(f'<circle cx="{18 + 18 * n}" cy="17" r="5.5" fill="{c}"/>' for n, c in enumerate(_DOTS))
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}"
 height="{height:.0f}">
<title>{html.escape(title)}</title>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>{dots}
<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="12" fill="#e6edf3"
 xml:space="preserve">
{rows}
</g>
</svg>
"""


_DOTS = ("#ff5f56", "#ffbd2e", "#27c93f")


def _wrapped(line: str) -> list[str]:
    """As a terminal breaks a line that is longer than it is wide. Long lines here have no colours."""
    if len(_SGR.sub("", line)) <= COLUMNS or "\x1b" in line:
        return [line]
    return [line[start : start + COLUMNS] for start in range(0, len(line), COLUMNS)]


def _spans(line: str) -> str:
    """Each run of letters in its colour, and exactly as wide as so many letters, whatever font is found."""
    found, at, codes = [], 0, set[str]()
    for number, part in enumerate(_SGR.split(line)):
        if number % 2:
            codes = set() if part in ("", "0") else codes | set(part.split(";"))
        elif part:
            colour = next((COLOURS[code] for code in sorted(codes) if COLOURS.get(code)), "")
            style = (f' fill="{colour}"' if colour else "") + (' font-weight="bold"' if "1" in codes else "")
            x, length = EDGE + at * LETTER, len(part) * LETTER
            found.append(f'<tspan x="{x:.2f}" textLength="{length:.2f}"{style}>{html.escape(part)}</tspan>')
            at += len(part)
    return "".join(found)


def main() -> None:
    cloud = Cloud("picture")
    cloud.localcloud("stop", "--wipe")
    env = {**cloud.env, "TERM": "xterm-256color", "COLUMNS": "118"}
    try:
        up = on_a_terminal(["make", "up"], env)
        _write("make-up", "make up", f"$ make up\n{up}")
        outputs = cloud.outputs()
        for alias, model in [("production", "claude-sonnet-4-5")] * 3 + [("dev-environment", "claude-haiku-4-5")] * 5:
            assert chat(outputs["gatewayUrl"], outputs["keys"][alias], model=model).status == 200
        _until_booked(cloud, 8)
        parts = []
        own = {name: value for name, value in cloud.exports().items() if name.startswith("AWS_")}
        for line in ("list-keys", "spend --by model", "doctor"):
            command = [str(ROOT / "scripts" / "litellm-users.sh"), *line.split()]
            said = on_a_terminal(command, {"PATH": os.defpath, "TERM": "xterm-256color", **own})
            parts.append(f"$ litellm-users.sh {line}\n{said}")
        _write("litellm-users", "litellm-users.sh", "\n".join(parts))
    finally:
        cloud.localcloud("stop", "--wipe")


def _until_booked(cloud: Cloud, requests: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        report = json.loads(cloud.users("spend", "--json").stdout)
        used = [key["last_used_at"] for key in json.loads(cloud.users("list-keys", "--json").stdout)["keys"]]
        if report["total"]["requests"] >= requests and sum(map(bool, used)) >= 2:
            return
        time.sleep(1)
    raise AssertionError("the spend wasn't booked")


def _write(name: str, title: str, text: str) -> None:
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / f"{name}.svg").write_text(svg(title, text))
    print(f"wrote docs/images/{name}.svg")


if __name__ == "__main__":
    main()
