from __future__ import annotations

from typing import Any

import pytest

from litellm_admin.client import Client, Patience
from litellm_admin.errors import AdminError, Conflict, Failed, NoDatabase, NotFound, Refused, Unauthorized, Unreachable
from litellm_admin.models import token_of
from litellm_admin.transport import Response
from tests.litellm_admin.fake import FakeLiteLLM

SECRET = "sk-" + "s3cr3t" * 5


class Script:
    """A transport that answers what it was told to, in order; the last answer for ever."""

    def __init__(self, *answers: Response | Exception) -> None:
        self.answers, self.calls = list(answers), 0

    def request(self, method: str, path: str, query: Any = None, body: Any = None) -> Response:
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


class Clock:
    """Sleeps in no time, and remembers."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def now(self) -> float:
        return sum(self.slept)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def client(transport: Any, clock: Clock) -> Client:
    return Client(transport, Patience(sleep=clock.sleep))


USER = {"user_id": "u", "user_email": "a@b.co", "models": []}


@pytest.mark.parametrize(
    "trouble", [Unreachable("no connection"), *(Response(status, "no") for status in (429, 502, 503, 504))]
)
def test_a_passing_trouble_is_waited_out(trouble: Any, clock: Clock) -> None:
    script = Script(trouble, trouble, Response(200, USER))
    found = client(script, clock).get_user("u")
    assert found is not None
    assert found.user_id == "u"
    assert script.calls == 3
    assert 0 < clock.slept[0] <= 0.25 < clock.slept[1] * 2 <= 1.0


@pytest.mark.parametrize("trouble", [Unreachable("no connection"), Response(503, "no healthy target")])
def test_patience_has_an_end(trouble: Any, clock: Clock) -> None:
    script = Script(trouble)
    with pytest.raises(Unreachable):
        client(script, clock).get_user("u")
    assert script.calls == 5
    assert len(clock.slept) == 4


def test_a_wait_that_the_server_asks_for_is_kept_within_reason(clock: Clock) -> None:
    client(Script(Response(429, "slow", 3.0), Response(429, "slow", 9000.0), Response(200, USER)), clock).get_user("u")
    assert clock.slept[0] == 3.0
    assert clock.slept[1] == 32.0


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (401, {"error": {"message": f"Invalid API Key {SECRET}", "code": "401"}}, Unauthorized, "master key"),
        (401, {"error": {"message": "STS doesn't confirm it", "type": "relay"}}, Refused, "The relay refused"),
        (400, {"error": {"message": f"Key {SECRET} is odd"}}, Refused, "Key sk-… is odd."),
        (404, {"detail": {"error": "User not found, passed user_id=x"}}, NotFound, "User not found"),
        (
            409,
            {"error": {"message": "{'error': 'User with id x already exists'}"}},
            Conflict,
            "User with id x already exists.",
        ),
        (400, {"error": {"message": "Key with alias 'x' already exists. Unique…"}}, Conflict, "already exists"),
        (
            400,
            {"error": {"message": "{'error': \"Invalid budget_duration 'zz'.\"}"}},
            Refused,
            "Invalid budget_duration 'zz'.",
        ),
        (
            422,
            {"detail": [{"loc": ["body", "max_budget"], "msg": "Input should be a valid number"}]},
            Refused,
            "body.max_budget: Input should be",
        ),
        (500, {"error": {"message": "Internal Server Error."}}, Failed, "LiteLLM failed at POST /user/new (500)"),
        (
            500,
            {"error": {"message": "Database not connected. Connect a database to your proxy"}},
            NoDatabase,
            "`database: rds`",
        ),
        (400, {"detail": {"error": "No db connected"}}, NoDatabase, "`database: rds`"),
        (418, "<html>" + "teapot " * 200, Refused, "teapot"),
        (400, None, Refused, "status 400"),
    ],
)
def test_a_refusal_is_told_by_its_status_and_says_what_litellm_said(
    status: int, body: Any, kind: type[Refused], says: str, clock: Clock
) -> None:
    script = Script(Response(status, body))
    with pytest.raises(Refused) as caught:
        client(script, clock).create_user({"user_id": "x"})
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert script.calls == 1
    assert says in str(caught.value)
    assert SECRET not in str(caught.value) + caught.value.reason
    assert len(str(caught.value)) < 500


def test_what_is_no_litellm_is_recognised(clock: Clock) -> None:
    for body in ("<html>Welcome</html>", [], {"users": 3}, None):
        with pytest.raises(AdminError, match="is this the admin door"):
            client(Script(Response(200, body)), clock).list_users()


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250])
def test_lists_are_complete_over_all_pages(count: int, clock: Clock) -> None:
    fake = FakeLiteLLM()
    for index in range(count):
        fake.request(
            "POST",
            "/user/new",
            body={"user_id": f"u{index:03}", "user_email": f"{index}@b.co", "auto_create_key": False},
        )
        fake.request(
            "POST",
            "/key/generate",
            body={"key": f"sk-{index}", "key_alias": f"k{index}", "user_id": f"u{index % 2:03}"},
        )
    admin = client(fake, clock)
    assert {user.user_id for user in admin.list_users()} == {f"u{index:03}" for index in range(count)}
    assert {key.alias for key in admin.list_keys()} == {f"k{index}" for index in range(count)}
    assert len(admin.list_keys("u001")) == count // 2


def test_a_list_is_read_again_when_rows_vanish_between_its_pages(clock: Clock) -> None:
    fake = FakeLiteLLM()
    for index in range(150):
        fake.request(
            "POST",
            "/user/new",
            body={"user_id": f"u{index:03}", "user_email": f"{index}@b.co", "auto_create_key": False},
        )
    waiting = ["u000"]

    def vanish(_method: str, path: str) -> None:
        if path == "/user/list" and fake.calls.count(("GET", "/user/list")) == 2 and waiting:
            del fake.users[waiting.pop()]  # everything moves up by one, over the border between the pages

    fake.fault = vanish
    found = {user.user_id for user in client(fake, clock).list_users()}
    assert found >= set(fake.users)
    assert len(fake.users) == 149


def test_a_user_is_found_by_e_mail_in_any_spelling_and_only_as_a_whole(clock: Clock) -> None:
    fake = FakeLiteLLM()
    for index, email in enumerate(["Dev@Example.com", "dev@example.community", "a.dev@example.com"]):
        fake.request("POST", "/user/new", body={"user_id": f"u{index}", "user_email": email, "auto_create_key": False})
    assert [user.user_id for user in client(fake, clock).find_users(" dev@example.COM")] == ["u0"]


def test_a_deleted_key_is_gone_although_litellm_goes_on_answering_for_it(clock: Clock) -> None:
    fake, token = FakeLiteLLM(), token_of(SECRET)
    fake.request("POST", "/key/generate", body={"key": SECRET, "key_alias": "prod"})
    admin = client(fake, clock)
    found = admin.find_key("prod")
    assert found is not None
    assert found.token == token
    assert admin.find_key("pro") is None
    assert admin.delete_key(token) is True
    assert admin.get_key(token) is None
    assert admin.delete_key(token) is False


def test_deleting_a_user_that_is_gone_is_fine(clock: Clock) -> None:
    assert client(FakeLiteLLM(), clock).delete_user("nobody") is False


def test_readiness_is_waited_for(clock: Clock) -> None:
    starting = [Unreachable("refused"), Response(503, "no target"), Response(500, {"error": "db"})]
    script = Script(*starting, Response(200, {"status": "healthy", "db": "connected"}))
    client(script, clock).wait_until_ready(60, clock.now)
    assert script.calls == 4


def test_readiness_isnt_waited_for_for_ever_and_says_what_was_last_seen(clock: Clock) -> None:
    with pytest.raises(AdminError, match=r"wasn't ready within 60 seconds. Nothing listens"):
        client(Script(Unreachable("Nothing listens there.")), clock).wait_until_ready(60, clock.now)
    assert 60 <= clock.now() < 80


def test_a_gateway_without_a_database_is_told_at_once(clock: Clock) -> None:
    with pytest.raises(NoDatabase, match="database: rds"):
        client(Script(Response(200, {"status": "healthy", "db": "Not connected"})), clock).wait_until_ready(
            60, clock.now
        )
    assert not clock.slept


def test_no_attempt_begins_when_the_time_is_up(clock: Clock) -> None:
    script = Script(Unreachable("no"))
    patience = Patience(attempts=9, within=1.0, sleep=clock.sleep, clock=clock.now)
    with pytest.raises(Unreachable):
        Client(script, patience).list_users()
    assert 1 < script.calls < 9


class Batches(FakeLiteLLM):
    """Answers calls that come several at once, and fails as told."""

    def __init__(self, *faults: Any) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.waiting = list(faults)
        self.fault = lambda _method, _path: self.waiting.pop(0) if self.waiting else None

    def request_each(self, calls: Any) -> Any:
        self.batches.append(len(calls))
        return super().request_each(calls)


def bodies(count: int) -> list[dict[str, Any]]:
    return [{"key": f"sk-value-{n:010}", "key_alias": f"key-{n}"} for n in range(count)]


def test_many_are_posted_in_parts_and_only_those_in_trouble_again(clock: Clock) -> None:
    fake, told = Batches(None, 503, None, "before", 429), list[int]()
    assert client(fake, clock).post_each("/key/generate", bodies(7), told.append) == [None] * 7
    assert [row["key_alias"] for row in fake.keys.values()].count("key-1") == 1
    assert len(fake.keys) == 7
    assert fake.batches[:2] == [3, 1]
    assert sum(told) == 7


def test_what_failed_is_told_for_each_in_its_place_and_nothing_is_raised(clock: Clock) -> None:
    fake = Batches()
    client(fake, clock).post_each("/key/generate", bodies(1))
    errors = client(fake, clock).post_each("/key/generate", [*bodies(2), {"key": "sk-x", "max_budget": -1.0}])
    assert [type(error) for error in errors] == [Conflict, type(None), Refused]
    fake.fault = lambda _method, _path: 503
    assert {type(error) for error in client(fake, clock).post_each("/key/generate", bodies(4))} == {Unreachable}
    assert client(fake, clock).post_each("/key/generate", []) == []


@pytest.mark.parametrize("body", [{}, {"data": []}, {"data": [1]}, [], "x"])
def test_an_answer_to_many_users_that_doesnt_fit_is_recognised(clock: Clock, body: Any) -> None:
    with pytest.raises(AdminError, match="is this the admin door"):
        client(Script(Response(200, body)), clock).create_users([{"user_id": "u"}])
