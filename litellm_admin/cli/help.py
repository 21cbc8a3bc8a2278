"""`help`: every command with an example, or one command in full."""

from __future__ import annotations

import shutil
import sys
import textwrap
from argparse import Namespace
from typing import Any

from litellm_admin.cli import output
from litellm_admin.cli.commands import BY_NAME, COMMANDS, GLOBAL, PROGRAM, Command, flags_of
from litellm_admin.cli.errors import UsageError
from litellm_admin.cli.output import Answer
from litellm_admin.cli.parsing import usage

_WAYS = """\
Without --stack the only stack in the region is taken. LITELLM_URL and LITELLM_MASTER_KEY always win: with both no AWS
is asked, and what is missing of them is looked up. Else the way in is the relay, by IAM, and then the admin door.

Exit codes: 0 done, 1 the gateway refused, 2 the command line is wrong, 3 the gateway can't be reached."""


def show(given: Namespace) -> Answer:
    name = given.operands[0] if given.operands else None
    if name is None:
        return Answer({"commands": [_shape(command) for command in COMMANDS]}, _overview(output.style_of(sys.stdout)))
    command = BY_NAME.get(name)
    if command is None:
        raise UsageError(f"There is no command {name}; {PROGRAM} help lists them.")
    return Answer(_shape(command), _in_full(command, output.style_of(sys.stdout)))


def _overview(style: output.Style) -> str:
    lines = [f"usage: {PROGRAM} COMMAND [FLAGS]", ""]
    for command in COMMANDS:
        lines.append(f"  {style.paint(command.name, 'bold')}  {command.summary}")
        example = command.example if PROGRAM in command.example else f"{PROGRAM} {command.example}"
        lines.append(f"      {style.paint(example, 'dim')}")
    lines += ["", "flags of every command:", *_flags(GLOBAL), "", _WAYS, "", f"{PROGRAM} help COMMAND shows its flags."]
    return "\n".join(lines)


def _in_full(command: Command, style: output.Style) -> str:
    own = [flag for flag in flags_of(command) if flag not in GLOBAL]
    lines = [f"usage: {PROGRAM} {usage(command)}", "", f"{style.paint(command.name, 'bold')}: {command.summary}"]
    if any(meaning for _, meaning in command.operands):
        lines += ["", *(f"  {name:<22}  {meaning}" for name, meaning in command.operands)]
    if own:
        lines += ["", "flags:", *_flags(own)]
    lines += ["", "flags of every command:", *_flags(GLOBAL)]
    example = command.example if PROGRAM in command.example else f"{PROGRAM} {command.example}"
    return "\n".join([*lines, "", "example:", f"  {example}"])


def _flags(flags: Any) -> list[str]:
    width = min(shutil.get_terminal_size((110, 24)).columns, 110)
    lines: list[str] = []
    for flag in flags:
        name = f"{flag.name} {flag.value}".strip()
        text = textwrap.wrap(flag.help, max(width - 26, 30), break_long_words=False, break_on_hyphens=False)
        lines.append(f"  {name:<22}  {text[0]}")
        lines += [f"{'':<26}{line}" for line in text[1:]]
    return lines


def _shape(command: Command) -> dict[str, Any]:
    return {
        "name": command.name,
        "summary": command.summary,
        "usage": usage(command),
        "example": command.example,
        "flags": [{"name": flag.name, "value": flag.value or None, "help": flag.help} for flag in flags_of(command)],
    }
