"""The commands for what comes after the first `up`: what would change, what it costs, sleep, the end."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

from ops import paths
from ops.errors import CannotRun

# The report's exit code when a mandatory policy is broken, data would be lost or the image has known holes.
BLOCKED = 2

Run = Callable[[argparse.Namespace], int]

# Pulumi's SDK takes most of a second to import, so each command imports what it needs.


def add_commands(commands: Any) -> None:
    """Adds the commands to the parser's."""

    def add(name: str, text: str, *, stack: bool = True) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        if stack:
            command.add_argument("--stack", required=True, help="the stack's name, as in Pulumi.NAME.yaml")
        command.add_argument("--work-dir", type=Path, default=paths.REPO, help=argparse.SUPPRESS)
        return command

    cost = add("cost", "what a stack costs a month (previews it on the simulated account)")
    cost.add_argument("--prices", help="the region whose prices count (the stack's own)")
    cost.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="with another setting")
    cost.add_argument("--json", action="store_true", help="as JSON")
    report = add("preview-report", "what this work tree would change, compared with a deployed BASE, as Markdown")
    report.add_argument("--base", default="origin/main", help="the commit that counts as deployed (origin/main)")
    report.add_argument("--deployed", action="store_true", help="compare with what is deployed here already")
    report.add_argument("--out", type=Path, help="write it there instead of to stdout")
    add("sleep", "scale the service to nothing and stop the database")
    add("wake", "start the database and the service, and wait until they serve")
    sweep = add("sweep", "list this backend's stacks, and destroy those that have outlived their lifetime", stack=False)
    end = add("teardown", "destroy a stack with patience and take it off the backend")
    end.add_argument("--missing-ok", action="store_true", help="a stack that isn't there is no failure")
    for command in (sweep, end):
        command.add_argument("--yes", action="store_true", help="destroy; without it, only tell what would be")
        command.add_argument("--attempts", type=int, default=8, help="how often to try (8)")
        command.add_argument("--wait", type=float, default=300, help="seconds between two tries (300)")
    upgrade = add("upgrade-check", "what another version of LiteLLM changes", stack=False)
    upgrade.add_argument("--version", required=True, help="such as 1.109.0")
    prices = add("prices", "fetch a region's prices from the AWS Price List API", stack=False)
    prices.add_argument("--region", required=True)
    add("reference", "write anew what is generated from the schema in Pulumi.yaml", stack=False)


def run(args: argparse.Namespace) -> int:
    """The exit code."""
    return COMMANDS[args.command](args)


def _cost(args: argparse.Namespace) -> int:
    from ops import previewing
    from ops.cost import render
    from ops.cost.estimate import estimate
    from ops.cost.prices import load

    changes = dict(_setting(text) for text in args.set)
    with tempfile.TemporaryDirectory(prefix="llm-gateway-cost-") as scratch:
        region, done = previewing.of_work_tree(args.work_dir, args.stack, Path(scratch), changes)
    found = estimate(done.planned, load(args.prices or region))
    if args.json:
        print(json.dumps(render.as_json(found), indent=1))
    else:
        said = f" with {', '.join(args.set)}" if args.set else ""
        print(render.text(found, f"{args.stack}{said}: what it costs a month"))
    return 0


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CannotRun(f"--set {text}: write it as OPTION=VALUE, such as egress=public")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _prices(args: argparse.Namespace) -> int:
    from ops.cost import refresh

    print(refresh.refresh(args.region))
    return 0


def _reference(args: argparse.Namespace) -> int:
    from ops import reference

    print("written:", *(path.relative_to(args.work_dir) for path in reference.write(args.work_dir)))
    return 0


def _report(args: argparse.Namespace) -> int:
    from ops.report import make, markdown

    with tempfile.TemporaryDirectory(prefix="llm-gateway-report-") as scratch:
        found = make.facts(args.work_dir, args.stack, None if args.deployed else args.base, Path(scratch))
    text = markdown.render(found)
    if args.out:
        args.out.write_text(text)
    else:
        print(text, end="")
    return BLOCKED if found.blocked else 0


def _sleep(args: argparse.Namespace) -> int:
    from ops import sleeping

    return _with_parts(args, sleeping.sleep, "asleep; `make wake` wakes it")


def _wake(args: argparse.Namespace) -> int:
    from ops import sleeping

    return _with_parts(args, sleeping.wake, "awake")


def _with_parts(args: argparse.Namespace, do: Callable[..., None], done: str) -> int:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    from ops import sleeping
    from ops.driver import Driver

    these = sleeping.parts(Driver(args.stack, args.work_dir).resources())
    try:
        do(these, partial(cast(Any, boto3).client, region_name=these.region), _say)
    except (ClientError, BotoCoreError) as error:
        raise CannotRun(f"AWS says no: {error}") from None
    _say(f"{args.stack} is {done}")
    return 0


def _sweep(args: argparse.Namespace) -> int:
    from datetime import UTC, datetime

    from ops import teardown

    now = datetime.now(UTC)
    found = teardown.standings(args.work_dir)
    for one in found:
        print(one.sentence(now))
    return _end(args, [one.name for one in teardown.expired(found, now)])


def _teardown(args: argparse.Namespace) -> int:
    from ops import teardown

    if args.missing_ok and args.stack not in {one.name for one in teardown.standings(args.work_dir)}:
        print(f"there is no stack {args.stack}: nothing to destroy")
        return 0
    return _end(args, [args.stack])


def _end(args: argparse.Namespace, names: list[str]) -> int:
    """Destroys the stacks one after the other; one that can't be is no reason to leave the others."""
    from ops import teardown

    if names and not args.yes:
        print(f"would destroy {', '.join(names)}: say --yes")
        return 0
    patience = teardown.Patience(args.attempts, args.wait)
    complete = True
    for name in names:
        try:
            ended = teardown.end(args.work_dir, name, patience, _say)
        except CannotRun as error:
            _say(f"error: {error}")
            complete = False
            continue
        print(ended.sentence())
        complete = complete and ended.destroyed and not ended.left
    return 0 if complete else 1


def _upgrade(args: argparse.Namespace) -> int:
    from ops.upgrade import compare, run

    found = run.check(args.version, _say)
    print(compare.render(found))
    return BLOCKED if found.needs_a_person else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


COMMANDS: dict[str, Run] = {
    "preview-report": _report,
    "cost": _cost,
    "prices": _prices,
    "sleep": _sleep,
    "wake": _wake,
    "sweep": _sweep,
    "teardown": _teardown,
    "upgrade-check": _upgrade,
    "reference": _reference,
}
