"""The command line → a command and its values. Whatever is wrong is one sentence."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from litellm_admin.cli.commands import BY_NAME, GLOBAL, PROGRAM, Command, Flag, flags_of
from litellm_admin.cli.errors import UsageError


class _Parser(argparse.ArgumentParser):
    """argparse's own messages are about arguments; ours are sentences about flags."""

    def error(self, message: str) -> NoReturn:
        import re

        if found := re.fullmatch(r"argument (--[a-z-]+): expected one argument", message):
            raise UsageError(f"{self.prog}: {found[1]} needs a value; see {PROGRAM} help {self.prog}.")
        if found := re.fullmatch(r"argument (--[a-z-]+): ignored explicit argument .*", message):
            raise UsageError(f"{self.prog}: {found[1]} is a switch and takes no value.")
        raise UsageError(f"{self.prog}: {message}.")


def parse(arguments: Sequence[str]) -> tuple[Command, argparse.Namespace]:
    """The command and its values.

    Raises:
        UsageError: if there is no such command, or its flags aren't right.
    """
    name, rest = _split(arguments)
    command = BY_NAME.get(name)
    if command is None:
        raise UsageError(f"There is no command {name}; {_near(name, list(BY_NAME)) or 'help lists them.'}")
    if {"-h", "--help"} & set(_before_dashes(rest)):
        return BY_NAME["help"], argparse.Namespace(**{**_empty("help"), "operands": [name]})
    raw, strange = _parser(command).parse_known_args(rest)
    if strange:
        raise UsageError(_strange(command, strange))
    _check_operands(command, raw.operands)
    found = {flag.dest: _value(command, flag, getattr(raw, flag.dest)) for flag in flags_of(command)}
    return command, argparse.Namespace(**found, operands=raw.operands)


def _split(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The command's name, which flags for all commands may precede, and everything else."""
    with_value = {flag.name for flag in GLOBAL if flag.convert}
    place = 0
    while place < len(arguments) and arguments[place].startswith("-"):
        if arguments[place] in ("-h", "--help"):
            return "help", []
        place += 2 if arguments[place] in with_value else 1
    if place >= len(arguments):
        return "help", list(arguments)
    return arguments[place], [*arguments[:place], *arguments[place + 1 :]]


def _before_dashes(arguments: Sequence[str]) -> Sequence[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def _empty(name: str) -> dict[str, Any]:
    return {flag.dest: flag.default if flag.convert else False for flag in flags_of(BY_NAME[name])}


def _parser(command: Command) -> _Parser:
    parser = _Parser(prog=command.name, add_help=False, allow_abbrev=False)
    parser.add_argument("operands", nargs="*")
    for flag in flags_of(command):
        if flag.convert:
            parser.add_argument(flag.name)
        else:
            parser.add_argument(flag.name, action="store_true")
    return parser


def _strange(command: Command, strange: Sequence[str]) -> str:
    flag = next((word for word in strange if word.startswith("-")), strange[0]).partition("=")[0]
    names = [known.name for known in flags_of(command)]
    hint = _near(flag, names) or f"see {PROGRAM} help {command.name}."
    return f"{command.name} has no flag {flag}; {hint}"


def _check_operands(command: Command, given: Sequence[str]) -> None:
    wanted = [name for name, _ in command.operands]
    if len(given) > len(wanted):
        extra = given[len(wanted)]
        raise UsageError(
            f"{command.name} doesn't know what to do with {_shown(extra)}: it takes "
            f"{' '.join(wanted) or 'flags only'}; see {PROGRAM} help {command.name}."
        )
    if len(given) < len(wanted) and not command.optional:
        missing, meaning = command.operands[len(given)]
        raise UsageError(f"{command.name} needs {missing}: {meaning}.")
    if any(not text for text in given):
        raise UsageError(f"{command.name}: {wanted[list(given).index('')]} is empty.")


def _value(command: Command, flag: Flag, raw: Any) -> Any:
    if not flag.convert:
        return bool(raw)
    if raw is None:
        if flag.required:
            raise UsageError(f"{command.name} needs {flag.name}: {flag.help}.")
        return flag.default
    try:
        return flag.convert(raw)
    except ValueError as error:
        raise UsageError(f"{flag.name} is {_shown(raw)}: {error}.") from None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:59]}…")


def _near(text: str, known: Sequence[str]) -> str:
    import difflib

    near = difflib.get_close_matches(text, known, n=1)
    return f"did you mean {near[0]}?" if near else ""


def usage(command: Command) -> str:
    """`create-user --email ADDRESS [--budget DOLLARS] …`"""
    parts = [name if not command.optional else f"[{name}]" for name, _ in command.operands]
    for flag in flags_of(command):
        if flag not in GLOBAL:
            text = f"{flag.name} {flag.value}" if flag.convert else flag.name
            parts.append(text if flag.required else f"[{text}]")
    return " ".join([command.name, *parts])
