"""Calls of LiteLLM's own Prisma client, each of which must come out as with Prisma's native engine.

Run by test_prisma_engine.py with the Python of LiteLLM's environment; it wipes the tables that it uses. Every function
named check_… is one check; prints {check: traceback or null} as JSON on its last line.
"""

from __future__ import annotations

import asyncio
import datetime
import gc
import json
import traceback

gc.disable()  # the generated client is 36,000 classes: importing it is most of this run

from prisma import Base64, Json, Prisma, errors  # noqa: E402

UTC = datetime.UTC


async def fresh(db: Prisma) -> None:
    for table in (
        "verificationtoken",
        "usertable",
        "budgettable",
        "cronjob",
        "managedfilecontenttable",
        "workflowevent",
        "workflowrun",
    ):
        await getattr(db, f"litellm_{table}").delete_many()


async def refused(error: type[Exception], call) -> Exception:
    try:
        found = await call
    except error as raised:
        return raised
    raise AssertionError(f"expected {error.__name__}, got {found!r}")


async def budget(db: Prisma, id: str = "b1", **data):
    return await db.litellm_budgettable.create(data={"budget_id": id, "created_by": "x", "updated_by": "x", **data})


async def token(db: Prisma, id: str = "t1", **data):
    return await db.litellm_verificationtoken.create(data={"token": id, **data})


async def check_values_come_back_as_they_went(db: Prisma) -> None:
    document = {"a": {"x": 1.0, "s": 'é"\n\\u0000😀', "deep": [1, [2, {"three": None}]]}, "big": 12345678901234567890}
    when = datetime.datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)
    made = await budget(
        db,
        max_budget=1.5,
        soft_budget=0.0,
        tpm_limit=9007199254740993,
        model_max_budget=Json(document),
        budget_reset_at=when,
    )
    assert (made.max_budget, made.soft_budget, made.tpm_limit) == (1.5, 0.0, 9007199254740993)
    assert made.model_max_budget == document
    assert made.budget_reset_at == when
    assert made.allowed_models == []


async def check_a_string_is_a_json_document_only_in_json_fields(db: Prisma) -> None:
    """A Json field may hold a bare string; and other fields next to one are no documents."""
    made = await db.litellm_usertable.create(
        data={"user_id": "{}", "user_email": '"quoted"', "metadata": Json("text"), "teams": ["[1]", "null"]}
    )
    assert (made.user_id, made.user_email, made.metadata, made.teams) == ("{}", '"quoted"', "text", ["[1]", "null"])


async def check_a_json_field_named_data(db: Prisma) -> None:
    """Its name is also that of the argument that holds a row."""
    run = await db.litellm_workflowrun.create(data={"workflow_type": "w"})
    made = await db.litellm_workflowevent.create(
        data={
            "event_type": "e",
            "step_name": "s",
            "sequence_number": 1,
            "run_id": run.run_id,
            "data": Json({"k": ["v"]}),
        }
    )
    assert (made.event_type, made.step_name, made.data) == ("e", "s", {"k": ["v"]})


async def check_upsert_creates_then_updates(db: Prisma) -> None:
    data = {
        "create": {"budget_id": "b1", "created_by": "x", "updated_by": "x", "max_budget": 1.0},
        "update": {"max_budget": {"increment": 1}, "allowed_models": ["a", "b"], "soft_budget": None},
    }
    first = await db.litellm_budgettable.upsert(where={"budget_id": "b1"}, data=data)
    second = await db.litellm_budgettable.upsert(where={"budget_id": "b1"}, data=data)
    assert (first.max_budget, first.allowed_models) == (1.0, [])
    assert (second.max_budget, second.allowed_models, second.soft_budget) == (2.0, ["a", "b"], None)


async def check_relations_are_followed_both_ways(db: Prisma) -> None:
    await budget(db)
    await db.litellm_usertable.create(data={"user_id": "u1"})
    made = await db.litellm_verificationtoken.create(
        data={"token": "t1", "user_id": "u1", "budget_id": "b1", "models": ["m"], "metadata": Json({"a": "b"})},
        include={"litellm_budget_table": True},
    )
    assert made.litellm_budget_table.budget_id == "b1"
    found = await db.litellm_verificationtoken.find_many(
        where={"OR": [{"token": {"in": ["t1", "zz"]}}, {"user_id": None}]},
        include={"litellm_budget_table": {"include": {"keys": {"where": {"metadata": {"equals": Json({"a": "b"})}}}}}},
        order={"created_at": "desc"},
        take=5,
        skip=0,
    )
    assert [key.token for key in found[0].litellm_budget_table.keys] == ["t1"]
    by_relation = await db.litellm_verificationtoken.find_many(
        where={"litellm_budget_table": {"is": {"created_by": "x"}}}
    )
    assert [key.token for key in by_relation] == ["t1"]


async def check_nested_writes(db: Prisma) -> None:
    made = await db.litellm_verificationtoken.create(
        data={
            "token": "t1",
            "litellm_budget_table": {
                "create": {
                    "budget_id": "b9",
                    "created_by": "x",
                    "updated_by": "x",
                    "model_max_budget": Json({"m": "1"}),
                }
            },
        },
        include={"litellm_budget_table": True},
    )
    assert made.litellm_budget_table.model_max_budget == {"m": "1"}


async def check_filters(db: Prisma) -> None:
    await db.litellm_usertable.create(
        data={
            "user_id": "j1",
            "metadata": Json({"a": {"b": "c"}, "l": [1, 2]}),
            "user_email": "Ab@C.d",
            "models": ["m", "n"],
        }
    )
    soon = datetime.datetime.now(UTC) + datetime.timedelta(minutes=1)
    for where in (
        {"metadata": {"path": ["a", "b"], "equals": Json("c")}},
        {"metadata": {"equals": Json({"a": {"b": "c"}, "l": [1, 2]})}},
        {"metadata": {"path": ["l"], "array_contains": Json([1])}},
        {"metadata": {"path": ["a", "b"], "string_contains": "c"}},
        {"metadata": {"path": ["a", "b"], "string_starts_with": "c"}},
        {"user_email": {"equals": "ab@c.D", "mode": "insensitive"}},
        {"user_email": {"contains": "@C"}},
        {"models": {"has": "m"}},
        {"models": {"has_every": ["m", "n"]}},
        {"NOT": [{"user_id": "zz"}], "created_at": {"lte": soon}},
        {"AND": [{"user_id": {"not": "zz"}}, {"user_id": {"startswith": "j"}}]},
    ):
        found = await db.litellm_usertable.find_many(where=where)
        assert [user.user_id for user in found] == ["j1"], where
        assert await db.litellm_usertable.find_many(where={"NOT": [where]}) == [], where


async def check_counts_groups_and_sums(db: Prisma) -> None:
    await token(db, "t1", user_id="u1")
    await token(db, "t2", user_id="u1", spend=2.5)
    table = db.litellm_verificationtoken
    assert await table.count(where={"token": {"contains": "t"}}) == 2
    assert await table.count(select={"_all": True, "user_id": True, "team_id": True}) == {
        "_all": 2,
        "user_id": 2,
        "team_id": 0,
    }
    (group,) = await table.group_by(by=["user_id"], sum={"spend": True}, count={"_all": True}, max={"spend": True})
    assert group == {"user_id": "u1", "_sum": {"spend": 2.5}, "_count": {"_all": 2}, "_max": {"spend": 2.5}}


async def check_sums_stay_floats(db: Prisma) -> None:
    await token(db)
    (group,) = await db.litellm_verificationtoken.group_by(by=["token"], sum={"spend": True})
    assert (type(group["_sum"]["spend"]), group["_sum"]["spend"]) == (float, 0.0)


async def check_bytes_and_enums(db: Prisma) -> None:
    content = bytes(range(256))
    made = await db.litellm_managedfilecontenttable.create(data={"id": "f1", "content": Base64.encode(content)})
    assert made.content.decode() == content
    await db.litellm_cronjob.create(data={"pod_id": "p", "ttl": datetime.datetime.now(UTC), "status": "ACTIVE"})
    found = await db.litellm_cronjob.find_many(where={"status": "ACTIVE"})
    assert [(job.pod_id, job.status) for job in found] == [("p", "ACTIVE")]


async def check_many_rows_at_once(db: Prisma) -> None:
    rows = [{"user_id": f"u{i}"} for i in range(300)]
    assert await db.litellm_usertable.create_many(data=rows) == 300
    assert await db.litellm_usertable.create_many(data=[*rows[:2], {"user_id": "new"}], skip_duplicates=True) == 1
    assert (
        await db.litellm_usertable.update_many(
            where={"user_id": {"startswith": "u"}}, data={"spend": {"increment": 0.5}}
        )
        == 300
    )
    assert await db.litellm_usertable.delete_many(where={"spend": {"gt": 0}}) == 300


async def check_missing_rows(db: Prisma) -> None:
    table = db.litellm_usertable
    assert await table.find_unique(where={"user_id": "zz"}) is None
    assert await table.find_first(where={"user_id": "zz"}) is None
    assert await table.update(where={"user_id": "zz"}, data={"spend": 1}) is None
    assert await table.delete(where={"user_id": "zz"}) is None
    assert "required but not found" in str(
        await refused(errors.RecordNotFoundError, table.find_unique_or_raise(where={"user_id": "zz"}))
    )


async def check_refusals_by_the_database_and_by_the_engine(db: Prisma) -> None:
    users, tokens = db.litellm_usertable, db.litellm_verificationtoken
    await users.create(data={"user_id": "u1"})
    assert "(`user_id`)" in str(await refused(errors.UniqueViolationError, users.create(data={"user_id": "u1"})))
    assert "Foreign key" in str(
        await refused(errors.ForeignKeyViolationError, tokens.create(data={"token": "t", "budget_id": "no"}))
    )
    assert "bogus" in str(await refused(errors.FieldNotFoundError, users.find_many(where={"bogus": 1})))
    assert "user_id" in str(await refused(errors.MissingRequiredValueError, users.create(data={})))
    assert '"nope" does not exist' in str(await refused(errors.RawQueryError, db.query_raw("SELECT * FROM nope")))


async def check_the_sqlstate_of_a_raw_query_is_told(db: Prisma) -> None:
    error = await refused(errors.RawQueryError, db.query_raw("SELECT 1/0"))
    assert (error.code, error.meta["code"]) == ("P2010", "22012")


async def check_raw_values_keep_their_types(db: Prisma) -> None:
    (row,) = await db.query_raw(
        """SELECT 0.0::float8 AS zero, 1e21::float8 AS huge, 7 AS int, 12345678901234567::bigint AS big,
           1.50::numeric AS num,
           '{"a": 1.0, "b": 12345678901234567890}'::jsonb AS doc, '"abc"'::jsonb AS text_doc, 'null'::jsonb AS null_doc,
           NULL::jsonb AS nothing, ARRAY['{"a": 1.0}'::jsonb] AS docs, ARRAY[0.0::float8, NULL] AS floats, true AS yes,
           'x'::bytea AS bytes, '00000000-0000-0000-0000-000000000001'::uuid AS uuid, '12:34:56'::time AS time,
           '2026-01-02'::date AS day, 'pg_class'::name AS name, ARRAY['a'::name] AS names, false AS no,
           ARRAY['a', NULL]::text[] AS texts, '{"$type": "DateTime", "value": "v"}'::jsonb AS like_a_tag"""
    )
    assert (type(row["zero"]), row["zero"], row["huge"], row["floats"]) == (float, 0.0, 1e21, [0.0, None])
    assert type(row["floats"][0]) is float
    assert (row["int"], row["big"], row["num"]) == (7, 12345678901234567, 1.5)
    assert row["doc"] == {"a": 1.0, "b": 12345678901234567890}
    assert type(row["doc"]["a"]) is float
    assert type(row["docs"][0]["a"]) is float
    assert (row["text_doc"], row["null_doc"], row["nothing"], row["docs"]) == ("abc", None, None, [{"a": 1.0}])
    assert (row["yes"], row["no"], row["bytes"]) == (True, False, "eA==")
    assert (row["uuid"], row["time"], row["day"]) == ("00000000-0000-0000-0000-000000000001", "12:34:56", "2026-01-02")
    assert (row["name"], row["names"], row["texts"]) == ("pg_class", ["a"], ["a", None])
    assert row["like_a_tag"] == {"$type": "DateTime", "value": "v"}


async def check_raw_times_are_utc(db: Prisma) -> None:
    (row,) = await db.query_raw(
        "SELECT '2026-07-01T12:00:00+02:00'::timestamptz AS a, '2026-07-01T12:00:00'::timestamp AS b"
    )
    assert row == {"a": "2026-07-01T10:00:00+00:00", "b": "2026-07-01T12:00:00+00:00"}


async def check_raw_parameters(db: Prisma) -> None:
    await token(db, models=["m"], metadata=Json({"team": "x"}))

    async def found(condition: str, *parameters: object) -> bool:
        rows = await db.query_raw(f'SELECT token FROM "LiteLLM_VerificationToken" WHERE {condition}', *parameters)
        return [row["token"] for row in rows] == ["t1"]

    assert await found("token = $1 AND spend >= $2", "t1", 0)
    assert await found(
        "created_at >= $1::timestamp AND token = ANY($2::text[])", datetime.datetime(2020, 1, 1), ["t1", "t2"]
    )
    assert await found("created_at >= $1::timestamptz", "2020-01-01T00:00:00Z")
    for document in ('{"team": "x"}', {"team": "x"}, Json({"team": "x"})):
        assert await found("metadata @> $1::jsonb", document)
    assert await found("$1::text IS NULL", None)
    assert await found("$1 = true", True)
    assert (
        await db.execute_raw('UPDATE "LiteLLM_VerificationToken" SET spend = spend + $1 WHERE token = $2', 0.25, "t1")
        == 1
    )
    (row,) = await db.query_raw('SELECT spend FROM "LiteLLM_VerificationToken"')
    assert row == {"spend": 0.25}


async def check_a_batch_is_one_transaction(db: Prisma) -> None:
    await token(db)
    await db.litellm_usertable.create(data={"user_id": "u1"})
    async with db.batch_() as batch:
        batch.litellm_verificationtoken.update_many(where={"token": "t1"}, data={"spend": {"increment": 0.5}})
        batch.litellm_usertable.update(where={"user_id": "u1"}, data={"spend": {"increment": 0.5}})

    async def bad() -> None:
        async with db.batch_() as batch:
            batch.litellm_verificationtoken.update_many(where={"token": "t1"}, data={"spend": {"increment": 100}})
            batch.litellm_usertable.create(data={"user_id": "u1"})

    await refused(errors.UniqueViolationError, bad())
    assert (await db.litellm_verificationtoken.find_unique(where={"token": "t1"})).spend == 0.5


async def check_a_transaction_is_seen_outside_when_it_ends(db: Prisma) -> None:
    users = db.litellm_usertable
    await users.create(data={"user_id": "u1"})
    async with db.tx() as inside:
        await inside.litellm_usertable.update(where={"user_id": "u1"}, data={"spend": 7})
        assert (await inside.litellm_usertable.find_unique(where={"user_id": "u1"})).spend == 7
        assert (await users.find_unique(where={"user_id": "u1"})).spend == 0
    assert (await users.find_unique(where={"user_id": "u1"})).spend == 7


async def check_a_failed_transaction_is_undone(db: Prisma) -> None:
    await db.litellm_usertable.create(data={"user_id": "u1"})
    try:
        async with db.tx() as inside:
            await inside.litellm_usertable.update(where={"user_id": "u1"}, data={"spend": 99})
            raise KeyError("x")
    except KeyError:
        pass
    assert (await db.litellm_usertable.find_unique(where={"user_id": "u1"})).spend == 0


async def check_a_transaction_that_takes_too_long_is_ended(db: Prisma) -> None:
    async def slow() -> None:
        async with db.tx(timeout=datetime.timedelta(milliseconds=300)) as inside:
            await asyncio.sleep(0.8)
            await inside.litellm_usertable.create(data={"user_id": "late"})

    await refused(errors.TransactionExpiredError, slow())
    assert await db.litellm_usertable.find_unique(where={"user_id": "late"}) is None


async def check_many_calls_at_a_time(db: Prisma) -> None:
    await db.litellm_usertable.create(data={"user_id": "u1"})
    await asyncio.gather(
        *(db.litellm_usertable.update(where={"user_id": "u1"}, data={"spend": {"increment": 1}}) for _ in range(100))
    )
    assert (await db.litellm_usertable.find_unique(where={"user_id": "u1"})).spend == 100


async def check_the_clients_own_metrics_call(db: Prisma) -> None:
    await db.litellm_usertable.count()
    figures = await db.get_metrics()
    counters = {counter.key: counter.value for counter in figures.counters}
    assert counters["prisma_client_queries_total"] >= 1
    assert "prisma_client_queries_total" in await db.get_metrics(format="prometheus")


async def main() -> None:
    results: dict[str, str | None] = {}
    async with Prisma() as db:
        for name, check in [(n, c) for n, c in globals().items() if n.startswith("check_")]:
            try:
                await fresh(db)
                await check(db)
                results[name] = None
            except Exception:
                results[name] = traceback.format_exc()
        await fresh(db)
    print(json.dumps(results))


if __name__ == "__main__":
    asyncio.run(main())
