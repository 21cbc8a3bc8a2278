"""The commands for what comes after the first `up`: what would change, what it costs, sleep, the end."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
    prices = add("prices", "fetch a region's prices from the AWS Price List API", stack=False)
    prices.add_argument("--region", required=True)


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


COMMANDS: dict[str, Run] = {"cost": _cost, "preview-report": _report, "prices": _prices}
