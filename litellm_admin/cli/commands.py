"""Every command, with its flags and an example: what parsing, `help` and completion are made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from litellm_admin.cli import values

PROGRAM = "litellm-users.sh"


@dataclass(frozen=True)
class Flag:
    """`--name VALUE`; without `convert` a switch. `choices` are for completion and checked by `convert`."""

    name: str
    help: str
    convert: Callable[[str], Any] | None = None
    value: str = ""
    required: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()

    @property
    def dest(self) -> str:
        return self.name.removeprefix("--").replace("-", "_")


@dataclass(frozen=True)
class Command:
    """`run` is `module:function` below `litellm_admin.cli`, imported when the command is called. `changes` gives it
    `--dry-run`, `asks` gives it `--yes`."""

    name: str
    summary: str
    example: str
    run: str
    operands: tuple[tuple[str, str], ...] = ()
    flags: tuple[Flag, ...] = ()
    changes: bool = False
    asks: bool = False
    optional: bool = False  # whether its operands may be left out


def one_of(*choices: str) -> Callable[[str], str]:
    def convert(text: str) -> str:
        if text not in choices:
            raise ValueError(f"it must be one of {', '.join(choices)}")
        return text

    return convert


GLOBAL = (
    Flag("--json", "print JSON for programs; docs/litellm-users.md describes it"),
    Flag("--stack", "the stack, if there are several: its name in Pulumi, such as poc", values.stack, "NAME"),
    Flag("--region", "the stack's AWS region (else AWS_REGION or the profile's)", values.name, "REGION"),
    Flag("--profile", "the AWS profile to use (else AWS_PROFILE)", values.name, "PROFILE"),
    Flag(
        "--way",
        "take only this way in, by the relay or directly to the admin door",
        one_of("relay", "direct"),
        "WAY",
        choices=("relay", "direct"),
    ),
)
DRY_RUN = Flag("--dry-run", "say what would be done, and do nothing")
YES = Flag("--yes", "don't ask")

_EMAIL = Flag("--email", "the person's e-mail address", values.email, "ADDRESS")
_NAME = Flag("--alias", "a name to show, such as the person's", values.name, "NAME")
_BUDGET = Flag("--budget", "US dollars that may be spent in each period; none by default", values.money, "DOLLARS")
_DURATION = Flag(
    "--duration",
    "the budget's period: daily, weekly, monthly, or a number with h, d or mo such as 30d; for ever by default",
    values.period,
    "PERIOD",
    choices=("daily", "weekly", "monthly"),
)
_MODELS = Flag(
    "--models",
    """the models that may be used, as '["claude-haiku-4-5"]' or claude-haiku-4-5,claude-sonnet-4-5; all by default""",
    values.models,
    "MODELS",
)
_TPM = Flag("--tpm-limit", "tokens a minute", values.limit, "NUMBER")
_RPM = Flag("--rpm-limit", "requests a minute", values.limit, "NUMBER")
_ROLE = Flag(
    "--role",
    "what the user may administer in LiteLLM (internal_user by default)",
    values.role,
    "ROLE",
    choices=values.ROLES,
)
_EXPIRES = Flag("--expires", "when the key stops working: 30d from now, or a last day", values.expiry, "WHEN")
_KEY_ALIAS = Flag("--alias", "the key's name, unique among keys", values.alias, "NAME")
_OWNER = Flag("--user-id", "the user (id or e-mail) that the key belongs to", values.name, "USER_ID")


def _clearable(flag: Flag, clear: str = "none") -> Flag:
    """The same flag for an update: `none` takes the value away, and what isn't given stays."""
    text = flag.help.partition(";")[0].partition(" (")[0]
    return Flag(
        flag.name,
        f"{text}; {clear} takes it away",
        values.clearable(flag.convert) if clear == "none" else flag.convert,
        flag.value,
        choices=flag.choices,
    )


_LIMITS = tuple(_clearable(flag) for flag in (_BUDGET, _DURATION))
_SPEED = tuple(_clearable(flag) for flag in (_TPM, _RPM))
_NEW_ROLE = Flag("--role", "what the user may administer in LiteLLM", values.role, "ROLE", choices=values.ROLES)
_NEW_MODELS = Flag("--models", "the models that may be used; all lifts the limit", values.models, "MODELS")
USER = ("USER_ID", "the user's id or e-mail")
KEY = ("KEY", "the key's value (sk-…), its alias or its id; - reads it from standard input")

COMMANDS = (
    Command(
        "create-user",
        "add a user, with a budget and models if you like",
        "create-user --email dev@example.com --budget 50 --duration monthly --models '[\"claude-haiku-4-5\"]'",
        "users:create",
        flags=(
            Flag("--email", _EMAIL.help, values.email, "ADDRESS", required=True),
            _BUDGET,
            _DURATION,
            _MODELS,
            _NAME,
            _ROLE,
            _TPM,
            _RPM,
        ),
        changes=True,
    ),
    Command(
        "list-users",
        "every user with budget, spend and models",
        "list-users",
        "users:list_all",
        flags=(Flag("--email", "only users whose e-mail contains this", values.name, "TEXT"),),
    ),
    Command("get-user", "one user and the user's keys", "get-user dev@example.com", "users:get", (USER,)),
    Command(
        "update-user",
        "change a user; what you don't give stays as it is",
        "update-user dev@example.com --budget 80 --models all",
        "users:update",
        (USER,),
        (_EMAIL, *_LIMITS, _NEW_MODELS, _NAME, _NEW_ROLE, *_SPEED),
        changes=True,
    ),
    Command(
        "update-budget",
        "change a user's budget",
        "update-budget --user-id dev@example.com --budget 100",
        "users:update_budget",
        flags=(
            Flag("--user-id", "the user's id or e-mail", values.name, "USER_ID", required=True),
            Flag(
                "--budget", "the new budget in dollars; none lifts it", values.clearable(values.money), "DOLLARS", True
            ),
            _clearable(_DURATION),
        ),
        changes=True,
    ),
    Command(
        "delete-user",
        "delete a user and the user's keys",
        "delete-user dev@example.com",
        "users:delete",
        (USER,),
        changes=True,
        asks=True,
    ),
    Command(
        "create-key",
        "make a key and show it, this once",
        "create-key --alias dev-laptop --budget 20 --duration monthly --user-id dev@example.com",
        "keys:create",
        flags=(_KEY_ALIAS, _BUDGET, _DURATION, _OWNER, _MODELS, _EXPIRES, _TPM, _RPM),
        changes=True,
    ),
    Command(
        "list-keys",
        "every key with budget, spend and models",
        "list-keys",
        "keys:list_all",
        flags=(Flag("--user-id", "only this user's (id or e-mail)", values.name, "USER_ID"),),
    ),
    Command("get-key", "one key", "get-key dev-laptop", "keys:get", (KEY,)),
    Command(
        "update-key",
        "change a key; what you don't give stays as it is",
        "update-key dev-laptop --budget 40 --expires 90d",
        "keys:update",
        (KEY,),
        (_KEY_ALIAS, *_LIMITS, _clearable(_OWNER), _NEW_MODELS, _clearable(_EXPIRES), *_SPEED),
        changes=True,
    ),
    Command("delete-key", "delete a key", "delete-key sk-…", "keys:delete", (KEY,), changes=True, asks=True),
    Command(
        "block-key",
        "refuse a key's calls until it is unblocked",
        "block-key dev-laptop",
        "keys:block",
        (KEY,),
        changes=True,
    ),
    Command(
        "unblock-key", "let a blocked key work again", "unblock-key dev-laptop", "keys:unblock", (KEY,), changes=True
    ),
    Command(
        "rotate-key",
        "a new key with the same settings; the old one stops working, at once or after a while",
        "rotate-key dev-laptop --grace 24h",
        "rotation:rotate",
        (KEY,),
        (
            Flag(
                "--grace",
                "how long the old key goes on working, such as 24h (0: it is deleted)",
                values.wait,
                "TIME",
                default=0,
            ),
        ),
        changes=True,
        asks=True,
    ),
    Command(
        "spend",
        "what was spent, by user, key, model or day, with totals",
        "spend --by user --since month",
        "spend:report",
        flags=(
            Flag(
                "--by",
                "user, key, model or day (user)",
                one_of("user", "key", "model", "day"),
                "WHAT",
                default="user",
                choices=("user", "key", "model", "day"),
            ),
            Flag(
                "--since",
                "the first day: 2026-11-01, 7d ago, yesterday, or month, its first (month)",
                values.day,
                "DAY",
            ),
            Flag("--until", "the last day (today)", values.day, "DAY"),
            Flag("--user-id", "only this user's (id or e-mail)", values.name, "USER_ID"),
            Flag("--key", "only this key's (alias, id or value)", values.name, "KEY"),
        ),
    ),
    Command("models", "the models that there are, with prices", "models", "about:models"),
    Command("whoami", "who you are to the gateway, and by which way", "whoami", "about:whoami"),
    Command(
        "export",
        "write what is there as an access file, to be managed as code",
        "export --output access/poc.yaml",
        "export:export",
        flags=(
            Flag("--output", "the file to write (standard output)", values.name, "FILE"),
            Flag("--unmanaged", "only what no stack manages, to be added to a stack's access file"),
        ),
    ),
    Command(
        "import-csv",
        "make the users (and keys) of a CSV file, such as a class of thirty",
        "import-csv class.csv --keys-out keys.csv",
        "importing:import_csv",
        (("FILE", "a CSV file with a column email; - reads standard input"),),
        (
            _BUDGET,
            _DURATION,
            _MODELS,
            Flag("--with-keys", "a key for each user, named after the e-mail"),
            Flag(
                "--keys-out",
                "where the new keys go, a file that only you can read (standard output)",
                values.name,
                "FILE",
            ),
        ),
        changes=True,
    ),
    Command(
        "doctor",
        "walk the way to the gateway, say what is broken and what to do",
        "doctor",
        "doctor.run:doctor",
        flags=(
            Flag(
                "--key", "also look at this key: why is it refused? - reads it from standard input", values.name, "KEY"
            ),
        ),
    ),
    Command(
        "completion",
        "shell completion",
        'eval "$(litellm-users.sh completion bash)"',
        "completion:script",
        (("SHELL", "bash or zsh"),),
    ),
    Command(
        "help",
        "every command with an example, or one in full",
        "help create-user",
        "help:show",
        (("COMMAND", ""),),
        optional=True,
    ),
)

BY_NAME = {command.name: command for command in COMMANDS}


def flags_of(command: Command) -> tuple[Flag, ...]:
    """Its own flags, and those that every command has."""
    own = command.flags + ((DRY_RUN,) if command.changes else ()) + ((YES,) if command.asks else ())
    return own + GLOBAL
