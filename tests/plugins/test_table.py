"""Every row of the table holds against botocore's models: a mistake in a row shows here, not in somebody's update."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import jmespath
import pytest
from pulumi._types import _py_properties

from localcloud.plugins.aws.operation import _EMPTY
from localcloud.plugins.aws.rows import COMPUTED, LOCAL, REPLACE, REQUIRED, Call, Prop, Row, Tagging
from localcloud.plugins.aws.shapes import _members, place, root_of, sendable
from localcloud.plugins.aws.table import ROWS, row_of, where
from localcloud.plugins.serve import Refusal
from tests.plugins.models import operation

TOKENS = sorted(ROWS)


def calls(row: Row) -> Iterator[Call]:
    """Every call that a row names."""
    steps = [row.create, row.read, row.delete, *row.more, *(update.step for update in row.updates)]
    if row.tags:
        steps += [row.tags.add, row.tags.remove, row.tags.read]
    yield from (step for step in steps if isinstance(step, Call))


def model(row: Row, call: Call) -> Any:
    return operation(call.service or row.service, call.operation)


@pytest.mark.parametrize("token", TOKENS)
def test_calls_have_the_parameters_that_the_row_gives_them(token: str) -> None:
    row = ROWS[token]
    for call in calls(row):
        shape = model(row, call).input_shape
        assert not call.params.keys() - shape.members.keys(), f"{call.operation} has no such parameter"
        if call.pick:
            jmespath.compile(call.pick)


@pytest.mark.parametrize("token", TOKENS)
def test_every_property_reaches_aws(token: str) -> None:
    row = ROWS[token]
    sent: list[str] = []
    if isinstance(row.create, Call):
        sent = [*sendable(model(row, row.create), row.create, row.inputs), *row.create.said]
    updated = {name for update in row.updates for name in update.names(row)}
    assert not updated - row.inputs.keys(), "an update names a property that the row hasn't"
    for name, prop in row.inputs.items():
        if prop.has(LOCAL):
            continue
        # The adopted default group is found by its VPC, not made with it.
        adopted = token.startswith("aws:ec2/defaultSecurityGroup")
        assert name in sent or name in updated or adopted, f"{name} is never sent"
        assert prop.has(REPLACE) or name in updated, f"{name} may change, but no update brings the change to AWS"


@pytest.mark.parametrize("token", TOKENS)
def test_what_can_be_said_can_be_taken_back(token: str) -> None:
    row = ROWS[token]
    generic = {
        name
        for update in row.updates
        if isinstance(update.step, Call) and not update.whole
        for name in update.names(row)
        if f"{{{name}}}" not in str(update.step.params)
    }
    stuck = [
        name
        for name in generic
        if not (prop := row.inputs[name]).has(REPLACE | COMPUTED | REQUIRED | LOCAL)
        and prop.default is None
        and prop.reset is None
        and prop.kind not in _EMPTY
        and name not in NOTHING_TO_SEND
    ]
    assert not stuck


# What AWS can't be told to forget: leaving these out afterwards leaves them as they are, in the official provider too.
NOTHING_TO_SEND = {"maxAllocatedStorage", "port", "configuration", "networkConfiguration", "serviceRegistries"}


def blocks(shape: Any, props: Mapping[str, Prop], path: str) -> Iterator[str]:
    """Fields of blocks that the request has no place for."""
    for name, prop in props.items():
        if prop.has(LOCAL) or prop.attribute:
            continue
        here = f"{path}.{name}"
        if prop.to == ".":
            yield from blocks(shape, prop.fields, here)
            continue
        steps = place(shape, prop, name)
        if steps is None:
            if path:
                yield here
            continue
        target = shape
        for step in steps:
            target = target.members[step]
        if target.type_name == "structure" and prop.kind == "several":
            target = target.members[_members(target)["items"]]
        if target.type_name == "list":
            target = target.member
        fields = {name: field for name, field in prop.fields.items() if name != prop.key}
        if target.type_name == "map" and prop.key:
            target = target.value
        if prop.kind in ("one", "several"):
            yield from blocks(target, fields, here)


@pytest.mark.parametrize("token", TOKENS)
def test_every_field_of_a_block_has_its_place(token: str) -> None:
    row = ROWS[token]
    for step in (row.create, *(update.step for update in row.updates)):
        if isinstance(step, Call):
            assert list(blocks(root_of(model(row, step), step), row.inputs, "")) == []


@pytest.mark.parametrize("token", TOKENS)
def test_tags_have_a_form_that_the_calls_take(token: str) -> None:
    row = ROWS[token]
    tags = row.tags
    if not isinstance(tags, Tagging):
        assert "tags" not in row.inputs
        return
    for call, member in ((tags.add, tags.member), (tags.remove, tags.keys)):
        if call is not None:
            shape = model(row, call).input_shape
            for step in member.split("."):
                shape = shape.members[step]
            assert shape.type_name in ("list", "map", "structure")


@pytest.mark.parametrize("token", TOKENS)
def test_outputs_are_found_or_filled(token: str) -> None:
    for source in ROWS[token].outputs.values():
        if "{" not in source:
            jmespath.compile(source)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # looking at a deprecated property warns
@pytest.mark.parametrize("token", TOKENS)
def test_pulumi_aws_knows_every_property_of_the_row(token: str) -> None:
    """One that the SDK doesn't know could never be set or read: the row would have its name wrong."""
    _, module, name = token.split(":")
    folder = module.split("/")[0]
    package = importlib.import_module(f"pulumi_aws.{'lambda_' if folder == 'lambda' else folder}")
    known = {pulumi_name for _, pulumi_name, _ in _py_properties(getattr(package, name))}
    arguments = {"namePrefix", "identifierPrefix", "bucketPrefix"}  # of some types only
    row = ROWS[token]
    assert not row.inputs.keys() - known - arguments
    assert not row.outputs.keys() - known


def test_an_unknown_type_is_named_with_where_to_add_it() -> None:
    with pytest.raises(
        Refusal, match=r"no resource type aws:sqs/queue:Queue; add a row to localcloud/plugins/aws/table/"
    ):
        row_of("aws:sqs/queue:Queue")
    assert where("aws:ec2/vpc:Vpc") == "localcloud/plugins/aws/table/vpc.py"
