"""What commands do, say and leave alone, on a LiteLLM in memory. `test_live_commands.py` has the real one."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from litellm_admin.errors import Unreachable
from litellm_admin.models import token_of, user_id_of
from tests.cli.running import run
from tests.litellm_admin.fake import FakeLiteLLM

DEV = "dev@example.com"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(litellm: FakeLiteLLM) -> list[tuple[str, str]]:
    return [call for call in litellm.calls if call[0] != "GET"]


def made(**user: Any) -> str:
    flags = [text for name, value in user.items() for text in (f"--{name}", value)]
    ran = run("create-user", "--email", DEV, *flags, "--json")
    assert ran.code == 0, ran.err
    return str(ran.json["user"]["user_id"])


def test_a_user_is_created_as_told(litellm: FakeLiteLLM) -> None:
    ran = run("create-user", "--email", DEV, "--budget", "50", "--duration", "monthly", "--models", '["haiku"]')
    assert ran.code == 0
    row = litellm.users[user_id_of(DEV)]
    assert (row["max_budget"], row["budget_duration"], row["models"]) == (50, "1mo", ["haiku"])
    assert not litellm.keys, "no key that nobody has asked for or seen"
    for shown in (DEV, row["user_id"], "$50.00", "monthly", "haiku", "create-key"):
        assert shown in ran.out


def test_a_user_who_is_there_is_refused_and_named(litellm: FakeLiteLLM) -> None:
    user_id = made()
    for line in (["create-user", "--email", "DEV@example.com"], ["create-user", "--email", DEV, "--dry-run"]):
        ran = run(*line)
        assert ran.code == 1
        assert f"is a user already (id {user_id})" in ran.err


def test_a_model_that_isnt_there_is_refused_with_the_one_that_is_meant(litellm: FakeLiteLLM) -> None:
    ran = run("create-user", "--email", DEV, "--models", "haikuu")
    assert (ran.code, litellm.users) == (1, {})
    assert "has no model haikuu; did you mean haiku?" in ran.err


def test_a_create_whose_answer_is_lost_is_no_second_user(litellm: FakeLiteLLM) -> None:
    lost = {"/user/new": 1, "/key/generate": 1}

    def fault(method: str, path: str) -> str | None:
        if lost.get(path, 0) and method == "POST":
            lost[path] -= 1
            return "after"
        return None

    litellm.fault = fault
    assert run("create-user", "--email", DEV).code == 0
    ran = run("create-key", "--alias", "laptop", "--json")
    assert ran.code == 0
    assert [token_of(ran.json["key"])] == list(litellm.keys)


@pytest.mark.parametrize("told", [DEV, "DEV@Example.com", user_id_of(DEV)])
def test_users_are_named_by_id_or_email(litellm: FakeLiteLLM, told: str) -> None:
    made(budget="5")
    assert run("get-user", told, "--json").json["user"]["email"] == DEV
    assert run("update-budget", "--user-id", told, "--budget", "9").code == 0
    assert litellm.users[user_id_of(DEV)]["max_budget"] == 9
    assert run("delete-user", told).code == 0
    assert litellm.users == {}


def test_unknown_users_and_keys_are_one_sentence_and_exit_code_1(litellm: FakeLiteLLM) -> None:
    for line in (
        ["get-user", "nobody"],
        ["get-user", "nobody@example.com"],
        ["delete-user", "nobody"],
        ["update-user", "nobody", "--budget", "5"],
        ["update-budget", "--user-id", "nobody", "--budget", "5"],
        ["list-keys", "--user-id", "nobody"],
        ["create-key", "--user-id", "nobody"],
        ["delete-key", "sk-12345678901234567890"],
        ["delete-key", "nothing"],
        ["update-key", "nothing", "--budget", "5"],
        ["rotate-key", "0" * 64],
        ["block-key", "nothing"],
    ):
        ran = run(*line)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.startswith("error: ")
        assert ran.err.count("\n") == 1
    assert written(litellm) == []


def test_an_update_changes_what_is_given_and_nothing_else(litellm: FakeLiteLLM) -> None:
    user_id = made(budget="50", duration="monthly", models="haiku", alias="Dev")
    ran = run("update-user", DEV, "--budget", "80", "--models", "all", "--json")
    assert ran.json["changes"] == [
        {"field": "budget", "before": 50.0, "after": 80.0},
        {"field": "models", "before": ["haiku"], "after": []},
    ]
    row = litellm.users[user_id]
    assert (row["max_budget"], row["budget_duration"], row["user_alias"]) == (80, "1mo", "Dev")
    assert row["models"] == ["all-proxy-models"]
    posted = len(written(litellm))
    assert "nothing to change" in run("update-user", DEV, "--budget", "80", "--duration", "1mo").out
    assert len(written(litellm)) == posted
    run("update-user", DEV, "--budget", "none", "--duration", "none")
    assert (row["max_budget"], row["budget_duration"]) == (None, None)


def test_a_users_email_isnt_given_to_a_second_one(litellm: FakeLiteLLM) -> None:
    made()
    run("create-user", "--email", "other@example.com")
    ran = run("update-user", "other@example.com", "--email", DEV)
    assert ran.code == 1
    assert "is the e-mail of another user" in ran.err


def test_a_key_is_shown_once_and_only_there(litellm: FakeLiteLLM) -> None:
    made()
    ran = run("create-key", "--alias", "laptop", "--budget", "5", "--user-id", DEV, "--expires", "30d")
    [value] = [word for word in ran.out.split() if word.startswith("sk-")]
    row = litellm.keys[token_of(value)]
    assert (row["key_alias"], row["user_id"], row["allowed_routes"]) == ("laptop", user_id_of(DEV), ["llm_api_routes"])
    assert row["expires"]
    for line in (["list-keys"], ["get-key", "laptop"], ["get-user", DEV], ["export"], ["delete-key", value]):
        for more in ([], ["--json"]):
            assert value not in "".join(run(*line, *more).__dict__[where] for where in ("out", "err"))


@pytest.mark.parametrize("how", ["value", "alias", "id", "stdin"])
def test_keys_are_named_by_value_alias_or_id(litellm: FakeLiteLLM, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    value = run("create-key", "--alias", "laptop", "--json").json["key"]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{value}\n"))
    told = {"value": value, "alias": "laptop", "id": token_of(value), "stdin": "-"}[how]
    assert run("delete-key", told).code == 0
    assert litellm.keys == {}


def test_blocking_and_unblocking(litellm: FakeLiteLLM) -> None:
    run("create-key", "--alias", "laptop")
    [row] = litellm.keys.values()
    assert run("block-key", "laptop").out == "blocked laptop\n"
    assert row["blocked"] is True
    assert run("get-key", "laptop", "--json").json["key"]["status"] == "blocked"
    assert "nothing to change" in run("block-key", "laptop").out
    assert run("unblock-key", "laptop").code == 0
    assert row["blocked"] is False


def test_a_key_that_is_updated(litellm: FakeLiteLLM) -> None:
    made()
    run("create-key", "--alias", "laptop", "--models", "haiku", "--budget", "5", "--expires", "30d")
    run("create-key", "--alias", "other")
    assert run("update-key", "laptop", "--alias", "other").code == 1
    line = "update-key laptop --alias notebook --models all --budget none --user-id dev@example.com --expires none"
    ran = run(*line.split())
    assert ran.code == 0, ran.err
    row = next(row for row in litellm.keys.values() if row["key_alias"] == "notebook")
    assert (row["models"], row["max_budget"], row["user_id"], row["expires"]) == ([], None, user_id_of(DEV), None)


def test_rotating_carries_everything_over_and_frees_the_alias(litellm: FakeLiteLLM) -> None:
    made()
    old = run("create-key", "--alias", "laptop", "--budget", "5", "--models", "haiku", "--user-id", DEV, "--json").json
    litellm.keys[old["key_id"]]["spend"] = 3.5
    litellm.keys[old["key_id"]]["metadata"] = {"cost_centre": "42"}
    new = run("rotate-key", "laptop", "--grace", "24h", "--json").json
    assert new["key"] != old["key"]
    row, before = litellm.keys[new["key_id"]], litellm.keys[old["key_id"]]
    for name in ("max_budget", "models", "user_id", "spend", "metadata", "allowed_routes"):
        assert row[name] == before[name], name
    assert row["key_alias"] == "laptop"
    assert before["key_alias"].startswith("laptop.old-")
    assert before["expires"]
    run("rotate-key", "laptop")
    assert new["key_id"] not in litellm.keys, "without a grace the old key is gone at once"


def test_a_rotation_that_fails_leaves_the_key_as_it_was(litellm: FakeLiteLLM) -> None:
    run("create-key", "--alias", "laptop")
    litellm.fault = lambda method, path: 400 if path == "/key/generate" else None
    assert run("rotate-key", "laptop").code == 1
    assert [row["key_alias"] for row in litellm.keys.values()] == ["laptop"]


DRY = [
    "create-user --email new@example.com --budget 5",
    "update-user dev@example.com --budget 5",
    "update-budget --user-id dev@example.com --budget 5",
    "delete-user dev@example.com",
    "create-key --alias new --user-id dev@example.com",
    "update-key laptop --budget 7",
    "block-key laptop",
    "unblock-key blocked",
    "rotate-key laptop",
    "delete-key laptop",
]


@pytest.mark.parametrize("line", DRY)
def test_a_dry_run_says_what_it_would_do_and_does_nothing(litellm: FakeLiteLLM, line: str) -> None:
    made()
    run("create-key", "--alias", "laptop")
    run("create-key", "--alias", "blocked")
    run("block-key", "blocked")
    before = len(written(litellm))
    ran = run(*line.split(), "--dry-run")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("would ")
    shown = run(*line.split(), "--dry-run", "--json").json
    assert shown["dry_run"] is True
    assert shown["action"] == line.partition("-")[0]
    assert len(written(litellm)) == before


def managed(litellm: FakeLiteLLM) -> None:
    made()
    run("create-key", "--alias", "production")
    for row in (*litellm.users.values(), *litellm.keys.values()):
        row["metadata"] = {"managed_by": "llm-gateway/poc"}


def test_what_is_managed_as_code_comes_back_and_that_is_said(litellm: FakeLiteLLM) -> None:
    managed(litellm)
    for line in (
        ["update-budget", "--user-id", DEV, "--budget", "7"],
        ["update-key", "production", "--budget", "7"],
        ["delete-user", DEV],
        ["delete-key", "production"],
    ):
        ran = run(*line)
        assert ran.code == 0
        assert "warning:" in ran.err
        assert "managed as code by llm-gateway/poc" in ran.err
        assert "access/poc.yaml" in ran.err


def test_a_key_that_is_managed_as_code_isnt_rotated_by_hand(litellm: FakeLiteLLM) -> None:
    managed(litellm)
    before = len(written(litellm))
    ran = run("rotate-key", "production")
    assert (ran.code, "rotate it there" in ran.err) == (1, True)
    assert len(written(litellm)) == before


@pytest.mark.parametrize(("said", "gone"), [("y\n", True), ("yes\n", True), ("n\n", False), ("\n", False), ("", False)])
def test_deleting_asks_on_a_terminal(
    litellm: FakeLiteLLM, monkeypatch: pytest.MonkeyPatch, said: str, gone: bool
) -> None:
    from litellm_admin.cli.main import main

    made()
    asked = Terminal()
    monkeypatch.setattr("sys.stdin", Terminal(said))
    monkeypatch.setattr("sys.stderr", asked)
    code = main(["delete-user", DEV])
    assert "Delete user dev@example.com? [y/N]" in asked.getvalue()
    assert (litellm.users == {}, code) == (gone, 0 if gone else 1)


@pytest.mark.parametrize("flag", ["--yes", "--dry-run"])
def test_nobody_is_asked_who_said_so(litellm: FakeLiteLLM, monkeypatch: pytest.MonkeyPatch, flag: str) -> None:
    from litellm_admin.cli.main import main

    made()
    asked = Terminal()
    monkeypatch.setattr("sys.stdin", Terminal(""))
    monkeypatch.setattr("sys.stderr", asked)
    assert main(["delete-user", DEV, flag]) == 0
    assert "[y/N]" not in asked.getvalue()


def test_lists_are_complete_over_all_pages(litellm: FakeLiteLLM) -> None:
    for number in range(230):
        litellm._user_new({"user_id": f"u-{number}", "user_email": f"u{number}@example.com", "auto_create_key": False})
        litellm._key_generate({"key": f"sk-{number:020}", "key_alias": f"k-{number}", "user_id": f"u-{number}"})
    assert len(run("list-users", "--json").json["users"]) == 230
    keys = run("list-keys", "--json").json["keys"]
    assert {key["email"] for key in keys} == {f"u{number}@example.com" for number in range(230)}
    assert run("list-users").out.endswith("230 users\n")


def test_the_last_use_is_the_keys(litellm: FakeLiteLLM) -> None:
    made()
    for alias, used in [("k1", "2026-11-20T10:00:00Z"), ("k2", "2026-11-24T09:30:00Z"), ("k3", None)]:
        run("create-key", "--alias", alias, "--user-id", DEV)
        next(row for row in litellm.keys.values() if row["key_alias"] == alias)["last_active"] = used
    [user] = run("list-users", "--json").json["users"]
    assert (user["last_used_at"], user["keys"]) == ("2026-11-24T09:30:00Z", 3)
    assert "2026-11-24 09:30" in run("list-users").out


def test_names_steer_no_terminal(litellm: FakeLiteLLM) -> None:
    litellm._user_new({"user_id": "u", "user_email": "a\x1b[2J@b.co", "user_alias": "x\ny", "auto_create_key": False})
    for line in (["list-users"], ["get-user", "u"]):
        out = run(*line).out
        assert "\x1b" not in out
        assert "a?[2J@b.co" in out


def day(date: str, spend: float, user: str, token: str, model: str) -> dict[str, Any]:
    metrics = {"spend": spend, "api_requests": 2, "failed_requests": 1, "prompt_tokens": 10, "completion_tokens": 5}
    part = {"metrics": metrics, "metadata": {"key_alias": f"alias-{token}"}}
    return {
        "date": date,
        "metrics": metrics,
        "breakdown": {"entities": {user: part}, "api_keys": {token: part}, "model_groups": {model: part}},
    }


def test_spend_adds_up_by_user_key_model_and_day(litellm: FakeLiteLLM) -> None:
    user_id = made()
    # one day comes in two parts, as over two pages
    litellm.days = [
        day("2026-11-24", 1.5, user_id, "t1", "haiku"),
        day("2026-11-24", 0.5, "u-2", "t2", "sonnet"),
        day("2026-11-25", 1, user_id, "t1", "sonnet"),
    ]
    found = {
        by: run("spend", "--by", by, "--since", "2026-11-01", "--json").json for by in ("user", "key", "model", "day")
    }
    totals = {by: report["total"] for by, report in found.items()}
    assert set(map(json.dumps, totals.values())) == {
        json.dumps({"spend": 3.0, "requests": 6, "failed_requests": 3, "input_tokens": 30, "output_tokens": 15})
    }
    spent = {by: [(row["name"], row["spend"]) for row in report["rows"]] for by, report in found.items()}
    assert spent["user"] == [(DEV, 2.5), ("u-2", 0.5)]
    assert spent["key"] == [("alias-t1", 2.5), ("alias-t2", 0.5)]
    assert spent["model"] == [("haiku", 1.5), ("sonnet", 1.5)]
    assert spent["day"] == [("2026-11-24", 2.0), ("2026-11-25", 1.0)]
    text = run("spend", "--since", "2026-11-01").out
    assert "total" in text
    assert "$3.00" in text


def test_export_is_an_access_file_that_the_stack_takes(litellm: FakeLiteLLM, tmp_path: Path) -> None:
    from components.access_file import load_access

    made(budget="50", duration="monthly", models="haiku", alias="Dev: “#1”")
    run("create-user", "--email", "true@example.com", "--role", "proxy_admin", "--budget", "0.1", "--rpm-limit", "5")
    run("create-key", "--alias", "yes", "--user-id", DEV, "--expires", "30d")
    run("create-key", "--alias", "123")
    run("create-key")
    litellm.users[user_id_of(DEV)]["metadata"] = {"cost centre": "4: 2", "n": [1, None, {"a": True}]}
    litellm._user_new({"user_id": "robot", "user_email": "", "auto_create_key": False})
    file = tmp_path / "poc.yaml"
    assert run("export", "--output", str(file)).code == 0
    text = file.read_text()
    access, problems = load_access(file, models=("haiku", "sonnet"), database="rds")
    assert problems == []
    users, keys = {user.email: user for user in access.users}, {key.alias: key for key in access.keys}
    assert set(users) == {DEV, "true@example.com"}
    dev = users[DEV]
    assert (dev.alias, dev.budget, dev.duration, dev.models) == ("Dev: “#1”", 50, "1mo", ("haiku",))
    assert dev.metadata == {"cost centre": "4: 2", "n": [1, None, {"a": True}]}
    assert (users["true@example.com"].role, users["true@example.com"].rpm_limit) == ("proxy_admin", 5)
    assert set(keys) == {"yes", "123"}
    assert (keys["yes"].owner, bool(keys["yes"].expires)) == (DEV, True)
    assert "left out: user robot, because it has no e-mail" in text
    assert "because it has no alias" in text
    assert all(one.adopt for one in (*access.users, *access.keys)), "nobody manages them"
    again = run("export", "--output", str(file))
    assert (again.code, file.read_text()) == (1, text)


def test_what_cant_be_reached_is_exit_code_3(litellm: FakeLiteLLM) -> None:
    litellm.fault = lambda *_: "before"
    ran = run("list-users")
    assert (ran.code, ran.out) == (3, "")
    assert run("list-users", "--json").err.count('"unreachable"') == 1


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (401, "unauthorized", "doesn't know this master key"),
        (403, "refused", "was refused (403)"),
        (500, "failed", "LiteLLM failed at GET /user/list"),
    ],
)
def test_refusals_are_sentences_and_exit_code_1(litellm: FakeLiteLLM, status: int, kind: str, says: str) -> None:
    litellm.fault = lambda *_: status
    ran = run("list-users")
    assert (ran.code, says in ran.err, ran.err.count("\n")) == (1, True, 1)
    assert json.loads(run("list-users", "--json").err)["error"]["kind"] == kind


def test_an_interruption_is_no_traceback(litellm: FakeLiteLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(litellm, "fault", interrupted)
    ran = run("list-users")
    assert (ran.code, ran.out, ran.err) == (130, "", "\n")


def test_the_error_of_the_fake_is_the_clients(litellm: FakeLiteLLM) -> None:
    litellm.fault = lambda *_: "before"
    with pytest.raises(Unreachable):
        litellm.request("GET", "/user/list")
