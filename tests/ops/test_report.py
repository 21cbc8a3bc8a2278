"""From what a preview told to what a reviewer reads: pure."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.automation import EngineEvent

from components.litellm.packed import pack
from ops.cost.estimate import estimate
from ops.cost.prices import load
from ops.plan import UNKNOWN, Finding, Planned, Recorder
from ops.report import markdown, values
from ops.report.facts import Facts

PRICES = load("us-east-1")
TASK = "aws:ecs/taskDefinition:TaskDefinition"
USER = "pulumi-python:dynamic/litellm:User"
KEY = "pulumi-python:dynamic/litellm:Key"


def planned(type: str, name: str, op: str, component: str = "gateway:Gateway", **more: Any) -> Planned:
    urn = f"urn:pulumi:poc::llm-gateway::llm-gateway:{component}${type}::{name}"
    return Planned(urn, op, more.pop("inputs", {}), more.pop("old", {}), **more)


def task(image: str) -> Planned:
    return planned(TASK, "task", "same", inputs={"containerDefinitions": json.dumps([{"image": image}])})


def facts(
    *changes: Planned, findings: tuple[Finding, ...] = (), image: str = "ghcr.io/berriai/litellm:v1.108.7"
) -> Facts:
    everything = [*changes, task(image)]
    before = estimate([p for p in everything if p.op != "create"], PRICES)
    return Facts("poc", "origin/main", everything, findings, before, estimate(everything, PRICES))


def test_nothing_to_change_says_so() -> None:
    found = facts()
    text = markdown.render(found)
    assert text.startswith("<!-- llm-gateway preview of poc -->\n## Preview of `poc`: nothing to change\n")
    assert "None would change." in text and "No one's access would change." in text
    assert "Every policy is kept." in text and "no known holes" in text
    assert not found.blocked


def test_a_replacement_is_bold_with_what_it_means_and_why() -> None:
    found = facts(
        planned(
            "aws:rds/instance:Instance",
            "db",
            "replace",
            "database:Database",
            old={"username": "a", "instanceClass": "db.t4g.micro"},
            inputs={"username": "b", "instanceClass": "db.t4g.micro"},
            diff={"username": "update-replace"},
            replaces=("username",),
        )
    )
    text = markdown.render(found)
    assert "♻️ **replace** **`aws:rds:Instance db`**: **all users, keys and spend are lost" in text
    assert "`username`: `a` → `b`" in text and "made anew because of `username`" in text
    assert "**Data would be lost**" in text
    assert found.blocked


def test_people_are_named_and_their_keys_values_are_not() -> None:
    secret = "sk-0123456789abcdefWXYZ0123456789abcdefWXYZ01234567"
    text = markdown.render(
        facts(
            planned(
                USER,
                "u",
                "update",
                "access:Access",
                old={"email": "intern@example.com", "budget": 10},
                inputs={"email": "intern@example.com", "budget": 12},
                diff={"budget": "update"},
            ),
            planned(
                KEY,
                "k",
                "create",
                "access:Access",
                inputs={"alias": "ci", "key": secret, "budget": 5, "models": ["claude-haiku-4-5"]},
            ),
            planned(KEY, "old", "delete", "access:Access", inputs={"alias": "old", "key": "[secret]"}),
        )
    )
    assert "user `intern@example.com`; `budget`: `10` → `12`" in text
    assert "create key `ci`; budget `5 USD`; models `claude-haiku-4-5`" in text
    assert "delete key `old`: **the key stops working**" in text
    assert secret not in text


def test_a_renamed_key_is_one_less_and_one_more_and_no_loss() -> None:
    found = facts(
        planned(KEY, "a", "delete", "access:Access", inputs={"alias": "a"}),
        planned("random:index/randomPassword:RandomPassword", "a", "delete", "access:Access"),
        planned(KEY, "b", "create", "access:Access", inputs={"alias": "b"}),
    )
    assert not found.losses and not found.blocked


TEAM, ROSTER = "pulumi-python:dynamic/litellm:Team", "pulumi-python:dynamic/litellm:Roster"


def dev(budget: int) -> str:
    return pack({"email": "dev@example.com", "budget": budget})


def test_of_a_roster_each_that_changes_is_named_and_nobody_else() -> None:
    other, ci, core = pack({"email": "a@b.co"}), pack({"alias": "ci"}), pack({"alias": "core"})
    old = {"user:dev@example.com": dev(5), "user:a@b.co": other, "key:ci": ci, "ring": "{}"}
    new = {"user:dev@example.com": dev(6), "user:a@b.co": other, "team:core": core}
    found = facts(
        planned(ROSTER, "access-roster", "update", "access:Access", old=old, inputs=new, diff={"user:x": "update"})
    )
    text = markdown.render(found)
    assert "## Preview of `poc`: 1 to create, 1 to update, 1 to delete" in text
    assert "update user `dev@example.com`; `budget`: `5` → `6`" in text
    assert "create team `core`" in text and "delete key `ci`: **the key stops working**" in text
    assert "a@b.co" not in text and "roster" not in text


def test_whoever_moves_into_a_roster_or_out_of_it_isnt_deleted() -> None:
    alone = {"email": "dev@example.com", "budget": 5, "user_id": "u", "relay": "r", "managed_by": "gw/poc"}
    for ops in (("delete", "create"), ("create", "delete")):
        found = facts(
            planned(USER, "access-user-dev@example.com", ops[0], "access:Access", inputs=alone),
            planned(KEY, "access-key-ci", ops[0], "access:Access", inputs={"alias": "ci", "budget": 1, "token": "t"}),
            planned(
                ROSTER,
                "access-roster",
                ops[1],
                "access:Access",
                inputs={"user:dev@example.com": dev(5), "key:ci": pack({"alias": "ci", "budget": 2})},
            ),
        )
        text = markdown.render(found)
        assert "deleted" not in text and "dev@example.com" not in text
        before, after = (1, 2) if ops[0] == "delete" else (2, 1)
        assert f"update key `ci`; `budget`: `{before}` → `{after}`" in text


def test_a_team_and_what_a_rotation_means() -> None:
    text = markdown.render(
        facts(
            planned(TEAM, "t", "create", "access:Access", inputs={"alias": "core", "members": ["dev@example.com"]}),
            planned(
                KEY,
                "k",
                "update",
                "access:Access",
                old={"alias": "ci", "rotate": "1", "generation": "aa", "formers": []},
                inputs={"alias": "ci", "rotate": "2", "generation": "bb", "formers": [{"generation": "aa"}]},
                diff=dict.fromkeys(("rotate", "generation", "formers", "key"), "update"),
            ),
        )
    )
    assert "create team `core`; members `dev@example.com`" in text
    assert "update key `ci`; `rotate`: `1` → `2`\n" in text


def test_a_published_key_is_no_business_of_the_gateways_tasks() -> None:
    version = "aws:secretsmanager/secretVersion:SecretVersion"
    text = markdown.render(
        facts(
            planned(version, "k", "replace", "access:Access$llm-gateway:access:PublishedKey"),
            planned(version, "m", "replace"),
        )
    )
    assert "**applications have the new value once they fetch it again**" in text
    assert text.count("tasks are rolled with the new value") == 1


def test_another_root_secret_is_a_loss() -> None:
    assert facts(planned("random:index/randomBytes:RandomBytes", "access-root", "replace", "access:Access")).blocked


def test_cost_is_told_line_by_line() -> None:
    text = markdown.render(facts(planned("aws:ec2/natGateway:NatGateway", "nat", "create", "network:Network")))
    assert "**$0.00 → $33.08 a month (+$33.08)**, of it fixed $32.85." in text
    assert "| Network | NAT gateway | 0 | 32.85 | +32.85 |" in text


def test_what_has_no_price_is_named() -> None:
    text = markdown.render(facts(planned("aws:mq/broker:Broker", "b", "create")))
    assert "not in it: `aws:mq:Broker: no price is known for this type`" in text


def test_a_broken_policy_blocks_and_a_suppressed_one_is_listed() -> None:
    broken = Finding("no-public-database", "mandatory", "Why it matters.\ndb has a public address", "urn")
    told = Finding("tags", "advisory", "db lacks the tag Stack", "urn")
    suppressed = Finding("suppressed", "advisory", "no-iam-wildcards: x; let pass because of this", "urn")
    found = facts(findings=(suppressed, told, broken))
    text = markdown.render(found)
    assert found.blocked
    assert text.index("⛔ `no-public-database`: db has a public address") < text.index("⚠️ `tags`")
    assert "Let pass, each for a written reason" in text and "let pass because of this" in text
    assert not facts(findings=(told, suppressed)).blocked


def test_an_image_with_known_holes_blocks() -> None:
    found = facts(image="ghcr.io/berriai/litellm:v1.82.7")
    text = markdown.render(found)
    assert "malware on PyPI" in text and "CVE-2026-42208" in text and found.blocked


def test_while_the_task_is_not_known_the_configured_image_counts() -> None:
    everything = [planned(TASK, "task", "replace", inputs={"containerDefinitions": UNKNOWN})]
    estimated = estimate(everything, PRICES)
    found = Facts("poc", "x", everything, (), None, estimated, "ghcr.io/berriai/litellm:v1.80.0")
    assert found.images == ["ghcr.io/berriai/litellm:v1.80.0"] and found.known_holes


def changed(old: Any, new: Any, path: str = "p") -> list[str]:
    return values.changed(planned("x:y:Z", "n", "update", old={"p": old}, inputs={"p": new}, diff={path: "update"}))


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (1, 2, "`p`: `1` → `2`"),
        (None, True, "`p`: nothing → `true`"),
        ("a", None, "`p`: `a` → nothing"),
        (["a"], ["a", "b"], '`p`: `["a"]` → `["a", "b"]`'),
        ("[secret]", "[secret]", "`p`"),
        ("x", UNKNOWN, "`p`"),
        ("x", "sk-0123456789abcdefWXYZ", "`p`"),
        ("x", "arn:aws:iam::1:role/x", "`p`"),
        ("subnet-0a1b2c3d4e", "subnet-1a1b2c3d4e", "`p`"),
        ("x", "y" * 200, "`p`"),
        ('{"a": {"b": 1}, "c": 2}', '{"a": {"b": 3}, "c": 2}', "`p.a.b`: `1` → `3`"),
        ('[{"image": "x:1", "cpu": 1}]', '[{"image": "x:2", "cpu": 1}]', "`p[0].image`: `x:1` → `x:2`"),
    ],
)
def test_values_are_shown_where_they_say_something_and_hide_nothing(old: Any, new: Any, line: str) -> None:
    assert changed(old, new) == [line]


def test_paths_of_the_engine_are_followed() -> None:
    old = {"tags": {"a.b": "1", "c": "1"}, "list": [{"x": 1}]}
    new = {"tags": {"a.b": "2", "c": "1"}, "list": [{"x": 2}]}
    diff = {'tags["a.b"]': "update", "list[0].x": "update", "__provider": "update", "relay": "update"}
    assert values.changed(planned("x:y:Z", "n", "update", old=old, inputs=new, diff=diff)) == [
        "`list[0].x`: `1` → `2`",
        '`tags["a.b"]`: `1` → `2`',
    ]


@given(st.text())
def test_what_a_stranger_chose_stays_in_its_code_span(text: str) -> None:
    shown = values.code(text)
    assert shown[0] == shown[-1] == "`" and "`" not in shown[1:-1] and "\n" not in shown and "|" not in shown


@given(st.text())
def test_a_findings_text_is_no_markdown(text: str) -> None:
    line = markdown._prose(text)
    assert not set("`<>|[]@*_") & set(line) and "\n" not in line


def event(op: str, urn: str, **more: Any) -> EngineEvent:
    metadata = {"op": op, "urn": urn, "type": "x", "provider": "", **more}
    return EngineEvent.from_json({"sequence": 1, "timestamp": 1, "resourcePreEvent": {"metadata": metadata}})


def test_a_replacement_is_one_and_what_goes_with_it_is_a_deletion(capsys: pytest.CaptureFixture[str]) -> None:
    recorder = Recorder("test")
    urn = "urn:pulumi:poc::p::aws:rds/instance:Instance::db"
    gone = "urn:pulumi:poc::p::aws:x/y:Z::gone"
    state = {
        "type": "t",
        "urn": urn,
        "custom": True,
        "id": "1",
        "parent": "",
        "inputs": {"a": 1},
        "outputs": {},
        "provider": "",
    }
    new = {**state, "inputs": {"a": 2}}
    for op in ("create-replacement", "replace", "delete-replaced"):
        recorder.event(
            event(op, urn, old=state, new=new, detailedDiff={"a": {"diffKind": "update-replace", "inputDiff": True}})
        )
    dynamic = {**state, "urn": "urn:pulumi:poc::p::pulumi-python:dynamic/litellm:User::u"}
    changed = {**dynamic, "inputs": {"a": 3}}
    recorder.event(event("update", dynamic["urn"], old=dynamic, new=changed, detailedDiff=None))
    recorder.event(event("delete-replaced", gone, old={**state, "urn": gone}, new=None))
    by_name = {p.name: p for p in recorder.planned()}
    assert (by_name["db"].op, by_name["db"].inputs, by_name["db"].old) == ("replace", {"a": 2}, {"a": 1})
    assert by_name["db"].diff == {"a": "update-replace"}
    assert by_name["gone"].op == "delete"
    assert by_name["u"].diff == {"a": "update"}, "a dynamic provider says nothing of what differs"


def test_the_same_facts_give_the_same_text_in_any_order() -> None:
    changes = [planned("aws:ec2/eip:Eip", name, "create", "network:Network") for name in "abc"]
    assert markdown.render(facts(*changes)) == markdown.render(facts(*reversed(changes)))


def test_prices_are_decimal_to_the_cent() -> None:
    found = facts(planned("aws:ec2/eip:Eip", "a", "create", "network:Network"))
    assert found.after.total == Decimal("3.65")
