"""The command line: the guide's commands are understood, and whatever isn't is one sentence and exit code 2."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litellm_admin.cli.commands import BY_NAME, COMMANDS, flags_of
from litellm_admin.cli.errors import UsageError
from litellm_admin.cli.parsing import parse, usage
from tests.cli.running import run

HAIKU = ("claude-haiku-4-5",)
# the guide's table of commands, as one types them
GUIDE: list[tuple[str, dict[str, object]]] = [
    ("help", {}),
    (
        """create-user --email dev@example.com --budget 50 --duration monthly --models '["claude-haiku-4-5"]'""",
        {"email": "dev@example.com", "budget": 50.0, "duration": "1mo", "models": HAIKU},
    ),
    ("list-users", {}),
    ("get-user user-1", {"operands": ["user-1"]}),
    ("delete-user user-1", {"operands": ["user-1"]}),
    ("update-budget --user-id user-1 --budget 100", {"user_id": "user-1", "budget": 100.0}),
    (
        """create-key --alias dev --budget 20 --duration monthly --user-id user-1 --models '["claude-haiku-4-5"]'""",
        {"alias": "dev", "budget": 20.0, "duration": "1mo", "user_id": "user-1", "models": HAIKU},
    ),
    ("list-keys", {}),
    ("delete-key sk-1234567890", {"operands": ["sk-1234567890"]}),
]


@pytest.mark.parametrize(("line", "found"), GUIDE)
def test_the_guides_commands_are_understood_word_for_word(line: str, found: dict[str, object]) -> None:
    command, given_ = parse(shlex.split(line))
    assert command.name == line.partition(" ")[0]
    assert {name: getattr(given_, name) for name in found} == found


def test_flags_of_every_command_may_stand_anywhere() -> None:
    for line in ("--stack poc list-users --json", "list-users --json --stack poc", "--json --stack poc list-users"):
        command, found = parse(line.split())
        assert (command.name, found.stack, found.json) == ("list-users", "poc", True)


def test_a_value_may_follow_an_equals_sign_and_begin_with_a_dash() -> None:
    assert parse(["create-user", "--email=a@b.co", "--budget=5"])[1].budget == 5
    assert parse(["get-user", "--", "-odd-id"])[1].operands == ["-odd-id"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("create-usr", "did you mean create-user?"),
        ("frobnicate", "help lists them."),
        ("create-user", "needs --email"),
        ("create-user --email", "--email needs a value"),
        ("create-user --email x", "it must be an e-mail address"),
        ("create-user --email a@b.co --bugdet 5", "no flag --bugdet; did you mean --budget?"),
        ("create-user --email a@b.co --budget five", "--budget is 'five': it must be a number of dollars"),
        ("create-user --email a@b.co --budget -5", "--budget is '-5'"),
        ("create-user --email a@b.co --models [x", "no valid JSON"),
        ("create-user --email a@b.co --models []", "an empty list would mean every model"),
        ("create-user --email a@b.co --duration often", "a period is daily, weekly or monthly"),
        ("create-user --email a@b.co --bud 5", "no flag --bud"),
        ("create-user a@b.co --email a@b.co", "doesn't know what to do with 'a@b.co'"),
        ("get-user", "get-user needs USER_ID"),
        ("get-user a b", "doesn't know what to do with 'b'"),
        ("delete-key", "delete-key needs KEY"),
        ("delete-key sk-…", "no whole key"),
        ("update-budget --budget 5", "needs --user-id"),
        ("update-budget --user-id u", "needs --budget"),
        ("list-users --json=yes", "is a switch"),
        ("list-users --way over-the-hills", "one of relay, direct"),
        ("list-keys --dry-run", "no flag --dry-run"),
        ("spend --by moon", "one of user, key, model, day"),
        ("spend --since 2026-13-01", "it must be a day"),
        ("spend --since today --until yesterday", "must not be after"),
        ("completion fish", "bash and zsh"),
        ("help frobnicate", "There is no command frobnicate"),
        ("update-user a@b.co", "Nothing to change was given"),
        ("import-csv no-such-file.csv", "can't be read"),
        ("list-users --stack a/b/c", "--stack is 'a/b/c': it must be the name of a stack"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(line: str, says: str) -> None:
    ran = run(*line.split(" "))
    assert says in ran.err
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("error: ")
    assert ran.out == ""
    assert ran.code == 2


def test_a_mistake_is_json_for_programs() -> None:
    ran = run("create-user", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert json.loads(ran.err)["error"]["kind"] == "usage"


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("LITELLM_URL", "gateway.example", "must begin with http"),
        ("LITELLM_MASTER_KEY", "sk-1 2", "is no key"),
    ],
)
def test_a_mistake_in_the_environment_is_one_too(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    ran = run("list-users")
    assert (ran.code, says in ran.err) == (2, True)
    assert value not in ran.err or name == "LITELLM_URL"


@given(st.lists(st.text(max_size=12) | st.sampled_from(["--json", "--email", "create-user", "--", "-", "--budget=1"])))
def test_any_line_is_parsed_or_refused(line: list[str]) -> None:
    said = "."
    try:
        parse(line)
    except UsageError as error:
        said = str(error)
    assert said.endswith((".", "?"))


def test_help_has_every_command_with_an_example_that_is_right() -> None:
    text = run("help").out
    for command in COMMANDS:
        assert f"  {command.name}  " in text
        assert command.example in text
    assert run("help", "create-user").out == run("create-user", "--help").out
    assert run().out == run("--help").out == text


def test_every_example_can_be_parsed() -> None:
    for command in COMMANDS:
        if command.name != "completion":
            line = shlex.split(command.example.replace("sk-…", "sk-1234567890"))
            assert parse(line)[0] is command


def test_help_of_a_command_has_its_flags() -> None:
    for command in COMMANDS:
        text = run("help", command.name).out
        assert usage(command) in text
        assert all(flag.name in text for flag in flags_of(command))


def test_what_changes_something_can_be_tried_and_what_deletes_asks() -> None:
    changing = {command.name for command in COMMANDS if command.changes}
    assert changing == {
        *("create-user", "update-user", "update-budget", "delete-user"),
        *("create-key", "update-key", "delete-key", "block-key", "unblock-key", "rotate-key"),
        "import-csv",
    }
    assert {command.name for command in COMMANDS if command.asks} == {"delete-user", "delete-key", "rotate-key"}


COMPLETES = """
source /dev/stdin <<< "$SCRIPT"
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
_litellm_users
printf '%s\\n' "${COMPREPLY[@]}"
"""


def test_bash_completes_commands_flags_and_values() -> None:
    script = run("completion", "bash").out

    def completes(*words: str) -> set[str]:
        done = subprocess.run(
            ["bash", "-c", COMPLETES, "bash", "litellm-users.sh", *words],
            env={"SCRIPT": script, "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        return set(done.stdout.split())

    assert completes("") == set(BY_NAME)
    assert completes("create-") == {"create-user", "create-key"}
    assert completes("create-user", "--dur") == {"--duration"}
    assert completes("spend", "--by", "") == {"user", "key", "model", "day"}
    assert completes("help", "whoa") == {"whoami"}
    assert completes("completion", "") == {"bash", "zsh"}
    assert completes("get-user", "") == {flag.name for flag in flags_of(BY_NAME["get-user"])}


def test_zsh_knows_every_command_and_flag() -> None:
    script = run("completion", "zsh").out
    assert script.startswith("#compdef")
    for command in COMMANDS:
        assert f"'{command.name}:" in script
        part = script.split(f"    {command.name})\n")[1].split(";;")[0]
        assert all(f"'{flag.name}[" in part for flag in flags_of(command))
        assert part.count("'") % 2 == 0
