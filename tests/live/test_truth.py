"""The engine's view stays true: nothing to do means nothing done, and drift is only what somebody changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.live.cloud import ROOT, Cloud


def changes(cloud: Cloud, *flags: str, cwd: Path = ROOT) -> dict[str, int]:
    """Operation → count of a preview, without the resources that stay the same."""
    summary = json.loads(cloud.pulumi("preview", "--json", *flags, cwd=cwd).stdout)["changeSummary"]
    return {operation: count for operation, count in summary.items() if operation != "same" and count}


def test_a_second_up_changes_nothing(cloud: Cloud) -> None:
    assert changes(cloud) == {}
    cloud.ops("up")
    assert changes(cloud) == {}


def test_refresh_finds_no_drift(cloud: Cloud) -> None:
    cloud.pulumi("refresh", "--yes", "--skip-preview", "--expect-no-changes")


def test_plain_pulumi_and_make_share_one_state(cloud: Cloud, outputs: dict[str, Any]) -> None:
    plain = json.loads(cloud.pulumi("stack", "output", "--json").stdout)
    assert plain["relayFunctionName"] == outputs["relayFunctionName"] == "llm-gateway-local-relay"
    assert plain["users"] == outputs["users"]
    assert plain["gatewayUrl"].endswith(".cloudfront.net") and outputs["gatewayUrl"].startswith("http://127.0.0.1:")


def project(tmp_path: Path) -> Path:
    """A copy of the program, to be edited."""
    for name in ("Pulumi.yaml", "Pulumi.local.yaml", "__main__.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("components", "litellm_admin", "access"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return tmp_path


def test_an_edited_access_file_changes_just_those_users_and_keys(cloud: Cloud, tmp_path: Path) -> None:
    copy = project(tmp_path)
    access = copy / "access" / "local.yaml"
    before = access.read_text()
    access.write_text(before.replace("budget: 10\n", "budget: 12\n"))
    assert access.read_text() != before
    assert changes(cloud, cwd=copy) == {"update": 1}
    cloud.pulumi("up", "--yes", "--skip-preview", cwd=copy)
    user = cloud.outputs()["users"]["intern@example.com"]
    assert cloud.relay("GET", "/user/info", query={"user_id": user})["body"]["user_info"]["max_budget"] == 12
    assert changes(cloud) == {"update": 1}, "and the file as it was is one change back"
    cloud.ops("up")
    assert cloud.relay("GET", "/user/info", query={"user_id": user})["body"]["user_info"]["max_budget"] == 10


def test_a_config_mistake_stops_before_anything_changes(cloud: Cloud, tmp_path: Path) -> None:
    copy = project(tmp_path)
    access = copy / "access" / "local.yaml"
    access.write_text(access.read_text().replace("claude-haiku-4-5", "claude-haiku-9"))
    (copy / "Pulumi.local.yaml").write_text(
        (copy / "Pulumi.local.yaml").read_text() + "  llm-gateway:vpcCidr: 10.0.0.0/30\n"
    )
    done = cloud.pulumi("up", "--yes", "--skip-preview", cwd=copy, check=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "access/local.yaml" in said and "claude-haiku-9" in said and "vpcCidr" in said
    assert "Traceback" not in said
    assert changes(cloud) == {}
