"""A command line's way through: parse, run, show, and end with a code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from litellm_admin.cli import errors, output
from litellm_admin.cli.commands import PROGRAM
from litellm_admin.errors import AdminError, BlockedAtEdge

INTERRUPTED = 130


def main(arguments: Sequence[str]) -> int:
    """Runs a command and returns its exit code (`cli/errors.py` says what they mean)."""
    as_json = "--json" in arguments
    try:
        return _run(arguments)
    except AdminError as error:
        _tell(error, as_json, arguments)
        return errors.exit_code(error)
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has seen enough (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(arguments: Sequence[str]) -> int:
    from importlib import import_module

    from litellm_admin.cli.parsing import parse

    command, given = parse(arguments)
    module, _, function = command.run.partition(":")
    run = getattr(import_module(f"litellm_admin.cli.{module}"), function)
    if command.name in ("help", "completion"):
        answer = run(given)
    else:
        from litellm_admin.cli.context import Context, wishes

        if given.profile:
            os.environ["AWS_PROFILE"] = given.profile
        context = Context(
            wishes(given),
            given.json,
            getattr(given, "dry_run", False),
            getattr(given, "yes", False),
            output.style_of(sys.stdout),
        )
        answer = run(context, given)
    text = output.as_json(answer.data) if given.json else answer.text
    if text:
        output.say(text)
    sys.stdout.flush()
    return answer.code


def _tell(error: AdminError, as_json: bool, arguments: Sequence[str]) -> None:
    """The sentence, on standard error; as JSON for programs."""
    sentence = output.plain(str(error))
    if isinstance(error, BlockedAtEdge):
        from litellm_admin.cli.edge import advice

        sentence = f"{sentence} {advice(arguments)}"
    if as_json:
        output.say(output.as_json({"error": {"kind": errors.kind(error), "message": sentence}}), sys.stderr)
    else:
        style = output.style_of(sys.stderr)
        output.say(f"{style.paint('error:', 'red')} {sentence}", sys.stderr)
    if isinstance(error, errors.UsageError) and not as_json and not arguments:
        output.say(f"{PROGRAM} help lists the commands.", sys.stderr)
