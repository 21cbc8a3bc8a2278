"""The command: walks, looks, and tells."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from litellm_admin.cli import output
from litellm_admin.cli.context import Context, secret_operand
from litellm_admin.cli.doctor import edge, keys
from litellm_admin.cli.doctor.aws import Looker, Seen
from litellm_admin.cli.doctor.findings import Finding, Step
from litellm_admin.cli.doctor.walk import Walk
from litellm_admin.cli.errors import DONE, REFUSED
from litellm_admin.cli.output import Answer
from litellm_admin.errors import AdminError

NAMES = ("credentials", "relay", "admin door", "LiteLLM", "database", "edge")
_MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "broken": ("BROKEN", "red"), "skipped": ("–", "dim")}


def doctor(context: Context, given: Namespace) -> Answer:
    """Exit code 0 if all is well, 1 if something is broken."""
    key = secret_operand(given.key) if given.key else None
    steps = _walked(context)
    if key is not None:
        # the gateway must answer before one of its keys can be looked at
        reached = all(step.status != "broken" for step in steps[:5])
        steps.append(keys.look(context, key) if reached else Step("key").skip("the gateway must answer first"))
    broken = any(step.status == "broken" for step in steps)
    return Answer(_data(steps, broken), _text(steps, context.style, broken), REFUSED if broken else DONE)


def _walked(context: Context) -> list[Step]:
    try:
        way = context.way
    except AdminError as error:
        first = Step("credentials").fail(Finding(str(error)))
        return [first, *(Step(name).skip("there is no way to it") for name in NAMES[1:])]
    walk = Walk(way, way.facts)
    credentials, relay = walk.credentials(), walk.relay()
    door, litellm, database = walk.door(), walk.litellm(), walk.database()
    steps = [credentials, relay, door, litellm, database, _edge(walk)]
    _first_cause(steps)
    if way.facts is not None and credentials.status != "broken":
        _add(Looker(way.facts).look(), *steps[1:])
    return steps


def _edge(walk: Walk) -> Step:
    url = walk.facts.gateway_url if walk.facts else ""
    if not url:
        return Step("edge").skip("its address isn't known without AWS; give --stack")
    return edge.look(url)


def _first_cause(steps: list[Step]) -> None:
    """What is behind a broken part can't be reached, which is no finding of its own."""
    broken = next((number for number, step in enumerate(steps) if step.status == "broken"), None)
    if broken is None:
        return
    # the edge has another way to LiteLLM
    for number in range(broken + 1, len(steps) - 1):
        if steps[number].status == "broken":
            steps[number] = Step(steps[number].name).skip(f"can't be reached: see {steps[broken].name}")


def _add(seen: Seen, relay: Step, door: Step, litellm: Step, database: Step, edge: Step) -> None:
    for step, found in (
        (relay, seen.relay),
        (door, seen.door),
        (litellm, seen.litellm),
        (database, seen.database),
        (edge, seen.edge),
    ):
        step.add(*found)
        if step.status == "skipped" and any(finding.broken for finding in found):
            step.status = "broken"


def _data(steps: list[Step], broken: bool) -> dict[str, Any]:
    return {
        "healthy": not broken,
        "steps": [
            {
                "step": step.name,
                "status": step.status,
                "findings": [{"what": found.what, "remedy": found.remedy or None} for found in step.findings],
            }
            for step in steps
        ],
    }


def _text(steps: list[Step], style: output.Style, broken: bool) -> str:
    width = max(len(step.name) for step in steps)
    lines: list[str] = []
    for step in steps:
        mark, colour = _MARKS[step.status]
        head = f"{style.paint(f'{mark:<8}', colour)} {step.name:<{width}}  "
        indent = " " * (8 + 1 + width + 2)
        for number, found in enumerate(step.findings or [Finding("")]):
            lines.append((head if number == 0 else indent) + output.plain(found.what))
            if found.remedy:
                lines.append(f"{indent}{style.paint('→ ' + output.plain(found.remedy), 'bold')}")
    warned = any(step.status == "warning" for step in steps)
    lines += ["", "Something is broken." if broken else "It works, with warnings." if warned else "All is well."]
    return "\n".join(line.rstrip() for line in lines)
