"""Every command on the real LiteLLM, by URL and key, as a person types it: by the script, from any directory."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.running import Ran
from tests.litellm_server import HAIKU, SONNET, Proxy

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "litellm-users.sh"
pytestmark = pytest.mark.timeout(300)  # the first test starts LiteLLM


class Users:
    """`litellm-users.sh`, with nothing in its environment but an address and a key."""

    def __init__(self, proxy: Proxy, cwd: Path) -> None:
        self.env = {"PATH": os.defpath, "LITELLM_URL": proxy.url, "LITELLM_MASTER_KEY": proxy.master_key}
        self.cwd = cwd

    def __call__(self, *arguments: str, check: bool = True, script: Path = SCRIPT, **env: str) -> Ran:
        done = subprocess.run(
            [str(script), *arguments],
            cwd=self.cwd,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        ran = Ran(done.returncode, done.stdout, done.stderr)
        assert not check or ran.code == 0, ran.err
        return ran

    def json(self, *arguments: str) -> Any:
        return self(*arguments, "--json").json


@pytest.fixture
def users(proxy: Proxy, tmp_path: Path) -> Users:
    return Users(proxy, tmp_path)


def email() -> str:
    return f"{Proxy.fresh('cli')}@example.com"


def chat(proxy: Proxy, key: str, model: str = HAIKU) -> int:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{proxy.url}/v1/chat/completions", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_users_life(users: Users) -> None:
    address = email()
    made = users.json(
        "create-user", "--email", address, "--budget", "50", "--duration", "monthly", "--models", f'["{HAIKU}"]'
    )["user"]
    assert (made["email"], made["budget"], made["period"], made["models"]) == (address, 50, "1mo", [HAIKU])
    assert made["resets_at"]
    assert address in users("list-users").out
    assert users.json("list-users", "--email", address)["users"] == [made]
    assert users.json("get-user", made["user_id"]) == {"user": made, "keys": []}
    changed = users.json(
        "update-user", address, "--models", "all", "--budget", "none", "--alias", "Dev", "--rpm-limit", "9"
    )
    assert (changed["user"]["budget"], changed["user"]["alias"], changed["user"]["rpm_limit"]) == (None, "Dev", 9)
    assert changed["user"]["models"] in ([], ["all-proxy-models"])
    assert users.json("update-budget", "--user-id", made["user_id"], "--budget", "100")["user"]["budget"] == 100
    other = email()
    assert users.json("update-user", address, "--email", other)["user"]["email"] == other
    assert users("create-user", "--email", other.upper(), check=False).code == 1
    assert users("delete-user", made["user_id"]).out == f"deleted user {other}\n"
    assert users("get-user", made["user_id"], check=False).code == 1


def test_a_keys_life(users: Users, proxy: Proxy) -> None:
    address, alias = email(), Proxy.fresh("key")
    user = users.json("create-user", "--email", address)["user"]["user_id"]
    made = users.json(
        *("create-key", "--alias", alias, "--budget", "20", "--duration", "monthly", "--user-id", user),
        *("--models", f'["{HAIKU}"]', "--expires", "30d"),
    )
    key = made["key"]
    assert chat(proxy, key) == 200
    assert chat(proxy, key, SONNET) in (401, 403)
    assert users("create-key", "--alias", alias, check=False).code == 1
    listed = users.json("list-keys", "--user-id", address)["keys"]
    assert [(shape["alias"], shape["email"], shape["status"], shape["budget"]) for shape in listed] == [
        (alias, address, "active", 20)
    ]
    users("block-key", alias)
    assert chat(proxy, key) in (401, 403)
    users("unblock-key", alias)
    assert chat(proxy, key) == 200
    users("update-key", alias, "--models", "all", "--expires", "none", "--budget", "none")
    assert chat(proxy, key, SONNET) == 200
    shown = users.json("get-key", alias)["key"]
    assert (shown["expires_at"], shown["budget"], shown["models"]) == (None, None, [])
    users("delete-key", key)
    assert chat(proxy, key) == 401
    assert users("delete-key", key, check=False).code == 1


def test_a_rotated_key_is_the_same_with_another_value(users: Users, proxy: Proxy) -> None:
    alias = Proxy.fresh("rot")
    old = users.json("create-key", "--alias", alias, "--budget", "5", "--models", HAIKU, "--rpm-limit", "90")
    # the models of this LiteLLM cost nothing
    proxy.client.update_key({"key": old["key_id"], "spend": 1.5})
    new = users.json("rotate-key", alias, "--grace", "1h")
    assert (chat(proxy, old["key"]), chat(proxy, new["key"])) == (200, 200)
    shown, before = users.json("get-key", alias)["key"], users.json("get-key", old["key_id"])["key"]
    assert shown["key_id"] == new["key_id"] != old["key_id"]
    for name in ("budget", "models", "rpm_limit", "user_id"):
        assert shown[name] == before[name]
    assert shown["spent"] == before["spent"] == 1.5, "a rotated key has no more budget than before"
    assert before["expires_at"]
    assert before["alias"].startswith(f"{alias}.old-")
    again = users.json("rotate-key", alias)
    assert (chat(proxy, new["key"]), chat(proxy, again["key"])) == (401, 200)


def _until(value: Any) -> Any:
    """What `value` gives once it is something; spend is booked after a moment."""
    deadline = time.monotonic() + 60
    while not (found := value()) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert found
    return found


def test_spend_is_the_same_by_user_key_model_and_day(users: Users, proxy: Proxy) -> None:
    address, alias = email(), Proxy.fresh("spender")
    users("create-user", "--email", address)
    key = users.json("create-key", "--alias", alias, "--user-id", address)["key"]
    assert [chat(proxy, key, model) for model in (HAIKU, HAIKU, SONNET)] == [200] * 3

    def report(by: str) -> Any:
        return users.json("spend", "--by", by, "--user-id", address, "--since", "yesterday")

    _until(lambda: report("user")["total"]["requests"] == 3)
    found = {by: report(by) for by in ("user", "key", "model", "day")}
    assert len({json.dumps(shape["total"]) for shape in found.values()}) == 1
    assert found["user"]["total"]["input_tokens"] > 0
    assert [row["name"] for row in found["user"]["rows"]] == [address]
    assert [row["name"] for row in found["key"]["rows"]] == [alias]
    assert {row["name"]: row["requests"] for row in found["model"]["rows"]} == {HAIKU: 2, SONNET: 1}
    assert users.json("spend", "--by", "key", "--key", alias)["rows"] == found["key"]["rows"]
    used = _until(lambda: users.json("get-user", address)["user"]["last_used_at"])
    assert used.startswith("20")


def test_models_and_whoami(users: Users, proxy: Proxy) -> None:
    models = {model["name"]: model for model in users.json("models")["models"]}
    assert set(models) == {HAIKU, SONNET}
    found = users.json("whoami")
    assert (found["way"], found["by"], found["litellm_version"]) == ("url", proxy.url, "1.108.7")
    assert found["database"] is True


def test_a_wrong_key_is_explained(users: Users) -> None:
    ran = users("list-users", check=False, LITELLM_MASTER_KEY="sk-wrong")
    assert (ran.code, ran.out) == (1, "")
    assert "doesn't know this master key" in ran.err
    doctor = users("doctor", check=False, LITELLM_MASTER_KEY="sk-wrong")
    assert doctor.code == 1
    assert "Invalid API Key" in doctor.out
    assert "LITELLM_MASTER_KEY" in doctor.out


def test_nobody_there_is_exit_code_3(users: Users) -> None:
    ran = users("list-users", check=False, LITELLM_URL="http://127.0.0.1:9")
    assert (ran.code, ran.out) == (3, "")
    assert "can't be reached" in ran.err
    assert users("doctor", check=False, LITELLM_URL="http://127.0.0.1:9").code == 1


def test_the_doctor_explains_a_key(users: Users, proxy: Proxy) -> None:
    address, alias = email(), Proxy.fresh("sick")
    users("create-user", "--email", address, "--budget", "0")
    key = users.json("create-key", "--alias", alias, "--user-id", address)["key"]
    assert chat(proxy, key) in (400, 422, 429)
    ran = users("doctor", "--key", key, check=False)
    assert ran.code == 1
    assert f"Budget exceeded: {address}" in ran.out
    assert "update-budget --user-id" in ran.out
    assert key not in ran.out + ran.err
    users("update-budget", "--user-id", address, "--budget", "5")
    assert users("doctor", "--key", alias).code == 0
    assert "Invalid API Key" in users("doctor", "--key", "sk-00000000000000000000", check=False).out


def test_a_class_of_thirty(users: Users, proxy: Proxy, tmp_path: Path) -> None:
    school = Proxy.fresh("school")
    rows = [f"pupil{number}@{school}.org,Pupil {number}" for number in range(30)]
    (tmp_path / "class.csv").write_text("\n".join(["email,alias", *rows]) + "\n")
    line = ("import-csv", "class.csv", "--with-keys", "--budget", "2", "--duration", "weekly", "--models", HAIKU)
    assert "would create 30 users and 30 keys" in users(*line, "--dry-run").out
    ran = users(*line, "--keys-out", "keys.csv")
    assert "created 30 users and 30 keys of 30 lines" in ran.out
    keys = [line.split(",")[2] for line in (tmp_path / "keys.csv").read_text().splitlines()[1:]]
    assert len(set(keys)) == 30
    assert chat(proxy, keys[-1]) == 200
    again = users(*line, "--keys-out", "again.csv")
    assert "created 0 users and 0 keys" in again.out
    assert len(users.json("list-users", "--email", school)["users"]) == 30


def test_an_export_managed_as_code_would_change_no_user(users: Users, tmp_path: Path) -> None:
    """What is exported is planned against what is there: the users' only change is who manages them."""
    from components.access_file import load_access
    from litellm_admin.plan import user_changes

    school = Proxy.fresh("export")
    users("create-user", "--email", f"a@{school}.org", "--budget", "12.5", "--duration", "30d", "--models", HAIKU)
    users("create-user", "--email", f"b@{school}.org", "--alias", "B: “quoted”", "--role", "internal_user_viewer")
    users("export", "--output", "access.yaml")
    # other tests' people, keys and teams are in this LiteLLM as well, made in ways that no access file would
    exported = yaml.safe_load((tmp_path / "access.yaml").read_text())
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"users": [entry for entry in exported["users"] if school in entry["email"]]}))
    access, problems = load_access(file, models=(HAIKU, SONNET), database="rds")
    assert problems == []
    from litellm_admin.client import Client
    from litellm_admin.transport import DirectTransport

    client = Client(DirectTransport(users.env["LITELLM_URL"], users.env["LITELLM_MASTER_KEY"]))
    assert len(access.users) == 2
    for spec in access.users:
        seen = client.get_user(spec.user_id)
        assert seen is not None
        assert {change.field for change in user_changes(spec, "stack", seen)} == {"metadata"}


def test_the_script_runs_from_anywhere_and_by_a_symlink(users: Users, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    link, second = tmp_path / "bin" / "litellm-users", tmp_path / "users"
    link.symlink_to(os.path.relpath(SCRIPT, link.parent))
    second.symlink_to("bin/litellm-users")
    # nothing of the directory that it is called from is run
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong module')")
    (tmp_path / "litellm_admin").mkdir()
    for script in (SCRIPT, link, second):
        assert users("models", script=script).code == 0


def test_the_script_needs_no_boto3_where_no_aws_is_asked(users: Users, tmp_path: Path) -> None:
    """A Python without a single package, as on a machine that has nothing but this repository."""
    subprocess.run(["python3", "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True, timeout=120)
    bare = str(tmp_path / "bare" / "bin" / "python")
    assert subprocess.run([bare, "-c", "import boto3"], capture_output=True).returncode != 0
    assert users("list-users", LITELLM_USERS_PYTHON=bare).code == 0
    assert users("doctor", LITELLM_USERS_PYTHON=bare).code == 0
    ran = users("list-users", check=False, LITELLM_USERS_PYTHON=bare, LITELLM_URL="", AWS_REGION="us-west-1")
    assert ran.code == 3
    assert "pip install boto3" in ran.err
    assert ran.err.count("\n") == 1


def test_without_a_suitable_python_the_script_says_so(tmp_path: Path) -> None:
    """A copy of the script alone, so that it finds no environment beside it, with an old Python on PATH."""
    (tmp_path / "scripts").mkdir()
    copy = tmp_path / "scripts" / "litellm-users.sh"
    copy.write_text(SCRIPT.read_text())
    copy.chmod(0o755)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "readlink"):
        (tools / name).symlink_to(f"/bin/{name}")
    old = tools / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run([str(copy), "help"], env={"PATH": str(tools)}, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr
