"""The way in: which door is taken, in which order, and what is looked up for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from litellm_admin import aws, stack, transport, way
from litellm_admin.errors import AdminError, BlockedAtEdge, Denied, NotThere
from litellm_admin.transport import DirectTransport, RelayTransport, Response
from litellm_admin.way import Door, Way, Wishes

REGION = "us-west-1"
URL, KEY = "http://door.example:8080", "sk-" + "k3y" * 8
FACTS = {
    "name": "llm-gateway/poc",
    "region": REGION,
    "relay": "gw-relay",
    "reader": "gw-relay-read",
    "relay_holds_key": True,
    "admin_url": URL,
    "gateway_url": "https://llm.example.com",
    "master_key_secret": "gw/master-key",
    "cluster": "c",
    "service": "s",
    "target_group": "t",
    "database": "d",
    "log_group": "l",
}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """An AWS account; call it to publish a stack."""
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setattr(transport, "_keys", {})
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        aws.forget()
        boto3.client("secretsmanager", region_name=REGION).create_secret(Name="gw/master-key", SecretString=f"{KEY}\n")

        def publish(name: str = "poc", value: str | None = None) -> None:
            text = value or stack.document({**FACTS, "name": f"llm-gateway/{name}"})
            boto3.client("ssm", region_name=REGION).put_parameter(
                Name=f"/llm-gateway/{name}/admin", Value=text, Type="String"
            )

        yield publish
    aws.forget()


def transports(found: Way) -> list[Any]:
    return [door.open() for door in found.doors]


def test_url_and_key_win_and_no_aws_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: Any, **__: Any) -> Any:
        raise AssertionError("AWS was asked")

    monkeypatch.setattr(aws, "session", asked)
    found = way.find(Wishes(URL, KEY, stack="poc"))
    assert transports(found) == [DirectTransport(URL, KEY)]
    assert found.facts is None


def test_a_url_alone_finds_its_key(account: Callable[..., None]) -> None:
    account()
    assert transports(way.find(Wishes("http://tunnel:1"))) == [DirectTransport("http://tunnel:1", KEY)]


def test_a_key_alone_finds_its_way_and_is_the_one_that_is_used(account: Callable[..., None]) -> None:
    account()
    mine = "sk-mine"
    assert transports(way.find(Wishes(key=mine))) == [
        RelayTransport("gw-relay", REGION, mine),
        RelayTransport("gw-relay-read", REGION, mine),
        DirectTransport(URL, mine),
    ]


def test_with_neither_the_relay_comes_first_then_the_reader_then_the_door(account: Callable[..., None]) -> None:
    account()
    found = way.find(Wishes())
    assert [(door.kind, door.reads_only) for door in found.doors] == [
        ("relay", False),
        ("relay", True),
        ("direct", False),
    ]
    assert transports(found) == [
        RelayTransport("gw-relay", REGION),
        RelayTransport("gw-relay-read", REGION),
        DirectTransport(URL, KEY),
    ]
    assert found.facts is not None
    assert found.facts.short == "poc"


@pytest.mark.parametrize(("only", "kinds"), [("relay", ["relay", "relay"]), ("direct", ["direct"])])
def test_one_way_can_be_chosen(account: Callable[..., None], only: Any, kinds: list[str]) -> None:
    account()
    assert [door.kind for door in way.find(Wishes(only=only)).doors] == kinds


def test_the_only_stack_is_found_and_of_several_one_is_chosen(account: Callable[..., None]) -> None:
    with pytest.raises(NotThere, match="no llm-gateway stack in us-west-1"):
        way.find(Wishes())
    account("poc")
    assert way.find(Wishes()).facts == stack.find("poc", REGION)
    account("scale")
    with pytest.raises(AdminError, match=r"several stacks in us-west-1 \(poc, scale\): choose one with --stack"):
        way.find(Wishes())
    found = way.find(Wishes(stack="scale")).facts
    assert found is not None
    assert found.short == "scale"
    with pytest.raises(NotThere, match="There is no stack nope in us-west-1"):
        way.find(Wishes(stack="nope"))


def test_all_pages_of_parameters_are_read(account: Callable[..., None]) -> None:
    for number in range(25):
        boto3.client("ssm", region_name=REGION).put_parameter(
            Name=f"/llm-gateway/a{number}/other", Value="x", Type="String"
        )
    account("zzz")
    assert way.find(Wishes()).facts is not None


@pytest.mark.parametrize("text", ["{}", "hello", '{"form": 2}', '{"form": 1, "name": "x"}', "[]"])
def test_a_stack_of_another_form_is_told(account: Callable[..., None], text: str) -> None:
    account(value=text)
    with pytest.raises(AdminError, match="this tool reads form 1"):
        way.find(Wishes(stack="poc"))


def test_the_gateways_own_domain_is_known_for_what_it_is(account: Callable[..., None]) -> None:
    account()
    with pytest.raises(BlockedAtEdge, match="is the gateway's public"):
        way.find(Wishes("https://LLM.example.com/"))


def test_what_is_missing_is_said_first(monkeypatch: pytest.MonkeyPatch) -> None:
    aws.forget()
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(AdminError, match=r"LITELLM_MASTER_KEY isn't set and couldn't be looked up\. No AWS region"):
        way.find(Wishes(URL))
    with pytest.raises(AdminError, match=r"^No AWS region is set: give --region"):
        way.find(Wishes())


def test_without_boto3_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def without(name: str, *more: Any, **most: Any) -> Any:
        if name.startswith(("boto3", "botocore")):
            raise ImportError(name)
        return real(name, *more, **most)

    aws.forget()
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(AdminError, match=r"boto3 isn't installed .* `pip install boto3`"):
        way.find(Wishes())


class Closing:
    def __init__(self, error: AdminError | None = None) -> None:
        self.error = error
        self.calls: list[tuple[str, str]] = []

    def request_each(self, calls: Any) -> list[Any]:
        return [self.request(call.method, call.path) for call in calls]

    def request(self, method: str, path: str, query: Any = None, body: Any = None) -> Response:
        self.calls.append((method, path))
        if self.error:
            raise self.error
        return Response(200, {})


def doors(relay: Closing, reader: Closing, direct: Closing) -> Way:
    return Way(
        [
            Door("relay", "relay", lambda: relay),
            Door("relay", "reader", lambda: reader, reads_only=True),
            Door("direct", "door", lambda: direct),
        ]
    )


def test_a_closed_door_is_tried_once_and_the_open_one_stays() -> None:
    relay, reader, direct = Closing(Denied("not you")), Closing(), Closing()
    found = doors(relay, reader, direct)
    found.request("GET", "/user/list")
    found.request("GET", "/key/list")
    assert (len(relay.calls), len(reader.calls), len(direct.calls)) == (1, 2, 0)
    assert found.used is not None
    assert (found.used.name, found.transport()) == ("reader", reader)


def test_a_change_goes_past_the_reader() -> None:
    relay, reader, direct = Closing(Denied("not you")), Closing(), Closing()
    doors(relay, reader, direct).request("POST", "/user/new", body={})
    assert (len(relay.calls), reader.calls, len(direct.calls)) == (1, [], 1)


def test_a_viewer_who_wants_to_change_something_is_told() -> None:
    found = doors(Closing(Denied("May not invoke.")), Closing(), Closing(Denied("May not read the key.")))
    with pytest.raises(Denied, match=r"may look at the gateway and not change it\. May not invoke\. May not read"):
        found.request("POST", "/user/new", body={})
    assert found.request("GET", "/user/list").status == 200


def test_a_door_that_is_open_and_broken_is_not_gone_around() -> None:
    relay, direct = Closing(AdminError("broken")), Closing()
    with pytest.raises(AdminError, match="broken"):
        doors(relay, Closing(), direct).request("GET", "/user/list")
    assert direct.calls == []


def test_many_calls_go_by_the_door_that_opened() -> None:
    relay, reader, direct = Closing(Denied("not you")), Closing(), Closing()
    found = doors(relay, reader, direct)
    calls = [transport.Call("POST", "/user/new", None, {}), *[transport.Call("POST", "/user/update")] * 3]
    answers = found.request_each(calls)
    assert [answer.status for answer in answers if isinstance(answer, Response)] == [200] * 4
    assert (len(relay.calls), reader.calls, len(direct.calls)) == (1, [], 4)
