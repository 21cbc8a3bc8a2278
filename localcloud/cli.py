"""The local cloud's command line: start, stop, status, logs, env, run, outputs, bedrock."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from urllib.parse import quote

from localcloud import cli_logs, cli_status, environment, lifecycle, outputs
from localcloud.aws.bedrock.behaviour import EVERY, KINDS
from localcloud.home import REPOSITORY, Home, HomeError

# Exit codes: 0 done, 1 could not be done, 2 wrong usage (argparse's), 3 nothing runs where something should.
_FAILED, _NOT_RUNNING = 1, 3


class CliError(Exception):
    """Ends the command with its text; ``code`` is the exit code."""

    def __init__(self, message: str, code: int = _FAILED) -> None:
        super().__init__(message)
        self.code = code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return options.verb(Home.find(), options)
    except CliError as error:
        _say(str(error))
        return error.code
    except (HomeError, lifecycle.LifecycleError, outputs.OutputsError, cli_logs.LogsError) as error:
        _say(str(error))
        return _FAILED
    except (KeyboardInterrupt, BrokenPipeError):
        return 130


def _start(home: Home, options: argparse.Namespace) -> int:
    before = lifecycle.running(home)
    daemon = lifecycle.start(home, _say)
    _say(f"The simulated AWS {'was running already' if before else 'runs'} at {daemon.endpoint}")
    return 0


def _stop(home: Home, options: argparse.Namespace) -> int:
    stopped = lifecycle.stop(home, options.wipe, _say)
    _say("stopped" if stopped else "nothing was running")
    return 0


def _status(home: Home, options: argparse.Namespace) -> int:
    daemon = _running(home)
    status = daemon.ask("/status")
    if options.json:
        print(json.dumps(status, indent=2))
    else:
        print(cli_status.render(status))
    return 0


def _logs(home: Home, options: argparse.Namespace) -> int:
    cli_logs.show(home.log, options.name, options.lines, options.follow)
    return 0


def _env(home: Home, options: argparse.Namespace) -> int:
    endpoint = lifecycle.start(home, _say).endpoint
    if options.json:
        print(json.dumps(environment.exports(home, endpoint), indent=2))
    else:
        print(environment.as_shell(home, endpoint))
    return 0


def _run(home: Home, options: argparse.Namespace) -> int:
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    if not command:
        raise CliError("run needs a command: python -m localcloud run -- COMMAND…", code=2)
    complete = environment.complete(home, lifecycle.start(home, _say).endpoint)
    program = shutil.which(command[0], path=complete["PATH"])
    if program is None:
        raise CliError(f"{command[0]}: there is no such program", code=127)
    sys.stdout.flush()
    # In this process' place: the terminal's signals and the exit code are the command's own.
    os.execve(program, command, complete)


def _fire(home: Home, options: argparse.Namespace) -> int:
    from localcloud.aws.account import ACCOUNT_ID, REGION, Account
    from localcloud.fire import CannotFire, fire

    group, slash, name = options.schedule.partition("/")
    if not slash:
        raise CliError("name the schedule as GROUP/NAME", code=2)
    try:
        print(fire(Account(REGION, ACCOUNT_ID, _running(home).endpoint), group, name))
    except CannotFire as error:
        raise CliError(str(error)) from None
    return 0


def _outputs(home: Home, options: argparse.Namespace) -> int:
    daemon = _running(home)
    env = environment.complete(home, daemon.endpoint)
    found = outputs.read(REPOSITORY, env, daemon.endpoint, options.stack, options.show_secrets)
    print(json.dumps(found, indent=2) if options.json else outputs.render(found))
    return 0


def _bedrock(home: Home, options: argparse.Namespace) -> int:
    daemon = _running(home)
    if options.kind == "slow" and not 0 < options.seconds <= 60:
        raise CliError("--seconds is the time before each token of a slow model: more than 0 and at most 60", code=2)
    told = daemon.ask(
        f"/bedrock/{options.kind}/{options.seconds}/{quote(options.model, safe='')}" if options.kind else "/bedrock"
    )
    if not told:
        print("every model answers at once")
    for model, behaviour in told.items():
        pause = f", {behaviour['seconds']:g} s before each token" if behaviour["kind"] == "slow" else ""
        print(f"{'every model' if model == EVERY else model}: {behaviour['kind']}{pause}")
    return 0


def _running(home: Home) -> lifecycle.Daemon:
    daemon = lifecycle.running(home)
    if daemon is None:
        raise CliError(f"no local cloud runs in {home.path}; `make up` stands it up", code=_NOT_RUNNING)
    return daemon


def _say(message: str) -> None:
    """Word to the person; stdout is for what was asked for."""
    print(message, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m localcloud",
        description="AWS on this machine: a simulated account whose databases, services, load balancers, "
        "distributions and functions really run. LOCALCLOUD_HOME names the folder it lives in.",
    )
    verbs = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, verb: Callable[[Home, argparse.Namespace], int], help: str) -> argparse.ArgumentParser:
        command = verbs.add_parser(name, help=help, description=help)
        command.set_defaults(verb=verb)
        return command

    add("start", _start, "start it in the background (does nothing when it runs)")
    stop = add("stop", _stop, "stop it and everything it started")
    stop.add_argument("--wipe", action="store_true", help="remove its folder as well: state, data and logs")
    status = add("status", _status, "what runs, where it answers, and how much memory it takes")
    status.add_argument("--json", action="store_true", help="for programs")
    logs = add("logs", _logs, "the logs' names, or the end of one")
    logs.add_argument("name", nargs="?", help="a log, or part of its name")
    logs.add_argument("--follow", "-f", action="store_true", help="go on as lines come in, until Ctrl-C")
    logs.add_argument("--lines", "-n", type=int, default=100, help="how many lines of its end (100)")
    env = add("env", _env, "exports for a shell in which aws, boto3 and pulumi talk to it; starts it if needed")
    env.add_argument("--json", action="store_true", help="as a JSON object instead of shell lines")
    run = add("run", _run, "run a command in that environment; starts it if needed")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND…", help="the command and its arguments")
    fired = add("fire", _fire, "fire a schedule, as EventBridge Scheduler does when its time has come")
    fired.add_argument("schedule", metavar="GROUP/NAME", help="such as llm-gateway-local/service-stop")
    found = add("outputs", _outputs, "the stack's outputs, with addresses that answer on this machine")
    found.add_argument("--json", action="store_true", help="for programs")
    found.add_argument("--show-secrets", action="store_true", help="secret values in clear")
    found.add_argument("--stack", default="local", help="the stack's name (local)")
    bedrock = add("bedrock", _bedrock, "how the stand-ins for Bedrock's models behave, or tell them")
    bedrock.add_argument("kind", nargs="?", choices=KINDS, help="what to do from now on; left out: only say")
    bedrock.add_argument("--model", default=EVERY, help="a model's or profile's id at Bedrock (all)")
    bedrock.add_argument("--seconds", type=float, default=0.5, help="before each token of a slow model (0.5)")
    return parser
