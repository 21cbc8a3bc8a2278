"""Users and keys from a CSV file, on a LiteLLM in memory."""

from __future__ import annotations

import json
from pathlib import Path

from litellm_admin.models import token_of, user_id_of
from tests.cli.running import run
from tests.cli.test_commands import written
from tests.litellm_admin.fake import FakeLiteLLM

CSV = """\
email,alias,budget,models,key_alias
ann@school.org,Ann,5,haiku;sonnet,ann-laptop
bob@school.org,"Bob, B",,,
"""


def csv(tmp_path: Path, text: str) -> str:
    file = tmp_path / "class.csv"
    file.write_text(text)
    return str(file)


def test_a_csv_file_makes_users_and_keys(litellm: FakeLiteLLM, tmp_path: Path) -> None:
    out = tmp_path / "keys.csv"
    ran = run(
        "import-csv", csv(tmp_path, "\ufeff" + CSV), "--budget", "3", "--duration", "monthly", "--keys-out", str(out)
    )
    assert ran.code == 0, ran.err
    ann, bob = (litellm.users[user_id_of(email)] for email in ("ann@school.org", "bob@school.org"))
    assert (ann["max_budget"], ann["models"], ann["user_alias"]) == (5, ["haiku", "sonnet"], "Ann")
    assert (bob["max_budget"], bob["budget_duration"], bob["user_alias"]) == (3, "1mo", "Bob, B")
    header, line = out.read_text().splitlines()
    email, alias, value = line.split(",")
    assert (header, email, alias) == ("email,key_alias,key", "ann@school.org", "ann-laptop")
    assert litellm.keys[token_of(value)]["user_id"] == ann["user_id"]
    assert out.stat().st_mode & 0o777 == 0o600
    assert value not in ran.out + ran.err


def test_a_second_import_leaves_everything_as_it_is(litellm: FakeLiteLLM, tmp_path: Path) -> None:
    file = csv(tmp_path, CSV)
    first = run("import-csv", file, "--with-keys")
    assert first.out.count("sk-") == 2
    users, keys = json.dumps(litellm.users), set(litellm.keys)
    second = run("import-csv", file, "--with-keys")
    assert second.code == 0
    assert second.err.count("there already, left as is") == 4
    assert (json.dumps(litellm.users), set(litellm.keys)) == (users, keys)


def test_keys_on_standard_output_are_csv_and_nothing_else(litellm: FakeLiteLLM, tmp_path: Path) -> None:
    ran = run("import-csv", csv(tmp_path, CSV), "--with-keys")
    lines = ran.out.splitlines()
    assert lines[0] == "email,key_alias,key"
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["ann@school.org", "ann-laptop"],
        ["bob@school.org", "bob@school.org"],
    ]
    assert "created 2 users and 2 keys" in ran.err


def test_a_file_with_mistakes_makes_nothing_and_names_them_all(litellm: FakeLiteLLM, tmp_path: Path) -> None:
    wrong = CSV + "carol,x,-1,,\n,No mail,,,\nann@school.org,,,,\ndan@school.org,,,,,extra\n"
    ran = run("import-csv", csv(tmp_path, wrong))
    assert ran.code == 2
    for said in (
        "line 4: email is 'carol'",
        "budget is '-1'",
        "line 5: email is ''",
        "line 6: ann@school.org",
        "line 7: 6",
    ):
        assert said in ran.err, ran.err
    assert written(litellm) == []
    for text, said in [
        ("", "email among them"),
        ("name,budget\n", "email among them"),
        ("email,buget\n", "column buget"),
        ("email,email\n", "twice"),
        ("email\n", "no users"),
    ]:
        assert said in run("import-csv", csv(tmp_path, text)).err
    assert run("import-csv", csv(tmp_path, CSV.replace("haiku", "haikuu"))).code == 1
    assert written(litellm) == []


def test_an_import_that_loses_the_gateway_stops_and_keeps_what_it_has(litellm: FakeLiteLLM, tmp_path: Path) -> None:
    rows = "".join(f"u{number}@school.org\n" for number in range(6))
    made_users = 0

    def fault(method: str, path: str) -> str | None:
        nonlocal made_users
        if path == "/user/new":
            made_users += 1
        return "before" if made_users > 2 else None

    litellm.fault = fault
    out = tmp_path / "keys.csv"
    ran = run("import-csv", csv(tmp_path, "email\n" + rows), "--with-keys", "--keys-out", str(out), "--json")
    assert ran.code == 3
    assert [user["user"] for user in ran.json["users"]] == ["created", "created", "failed", *["not tried"] * 3]
    assert len(out.read_text().splitlines()) == 3


def test_a_refused_row_doesnt_stop_the_others(litellm: FakeLiteLLM, tmp_path: Path) -> None:
    litellm.fault = lambda _method, path: 400 if path == "/user/new" and len(litellm.users) == 1 else None
    ran = run("import-csv", csv(tmp_path, CSV), "--json", "--keys-out", str(tmp_path / "k"))
    assert ran.code == 1
    assert [user["user"] for user in ran.json["users"]] == ["created", "failed"]
