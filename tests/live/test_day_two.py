"""Day two on the standing gateway: asleep and awake again, by hand and by the clock, and what a change would do."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.live.cloud import ROOT, STACK, Cloud, chat
from tests.live.test_truth import changes, project

HOURS = '  llm-gateway:officeHours: {start: "08:00", stop: "18:00", timezone: Europe/Berlin}\n'


def until(what: Callable[[], bool], sentence: str, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, sentence
        time.sleep(0.5)


def asleep(cloud: Cloud) -> bool:
    state = cloud.status()
    return not state["tasks"] and [d["status"] for d in state["databases"]] == ["stopped"]


def keep_asleep(cloud: Cloud) -> str:
    scheduler = cloud.client("scheduler")
    return scheduler.get_schedule(GroupName="llm-gateway-local", Name="keep-asleep")["State"]


def serves(cloud: Cloud, outputs: dict[str, Any]) -> bool:
    return chat(outputs["gatewayUrl"], outputs["keys"]["dev-environment"]).status == 200


def test_put_to_sleep_nothing_runs_and_an_update_does_not_wake_it(cloud: Cloud, outputs: dict[str, Any]) -> None:
    users = cloud.sql('select user_email from "LiteLLM_UserTable" order by 1')
    cloud.ops("sleep")
    until(lambda: asleep(cloud), "it doesn't fall asleep")
    [database] = cloud.status()["databases"]
    assert database["pid"] is None, "Postgres has really ended"
    assert keep_asleep(cloud) == "ENABLED", "RDS starts a stopped instance after seven days"
    assert not serves(cloud, outputs)
    assert changes(cloud) == {}
    advice = cloud.users("doctor", check=False)
    assert advice.returncode == 1 and "`make wake STACK=local` wakes it" in advice.stdout
    cloud.ops("wake")
    assert serves(cloud, outputs)
    assert keep_asleep(cloud) == "DISABLED"
    assert cloud.sql('select user_email from "LiteLLM_UserTable" order by 1') == users, "the seeds are intact"
    assert changes(cloud) == {}


def test_office_hours_do_it_by_the_clock(cloud: Cloud, outputs: dict[str, Any], tmp_path: Path) -> None:
    copy = project(tmp_path)
    config = copy / "Pulumi.local.yaml"
    config.write_text(config.read_text() + HOURS)
    cloud.pulumi("up", "--yes", "--skip-preview", cwd=copy)
    assert serves(cloud, outputs), "declaring hours stops nothing"
    for name in ("service-stop", "database-stop"):
        cloud.localcloud("fire", f"llm-gateway-local/{name}")
    until(lambda: asleep(cloud), "the evening doesn't put it to sleep")
    assert changes(cloud, cwd=copy) == {}, "what the clock did is no drift"
    for name in ("database-start", "service-start"):
        cloud.localcloud("fire", f"llm-gateway-local/{name}")
    until(lambda: serves(cloud, outputs), "the morning doesn't wake it")

    iam = cloud.client("iam")
    kept = iam.get_role_policy(RoleName="llm-gateway-local-sleep", PolicyName="sleep")["PolicyDocument"]
    iam.delete_role_policy(RoleName="llm-gateway-local-sleep", PolicyName="sleep")
    refused = cloud.localcloud("fire", "llm-gateway-local/service-stop", check=False)
    assert refused.returncode != 0 and "not authorized to perform: ecs:UpdateService" in refused.stderr
    assert kept["Statement"][0]["Action"] == "ecs:UpdateService"
    cloud.ops("up", "--refresh")
    assert changes(cloud) == {}
    assert serves(cloud, outputs)


def report(cloud: Cloud, folder: Path) -> tuple[int, str]:
    """The report on `folder`, compared with what is deployed."""
    command = [sys.executable, "-m", "ops", "preview-report", "--stack", STACK, "--deployed", "--work-dir", str(folder)]
    done = cloud.localcloud("run", "--", *command, check=False)
    assert done.returncode in (0, 2), done.stderr[-3000:]
    return done.returncode, done.stdout


def test_a_report_tells_what_a_change_would_do(cloud: Cloud, tmp_path: Path) -> None:
    copy = project(tmp_path)
    (copy / "policies").symlink_to(ROOT / "policies")
    access, config = copy / "access" / "local.yaml", copy / "Pulumi.local.yaml"
    access.write_text(access.read_text().replace("budget: 10\n", "budget: 12\n"))
    config.write_text(config.read_text() + "  llm-gateway:taskMemory: 8192\n  llm-gateway:logRetentionDays: 14\n")
    code, text = report(cloud, copy)
    assert code == 0, f"nothing in it has to be stopped:\n{text}"
    assert "✏️ update user `intern@example.com`; `budget`: `10` → `12`" in text
    assert "♻️ **replace** **`aws:ecs:TaskDefinition gateway-task`**: **tasks are rolled, without downtime**" in text
    assert "`memory`: `4096` → `8192`" in text and "`retentionInDays`: `30` → `14`" in text
    assert "| Gateway | Fargate, 4 GB | 11.94 | 0 | −11.94 |" in text
    assert "Every policy is kept." in text and "let pass because Lambda asks for these six actions" in text
    assert "litellm:v1.108.7`: no known holes" in text
    for key in cloud.outputs()["keys"].values():
        assert key not in text
    assert report(cloud, copy) == (code, text), "and says the same again"


def test_a_report_stops_a_change_that_opens_the_database(cloud: Cloud, tmp_path: Path) -> None:
    copy = project(tmp_path)
    (copy / "policies").symlink_to(ROOT / "policies")
    database = copy / "components" / "database.py"
    before = database.read_text()
    database.write_text(before.replace("publicly_accessible=False", "publicly_accessible=True"))
    assert database.read_text() != before
    code, text = report(cloud, copy)
    assert code == 2
    assert "⛔ `no-public-database`: database-instance has a public address" in text
    assert "**A mandatory policy is broken.**" in text
