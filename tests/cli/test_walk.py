"""The doctor's walk, on answers of every kind: at which part it ends, and what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from litellm_admin.cli.context import Context
from litellm_admin.cli.doctor import edge
from litellm_admin.cli.doctor.aws import Seen
from litellm_admin.cli.doctor.edge import Reply
from litellm_admin.cli.doctor.run import doctor
from litellm_admin.cli.doctor.walk import Walk
from litellm_admin.errors import AdminError, Denied, NotThere, Unreachable
from litellm_admin.stack import StackFacts
from litellm_admin.transport import RelayTransport, Response
from litellm_admin.way import Door, Way, Wishes
from tests.cli.running import run
from tests.cli.test_way import FACTS

STACK = StackFacts(**FACTS)
WELL: dict[str, Any] = {
    "/health/liveliness": Response(200, "I'm alive!"),
    "/health/readiness": Response(200, {"status": "healthy", "db": "connected"}),
    "/health/readiness/details": Response(200, {"db": "connected", "litellm_version": "1.108.7"}),
    "/user/list": Response(200, {"users": []}),
}
ALB_503 = Response(503, "<html><head><title>503 Service Temporarily Unavailable</title></head></html>")


def relay_error(status: int, code: str, message: str) -> Response:
    return Response(status, {"error": {"type": "relay", "code": code, "message": message}})


class Answering(RelayTransport):
    """A relay that answers as told; an error is raised."""

    answers: dict[str, Any]

    def request(self, method: str, path: str, query: Any = None, body: Any = None) -> Response:
        found = self.answers.get(path, self.answers.get("*"))
        if isinstance(found, AdminError):
            raise found
        return found


def transport(**answers: Any) -> Answering:
    made = Answering("gw-relay", "us-west-1")
    object.__setattr__(made, "answers", {**WELL, **{f"/{k.replace('__', '/')}": v for k, v in answers.items()}})
    return made


def every(answer: Any) -> Answering:
    made = transport()
    object.__setattr__(made, "answers", {"*": answer})
    return made


def walk(relay: Any, facts: StackFacts | None = STACK) -> Walk:
    return Walk(Way([Door("relay", "gw-relay", lambda: relay)], facts), facts)


def steps(relay: Any, facts: StackFacts | None = STACK) -> dict[str, tuple[str, str]]:
    walking = walk(relay, facts)
    found = [walking.relay(), walking.door(), walking.litellm(), walking.database()]
    return {
        step.name: (step.status, " ".join(f"{finding.what} {finding.remedy}" for finding in step.findings))
        for step in found
    }


def test_a_way_that_is_well() -> None:
    assert [status for status, _ in steps(transport()).values()] == ["ok"] * 4


@pytest.mark.parametrize(
    ("relay", "step", "says"),
    [
        (every(Denied("These may not invoke.")), "relay", "gateway-viewer to look"),
        (every(NotThere("There is no relay.")), "relay", "makes it anew"),
        (every(Unreachable("The relay failed: boom")), "relay", "aws logs tail /aws/lambda/gw-relay"),
        (every(relay_error(401, "caller_unproven", "The proof is 9 minutes old.")), "relay", "this machine's clock"),
        (every(relay_error(502, "key_unreadable", "The relay can't read the master key")), "relay", "can't read"),
        (every(relay_error(504, "door_timeout", "No connection to the door")), "admin door", "security groups"),
        (every(relay_error(502, "door_refused", "Nothing listens")), "admin door", "listener anew"),
        (every(relay_error(502, "door_no_name", "The name doesn't resolve")), "admin door", "load balancer anew"),
        (every(ALB_503), "LiteLLM", "the load balancer says 503 (no healthy target)"),
        (
            transport(health__readiness__details=Response(401, {"error": {"message": "Invalid API Key"}})),
            "LiteLLM",
            "Invalid API Key",
        ),
        (transport(health__readiness=Response(503, {"status": "unhealthy"})), "database", "can't reach its database"),
        (
            transport(health__readiness=Response(200, {"db": "Not connected"})),
            "database",
            "started without the address of its database",
        ),
        (
            transport(user__list=Response(500, {"error": {"message": "boom"}})),
            "database",
            "can't use its database: 500, boom",
        ),
    ],
)
def test_the_part_that_is_broken_is_named(relay: Any, step: str, says: str) -> None:
    found = steps(relay)
    status, said = found[step]
    assert status == "broken"
    assert says in said
    names = list(found)
    assert all(found[name][0] == "ok" for name in names[: names.index(step)])


def test_a_gateway_without_a_database_is_a_choice_and_explained() -> None:
    without = StackFacts(**{**FACTS, "database": ""})
    status, said = steps(transport(health__readiness=Response(200, {"db": "Not connected"})), without)["database"]
    assert status == "warning"
    assert "Database not connected" in said
    assert "`database: rds`" in said


def test_commands_on_a_gateway_without_a_database_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = Response(500, {"detail": {"error": "No db connected. prisma client=None"}})
    way = Way([Door("relay", "gw-relay", lambda: every(answer))])
    monkeypatch.setattr("litellm_admin.cli.context.find", lambda _: way)
    for line in (["list-users"], ["create-user", "--email", "a@b.co"], ["list-keys"], ["spend"]):
        ran = run(*line)
        assert ran.code == 1
        assert "has no database" in ran.err
        assert "`database: rds`" in ran.err


def healed(monkeypatch: pytest.MonkeyPatch, relay: Any, seen: Seen) -> Callable[[], Any]:
    monkeypatch.setattr("litellm_admin.cli.doctor.run.Looker", lambda _: type("L", (), {"look": lambda _: seen})())
    monkeypatch.setattr("litellm_admin.aws.call", lambda *_, **__: {"Arn": "arn:aws:iam::1:user/a"})
    open_ = Reply(401, {}, '{"error": {"message": "No api key passed in."}}')
    monkeypatch.setattr(edge, "get", lambda url, _: Reply(403, {}, "") if url.endswith("/user/list") else open_)
    context = Context(Wishes())
    context._way = Way([Door("relay", "gw-relay", lambda: relay)], STACK)
    from argparse import Namespace

    return lambda: doctor(context, Namespace(key=None))


def test_what_is_behind_a_broken_part_is_no_finding_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = healed(monkeypatch, every(relay_error(504, "door_timeout", "No connection")), Seen())()
    assert [step["status"] for step in answer.data["steps"]] == ["ok", "ok", "broken", "skipped", "skipped", "ok"]
    assert answer.code == 1
    assert "Something is broken." in answer.text


def test_a_fault_beside_a_part_that_answers_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    from litellm_admin.cli.doctor.findings import Finding

    seen = Seen(litellm=[Finding("The latest deployment doesn't get through.")])
    answer = healed(monkeypatch, transport(), seen)()
    assert (answer.code, answer.data["healthy"]) == (0, True)
    assert [step["status"] for step in answer.data["steps"]][3] == "warning"
    assert "It works, with warnings." in answer.text


@pytest.mark.parametrize(
    ("open_", "closed", "says"),
    [
        (Reply(401, {}, '{"error": {}}'), 200, "administration is open to the public"),
        (Reply(403, {}, "{}"), 403, "the path isn't let through"),
        (Reply(502, {}, "<html>"), 403, "nobody takes the request"),
        (Reply(504, {"x-cache": "Error from cloudfront"}, "<html>"), 403, "nobody takes the request"),
        (Reply(200, {}, '{"data": []}'), 403, ""),
    ],
)
def test_the_edge_passes_models_and_blocks_administration(
    monkeypatch: pytest.MonkeyPatch, open_: Reply, closed: int, says: str
) -> None:
    monkeypatch.setattr(edge, "get", lambda url, _: Reply(closed, {}, "") if url.endswith("/user/list") else open_)
    step = edge.look("https://llm.example.com")
    assert step.status == ("broken" if says else "ok")
    assert says in " ".join(found.what for found in step.findings)


def test_an_edge_that_is_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: Any) -> Any:
        raise OSError("Name or service not known")

    monkeypatch.setattr(edge, "get", nowhere)
    step = edge.look("https://llm.example.com")
    assert (step.status, "can't be reached: Name or service" in step.findings[0].what) == ("broken", True)
