"""What counts as the same, and what as drift."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.plugins.aws.canonical import agrees, canonical, containers, differs
from localcloud.plugins.aws.rows import UNORDERED, document, flag, mapping, number, one, several, text, texts
from localcloud.plugins.values import UNKNOWN

BLOCK = {"name": text(), "size": number(default=3), "on": flag(default=True)}
names = st.lists(st.text("abc", max_size=2), max_size=5)
blocks = st.lists(
    st.fixed_dictionaries(
        {}, optional={"name": st.text("ab", max_size=2), "size": st.integers(0, 4), "on": st.booleans()}
    ),
    max_size=4,
)


@given(names, st.randoms())
def test_a_sets_order_is_nothing_and_a_lists_is_something(items: list[str], shuffler: object) -> None:
    other = list(items)
    shuffler.shuffle(other)  # type: ignore[attr-defined]
    assert not differs(texts(UNORDERED), items, other)
    assert differs(texts(), items, other) == (items != other)


@given(blocks, st.randoms())
def test_a_set_of_blocks_agrees_with_any_order_of_itself(items: list[dict], shuffler: object) -> None:
    live = [{"name": "", "size": 3, "on": True} | item for item in items]
    shuffler.shuffle(live)  # type: ignore[attr-defined]
    prop = several(BLOCK, UNORDERED)
    assert not differs(prop, items, live)
    assert agrees(prop, items, live)


@given(blocks)
def test_nothing_differs_from_itself(items: list[dict]) -> None:
    assert not differs(several(BLOCK), items, items)


@pytest.mark.parametrize(
    ("prop", "old", "new"),
    [
        (text(), None, ""),
        (text(), "80", 80),
        (number(), "80", 80),
        (number(default=30), None, 30),
        (number(), None, 0),
        (flag(), None, False),
        (flag(default=True), None, True),
        (flag(), "true", True),
        (mapping(), {}, None),
        (mapping(), {"a": "1"}, {"a": 1}),
        (texts(), [], None),
        (one(BLOCK), {"name": "a"}, {"name": "a", "size": 3, "on": True}),
        (document(), '{"a": 1, "b": [2]}', '{"b":[2],"a":1}'),
        (document(), '{"Action": "s3:Get"}', '{"Action": ["s3:Get"]}'),
        (document(), '{"Action": ["b", "a"]}', '{"Action": ["a", "b"]}'),
    ],
)
def test_values_that_mean_the_same(prop: object, old: object, new: object) -> None:
    assert not differs(prop, old, new)  # type: ignore[arg-type]
    assert not differs(prop, new, old)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("prop", "old", "new"),
    [
        (text(), "a", "b"),
        (text(), "a", None),
        (number(default=30), None, 31),
        (number(default=30), 0, None),
        (flag(default=True), None, False),
        (mapping(), {"a": "1"}, {"a": "2"}),
        (one(BLOCK), {"name": "a"}, {"name": "a", "size": 4}),
        (document(), '{"Effect": "Allow"}', '{"Effect": "Deny"}'),
        (text(), "a", UNKNOWN),
        (texts(), ["a"], ["a", UNKNOWN]),
        (one(BLOCK), {"name": "a"}, {"name": UNKNOWN}),
    ],
)
def test_values_that_mean_something_else(prop: object, old: object, new: object) -> None:
    assert differs(prop, old, new)  # type: ignore[arg-type]


def test_what_aws_adds_to_a_block_is_no_drift_and_what_it_changed_is() -> None:
    prop = one({**BLOCK, "extra": text()})
    assert agrees(prop, {"name": "a"}, {"name": "a", "size": 3, "extra": "added"})
    assert not agrees(prop, {"name": "a"}, {"name": "a", "size": 9})
    assert not agrees(prop, {"name": "a", "size": 4}, {"name": "a", "size": 9})
    assert not agrees(prop, {"name": "a"}, None)


def test_a_statement_that_someone_added_to_a_policy_is_drift() -> None:
    ours = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject"}]}
    theirs = {"Statement": [*ours["Statement"], {"Effect": "Allow", "Action": "*"}]}
    assert not agrees(document(), json.dumps(ours), json.dumps(theirs))
    loose = {"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Condition": {}}]}
    assert not agrees(document(), json.dumps(ours), json.dumps(loose))


DEFINITION = {
    "name": "app",
    "image": "a:1",
    "portMappings": [{"containerPort": 80}],
    "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
}


def test_what_ecs_fills_in_around_a_container_is_no_drift() -> None:
    live = {
        **DEFINITION,
        "cpu": 0,
        "essential": True,
        "mountPoints": [],
        "volumesFrom": [],
        "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
        "environment": DEFINITION["environment"][::-1],
        "systemControls": [],
        "stopTimeout": 30,
    }
    prop = document(same=containers)
    assert agrees(prop, json.dumps([DEFINITION]), json.dumps([live]))
    assert not agrees(prop, json.dumps([DEFINITION]), json.dumps([live | {"image": "a:2"}]))
    assert not agrees(prop, json.dumps([DEFINITION]), json.dumps([live | {"environment": live["environment"][:1]}]))


def test_an_unknown_stays_itself() -> None:
    assert canonical(text(), UNKNOWN) is UNKNOWN
