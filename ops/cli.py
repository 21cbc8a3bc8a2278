"""`python -m ops`: one command a line, for people, the Makefile and workflows."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from typing import Any

from ops import day_two, paths
from ops.errors import CannotRun
from ops.shapes import object_at
from ops.summary import render

OPERATIONS = ("up", "preview", "refresh", "destroy")
INTERRUPTED = 130

# Pulumi's SDK takes most of a second to import, so only what needs it does: `summary` often doesn't.


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m ops", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--stack", required=True, help="the stack's name, as in Pulumi.NAME.yaml")
        command.add_argument("--work-dir", default=paths.REPO, help=argparse.SUPPRESS)
        return command

    for name in OPERATIONS:
        command = add(name, f"pulumi {name}, without questions, with its progress on stderr")
        command.add_argument(
            "--yes", action="store_true", help="needed to change a stack whose state is not in a local folder"
        )
        command.add_argument("--json", action="store_true", help="what was changed, as JSON on stdout (no values)")
        command.add_argument("--diff", action="store_true", help="the engine's own rich diff as well")
        command.add_argument("--refresh", action="store_true", help="look at what really exists first")
        command.add_argument("--expect-no-changes", action="store_true", help="fail if there is anything to change")
    outputs = add("outputs", "the stack's outputs")
    outputs.add_argument("--json", action="store_true", help="as JSON")
    outputs.add_argument("--show-secrets", action="store_true", help="secrets in clear")
    summary = add("summary", "address, keys and commands to try")
    summary.add_argument("--outputs", choices=("stack", "-"), default="stack", help="-: read them as JSON from stdin")
    summary.add_argument("--show-keys", action="store_true", help="keys in clear")
    key = add("key", "print one key, for KEY=$(…)")
    key.add_argument("alias", help="the key's alias in access/STACK.yaml")
    unlock = add("unlock", "clear the lock of a killed Pulumi (local stacks)")
    unlock.add_argument("--stop", action="store_true", help="end a Pulumi that is at work on the stack, too")
    day_two.add_commands(commands)
    return top


def main(argv: list[str] | None = None) -> int:
    """Exit code: 0, 1 for a failure, 130 when interrupted."""
    # An engine that was killed breaks its stream of events off; that it was killed is told by us.
    warnings.filterwarnings("ignore", message="Error in event stream")
    args = parser().parse_args(argv)
    try:
        if args.command in day_two.COMMANDS:
            return day_two.run(args)
        return _operate(args) if args.command in OPERATIONS else _tell(args)
    except CannotRun as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _operate(args: argparse.Namespace) -> int:
    from ops.driver import Driver, Options
    from ops.view import View

    driver = Driver(args.stack, args.work_dir)
    if args.command != "preview" and driver.backend is None and not args.yes:
        raise CannotRun(f"this does not ask questions: say --yes, or use `pulumi {args.command} --stack {args.stack}`")
    options = Options(diff=args.diff, refresh=args.refresh, expect_no_changes=args.expect_no_changes)
    outcome = driver.run(args.command, options, View(f"{args.command} {args.stack}"))
    if args.json:
        print(json.dumps(outcome.as_json(), indent=1))
    return {"succeeded": 0, "interrupted": INTERRUPTED}.get(outcome.result, 1)


def _tell(args: argparse.Namespace) -> int:
    if args.command == "summary" and args.outputs == "-":
        print(render(json.load(sys.stdin), args.stack, show_keys=args.show_keys))
        return 0
    from ops.driver import Driver, plain_outputs

    driver = Driver(args.stack, args.work_dir)
    if args.command == "unlock":
        if done := driver.unlock(stop=args.stop):
            print(done, file=sys.stderr)
        return 0
    outputs = driver.outputs()
    if args.command == "summary":
        print(render(plain_outputs(outputs, show_secrets=True), args.stack, show_keys=args.show_keys))
    elif args.command == "key":
        print(_key(plain_outputs(outputs, show_secrets=True), args.alias))
    else:
        _print_outputs(plain_outputs(outputs, show_secrets=args.show_secrets), as_json=args.json)
    return 0


def _key(outputs: dict[str, Any], alias: str) -> str:
    keys = object_at(outputs, "keys")
    if alias not in keys:
        raise CannotRun(f"there is no key {alias!r}; there are: {', '.join(sorted(keys)) or 'none'}")
    return keys[alias]


def _print_outputs(outputs: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(outputs, indent=2))
        return
    for name, value in outputs.items():
        print(f"{name}: {value if isinstance(value, str) else json.dumps(value)}")
