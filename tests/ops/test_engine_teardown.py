"""The end of a stack, with the real engine on the simulated account: also when every deletion fails at first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pulumi
import pulumi.automation as auto
import pulumi_aws as aws
import pytest

from components.lifetime import Lifetime
from localcloud.aws import server
from ops import orphans, teardown
from ops.cli import main
from ops.engine import record
from ops.errors import CannotRun
from ops.paths import REPO
from tests.plugins import every
from tests.plugins.emptiness import left_over
from tests.plugins.world import Obliging, World

pytestmark = [pytest.mark.timeout(900), pytest.mark.filterwarnings("ignore::DeprecationWarning")]
DELETING = ("Delete", "Release", "Deregister", "Detach", "Disassociate", "Remove")
HASTE = teardown.Patience(attempts=25, wait=0, sleep=lambda _seconds: None)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    account = server.start(account_id="444455556666")
    obliging = Obliging(account)
    try:
        yield World(account, tmp_path_factory.mktemp("world"), obliging)
    finally:
        obliging.close()
        account.stop()


@pytest.fixture
def work_dir(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder as a workflow has it: no file for any of its stacks."""
    env = world.environment()
    monkeypatch.setenv("PATH", record.path_with_engine())
    for name, value in env.items():
        monkeypatch.setenv(name, f"{value}:{record.path_with_engine()}" if name == "PATH" else value)
    monkeypatch.setenv("PYTHONPATH", str(REPO))
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.yaml").write_text("name: plugins\nruntime: python\n")
    return folder


def up(world: World, name: str, ttl: str, *, everything: bool = False, protect: bool = False) -> auto.Stack:
    def program() -> None:
        Lifetime("lifetime", "" if ttl == "past" else ttl, "2026-01-01" if ttl == "past" else "", "")
        tags, own = {"Project": "plugins", "Stack": name}, pulumi.ResourceOptions(protect=protect)
        aws.cloudwatch.LogGroup("own-log", name=f"/test/{name}", tags=tags, opts=own)
        if everything:
            every.program(every.Form())

    stack = world.stack(name, program)
    stack.up()
    return stack


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out


def test_sweep_destroys_what_is_over_and_nothing_else(
    world: World, work_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    up(world, "over", "past")
    up(world, "lives", "7d")
    kept = up(world, "kept", "past", protect=True)
    assert main(["sweep", "--work-dir", str(work_dir)]) == 0
    told = said(capsys)
    assert "over: expired 2026-01-02 00:00 UTC" in told and "lives: lives until" in told
    assert "kept: protected, stays" in told and "would destroy over: say --yes" in told
    assert {stack.name for stack in kept.workspace.list_stacks()} == {"over", "lives", "kept"}, "told, not done"

    assert main(["sweep", "--yes", "--wait", "0", "--work-dir", str(work_dir)]) == 0
    assert "over: destroyed and removed after 1 attempt" in said(capsys)
    assert {stack.name for stack in kept.workspace.list_stacks()} == {"lives", "kept"}
    groups = world.account.client("logs").describe_log_groups(logGroupNamePrefix="/test/")["logGroups"]
    assert {group["logGroupName"] for group in groups} == {"/test/lives", "/test/kept"}

    with pytest.raises(CannotRun, match="kept is protected: it is never destroyed here"):
        teardown.end(work_dir, "kept", HASTE, print)
    assert main(["teardown", "--yes", "--stack", "lives", "--work-dir", str(work_dir)]) == 0
    for resource in kept.export_stack().deployment["resources"]:
        if resource.get("protect"):
            kept.workspace.pulumi_command.run(
                ["state", "unprotect", resource["urn"], "--yes", "--stack", "kept"],
                str(world.folder),
                world.environment(),
            )
    assert main(["teardown", "--yes", "--stack", "kept", "--work-dir", str(work_dir)]) == 0


def test_a_stack_goes_although_every_kind_of_deletion_fails_once(world: World, work_dir: Path) -> None:
    stack = up(world, "stubborn", "past", everything=True)
    failed: set[tuple[str, str]] = set()

    def once(service: str, operation: str) -> str | None:
        if not operation.startswith(DELETING) or (service, operation) in failed:
            return None
        failed.add((service, operation))
        return f"AWS holds this back for now ({operation})"

    world.account.facts.fault = once
    try:
        ended = teardown.end(work_dir, "stubborn", HASTE, print)
    finally:
        world.account.facts.fault = None
    assert ended.destroyed and ended.attempts > 1
    assert len(failed) > 30, "each of them was tried, and failed"
    assert left_over(world.account) == {}
    assert "stubborn" not in {known.name for known in stack.workspace.list_stacks()}


def test_what_cannot_be_removed_is_told_with_the_command_that_does(
    world: World, work_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    up(world, "stuck", "past")
    world.account.facts.fault = lambda _, operation: "no" if operation == "DeleteLogGroup" else None
    arguments = ["sweep", "--yes", "--attempts", "2", "--wait", "0", "--work-dir", str(work_dir)]
    try:
        assert main(arguments) == 1
    finally:
        world.account.facts.fault = None
    told = said(capsys)
    assert "stuck: NOT destroyed after 2 attempts; left in the account" in told
    assert "aws logs delete-log-group --log-group-name /test/stuck --region us-west-1" in told
    assert main(arguments) == 0, "and the next sweep finishes it"


def test_orphans_are_found_by_the_stacks_tags(world: World, work_dir: Path) -> None:
    tags = [{"Key": "Project", "Value": "plugins"}, {"Key": "Stack", "Value": "lost"}]
    other = [{"Key": "Project", "Value": "plugins"}, {"Key": "Stack", "Value": "other"}]
    sns, iam = world.account.client("sns"), world.account.client("iam")
    mine = sns.create_topic(Name="mine", Tags=tags)["TopicArn"]
    sns.create_topic(Name="others", Tags=other)
    iam.create_role(RoleName="plugins-lost-task", AssumeRolePolicyDocument="{}")
    found = orphans.find(lambda service, _region: world.account.client(service), "plugins", "lost", "us-west-1")
    assert [f.command for f in found] == [
        f"aws sns delete-topic --topic-arn {mine} --region us-west-1",
        "aws iam delete-role --role-name plugins-lost-task   # its policies first",
    ]
    assert "aws sns delete-topic" in orphans.listing(found)
