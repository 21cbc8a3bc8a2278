"""The translation between Prisma's two protocols by itself: nothing that users write is changed on its way."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.home import REPOSITORY, setup_dir

SCHEMA = """
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}
model Item {
  id     String  @id
  data   Json?
  docs   Json[]
  name   String?
  size   BigInt?
  kind   Kind    @default(A)
  owner  Owner?  @relation(fields: [ownerId], references: [id])
  ownerId String?
}
model Owner {
  id     String @id
  path   String @default("")
  equals Json   @default("{}")
  items  Item[]
}
enum Kind {
  A
  B
}
"""

Translate = Callable[[str, object], object]


class Refused(Exception):
    pass


@pytest.fixture(scope="module")
def translate() -> Iterator[Translate]:
    env = {**os.environ, "NODE_PATH": str(setup_dir() / "prisma" / "node_modules")}
    command = ["node", Path(__file__).with_name("translate.js"), REPOSITORY / "localcloud" / "prisma"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process:

        def ask(verb: str, value: object) -> object:
            process.stdin.write(json.dumps([verb, value]) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            if "error" in answer:
                raise Refused(answer["error"])
            return answer["ok"]

        assert ask("schema", SCHEMA) > 20
        yield ask
        process.stdin.close()


def request(translate: Translate, document: str) -> dict:
    return json.loads(translate("document", document))


def document(value: str) -> dict:
    return {"$type": "Json", "value": value}


def test_operations_become_model_and_action(translate: Translate) -> None:
    found = request(translate, 'query {\n result: findFirstItemOrThrow(where: {id: "a"}) { id owner { id } } }')
    assert (found["modelName"], found["action"]) == ("Item", "findFirstOrThrow")
    assert found["query"]["arguments"] == {"where": {"id": "a"}}
    assert found["query"]["selection"] == {"id": True, "owner": {"arguments": {}, "selection": {"id": True}}}


def test_the_alias_is_optional_and_raw_queries_have_no_model(translate: Translate) -> None:
    assert request(translate, "query { findManyItem { id } }")["modelName"] == "Item"
    raw = request(translate, 'mutation { result: executeRaw(query: "DELETE", parameters: "[1]") }')
    assert raw == {
        "action": "executeRaw",
        "query": {"arguments": {"query": "DELETE", "parameters": "[1]"}, "selection": {}},
    }


def test_strings_are_documents_where_the_schema_has_json(translate: Translate) -> None:
    """`data` is an argument and a field, `equals` a filter and a field, `path` a filter's list of strings."""
    one = 'mutation { result: createOneItem(data: {id: "1", data: "2", docs: {set: ["3"]}, name: "4"}) { id } }'
    assert request(translate, one)["query"]["arguments"]["data"] == {
        "id": "1",
        "data": document("2"),
        "docs": {"set": [document("3")]},
        "name": "4",
    }
    owner = '{is: {equals: {equals: "5"}, path: {equals: "6"}}}'
    where = f'{{data: {{path: ["a"], equals: "1", string_contains: "x"}}, owner: {owner}}}'
    many = f"query {{ result: findManyItem(where: {{AND: [{where}]}}) {{ id }} }}"
    assert request(translate, many)["query"]["arguments"]["where"]["AND"] == [
        {
            "data": {"path": ["a"], "equals": document("1"), "string_contains": "x"},
            "owner": {"is": {"equals": {"equals": document("5")}, "path": {"equals": "6"}}},
        }
    ]


def test_nested_writes_and_nested_selections_are_followed(translate: Translate) -> None:
    text = """mutation { result: upsertOneOwner(
      where: {id: "o"}
      create: {id: "o", items: {
        create: [{id: "i", data: "1"}], connectOrCreate: [{where: {id: "j"}, create: {id: "j", data: "2"}}]
      }}
      update: {equals: "3", items: {updateMany: [{where: {data: {equals: "4"}}, data: {data: "5", name: "6"}}]}}
    ) { id items(where: {data: {not: "7"}, name: "8"}, take: 1) { id } } }"""
    query = request(translate, text)["query"]
    create = query["arguments"]["create"]["items"]
    assert create["create"][0]["data"] == document("1")
    assert create["connectOrCreate"][0]["create"]["data"] == document("2")
    update = query["arguments"]["update"]
    assert update["equals"] == document("3")
    (many,) = update["items"]["updateMany"]
    assert many == {"where": {"data": {"equals": document("4")}}, "data": {"data": document("5"), "name": "6"}}
    assert query["selection"]["items"]["arguments"] == {
        "where": {"data": {"not": document("7")}, "name": "8"},
        "take": 1,
    }


def test_words_and_numbers_stay_what_they_are(translate: Translate) -> None:
    where, data = "{kind: B, name: null}", "{size: {increment: 12345678901234567890}}"
    told = translate("document", f"mutation {{ result: updateManyItem(where: {where}, data: {data}) {{ count }} }}")
    assert '"kind":"B"' in told
    assert '"name":null' in told
    assert '"increment":12345678901234567890' in told


def test_enums_for_json_null_are_no_documents(translate: Translate) -> None:
    told = request(translate, 'mutation { result: createOneItem(data: {id: "1", data: DbNull}) { id } }')
    assert told["query"]["arguments"]["data"]["data"] == "DbNull"


@given(text=st.text(), other=st.text())
def test_any_string_arrives_as_it_was(translate: Translate, text: str, other: str) -> None:
    written = json.dumps(json.dumps(other))
    made = f"mutation {{ result: createOneItem(data: {{id: {json.dumps(text)}, data: {written}}}) {{ id }} }}"
    data = request(translate, made)["query"]["arguments"]["data"]
    assert data == {"id": text, "data": document(json.dumps(other))}


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("subscription { x }", "no such operation"),
        ("query { result: findManyNothing { id } }", "no operation findManyNothing"),
        ("query { result: findManyItem(where: {id: }) { id } }", "expected {"),
        ("query { result: findManyItem { id }", "expected }"),
        ("query { result: findManyItem { id } } query", "expected end"),
        ('query { result: findManyItem(where: {id: "a\n"}) { id } }', "cannot read"),
        ("query { result: findManyItem ! }", "cannot read"),
    ],
)
def test_what_is_no_document_is_refused(translate: Translate, bad: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        translate("document", bad)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


@given(value=JSON, kind=st.sampled_from(["DateTime", "BigInt", "Decimal", "Bytes", "Json", "Enum"]))
def test_tags_go_and_everything_else_stays_to_the_letter(translate: Translate, value: object, kind: str) -> None:
    """What users stored comes as a string in the answer, where even a tag is only text."""
    stored = compact(compact(value))
    hostile = compact(compact({"$type": "Json", "value": "x"}))
    tagged, also = f'{{"$type":"{kind}","value":{stored}}}', f'{{"$type":"Json","value":{hostile}}}'
    row = f'{{"a":{tagged},"b":0.0,"c":[{also},1e21],"d":{stored}}}'
    assert translate("untagged", row) == f'{{"a":{stored},"b":0.0,"c":[{hostile},1e21],"d":{stored}}}'


@given(
    rows=st.lists(st.tuples(JSON, st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.none())), max_size=5)
)
def test_raw_cells_stay_to_the_letter(translate: Translate, rows: list) -> None:
    result = {"columns": ['a"b', "f"], "types": ["json", "double-array"], "rows": [list(row) for row in rows]}
    found = translate("rows", compact(result))
    for row, (value, floats) in zip(json.loads(found), rows, strict=True):
        assert row['a"b'] == {"prisma__type": "null" if value is None else "json", "prisma__value": value}
        cells = row["f"]["prisma__value"]
        assert [cell["prisma__value"] for cell in cells] == floats
        assert [type(cell["prisma__value"]) for cell in cells] == [type(one) for one in floats]


def test_failures_below_the_engine_are_told_in_words_and_forgotten(translate: Translate) -> None:
    number = translate("fail", {"message": "connect ECONNREFUSED", "code": "ECONNREFUSED"})
    facing = {"is_panic": False, "message": "?", "meta": {"id": number}, "error_code": "P2036"}
    answer = json.loads(translate("answer", compact({"errors": [{"error": "?", "user_facing_error": facing}]})))
    (error,) = answer["errors"]
    assert error["user_facing_error"]["error_code"] == "P1001"
    assert "Can't reach database server at `h:1`" in error["error"]
    assert translate("kept", None) == 0


def test_a_batch_fails_as_a_whole(translate: Translate) -> None:
    good = {"data": {"findManyItem": [{"id": "1"}]}}
    bad = {"errors": [{"error": "no", "user_facing_error": {"error_code": "P2002"}}]}
    assert json.loads(translate("answer", compact({"batchResult": [good]}))) == {
        "batchResult": [{"data": {"result": [{"id": "1"}]}}]
    }
    assert json.loads(translate("answer", compact({"batchResult": [good, bad]}))) == bad
