"""Bedrock's stand-ins through boto3: the forms, the framing, the errors; permitted by IAM or refused."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError
from hypothesis import given
from hypothesis import strategies as st

from localcloud.aws.account import Account
from localcloud.aws.bedrock.answer import Prompt, answer, example
from localcloud.aws.bedrock.behaviour import Behaviour
from localcloud.aws.bedrock.models import Target
from localcloud.aws.refusal import Refusal
from tests.aws.callers import Caller, allow
from tests.aws.world import refused

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
SONNET = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
BASE = HAIKU.removeprefix("us.")
REGIONS = ("us-east-1", "us-east-2", "us-west-1", "us-west-2")
TOOL = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def said(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [{"text": text}]}]}


def asked(**more: Any) -> str:
    messages = [{"role": "user", "content": "How are you?"}]
    return json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 50, "messages": messages, **more})


@pytest.fixture
def bedrock(account: Account) -> Iterator[Any]:
    yield account.client("bedrock-runtime")
    account.behaviours.tell("*", Behaviour())


def test_converse(bedrock: Any) -> None:
    answer = bedrock.converse(modelId=HAIKU, **said("How are you?"))
    [block] = answer["output"]["message"]["content"]
    assert "Claude Haiku 4.5" in block["text"] and "How are you?" in block["text"]
    assert answer["stopReason"] == "end_turn"
    usage = answer["usage"]
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"] > usage["outputTokens"] > 0


def test_a_stream_says_the_same_in_pieces(bedrock: Any) -> None:
    whole = bedrock.converse(modelId=HAIKU, **said("Hi"))
    events = list(bedrock.converse_stream(modelId=HAIKU, **said("Hi"))["stream"])
    kinds = [next(iter(event)) for event in events]
    assert kinds[0] == "messageStart" and kinds[-3:] == ["contentBlockStop", "messageStop", "metadata"]
    text = "".join(one["contentBlockDelta"]["delta"]["text"] for one in events if "contentBlockDelta" in one)
    assert text == whole["output"]["message"]["content"][0]["text"] and kinds.count("contentBlockDelta") > 3
    assert events[-1]["metadata"]["usage"] == whole["usage"]


def test_limits_and_stop_sequences_are_kept(bedrock: Any) -> None:
    short = bedrock.converse(modelId=HAIKU, inferenceConfig={"maxTokens": 2}, **said("Hi"))
    assert (short["stopReason"], short["usage"]["outputTokens"]) == ("max_tokens", 2)
    stopped = bedrock.converse(modelId=HAIKU, inferenceConfig={"stopSequences": ["stand"]}, **said("Hi"))
    assert stopped["stopReason"] == "stop_sequence"
    assert "stand" not in stopped["output"]["message"]["content"][0]["text"]


def test_a_tool_is_called_once(bedrock: Any) -> None:
    tools = {"tools": [{"toolSpec": {"name": "weather", "inputSchema": {"json": TOOL}}}]}
    conversation = said("Weather?")["messages"]
    first = bedrock.converse(modelId=HAIKU, messages=conversation, toolConfig=tools)
    use = first["output"]["message"]["content"][0]["toolUse"]
    assert (first["stopReason"], use["name"], use["input"]) == ("tool_use", "weather", {"city": "example"})
    result = {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": "sunny"}]}}
    conversation += [first["output"]["message"], {"role": "user", "content": [result]}]
    assert bedrock.converse(modelId=HAIKU, messages=conversation, toolConfig=tools)["stopReason"] == "end_turn"


def test_anthropics_own_form(bedrock: Any) -> None:
    answer = json.loads(bedrock.invoke_model(modelId=HAIKU, body=asked())["body"].read())
    assert "Claude Haiku 4.5" in answer["content"][0]["text"] and answer["stop_reason"] == "end_turn"
    stream = bedrock.invoke_model_with_response_stream(modelId=HAIKU, body=asked())["body"]
    events = [json.loads(event["chunk"]["bytes"]) for event in stream]
    assert [events[0]["type"], events[-1]["type"]] == ["message_start", "message_stop"]
    text = "".join(one["delta"]["text"] for one in events if one["type"] == "content_block_delta")
    assert text == answer["content"][0]["text"]
    tool = {"name": "weather", "input_schema": TOOL}
    called = json.loads(bedrock.invoke_model(modelId=HAIKU, body=asked(tools=[tool]))["body"].read())
    assert called["content"][0] | {"id": ""} == {
        "type": "tool_use",
        "id": "",
        "name": "weather",
        "input": {"city": "example"},
    }


def test_embeddings_are_unit_vectors_of_the_text(bedrock: Any) -> None:
    def embed(text: str, **more: Any) -> list[float]:
        body = json.dumps({"inputText": text, **more})
        return json.loads(bedrock.invoke_model(modelId="amazon.titan-embed-text-v2:0", body=body)["body"].read())[
            "embedding"
        ]

    one = embed("a")
    assert len(one) == 1024 and abs(sum(value * value for value in one) - 1) < 1e-9
    assert one == embed("a") != embed("b") and len(embed("a", dimensions=256)) == 256


@pytest.mark.parametrize(
    ("model", "body", "words"),
    [
        ("us.anthropic.nothing-v1:0", {}, "model identifier is invalid"),
        ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", {}, "model identifier is invalid"),
        (BASE, {}, "inference profile"),
        ("arn:aws:bedrock:eu-west-1::foundation-model/amazon.titan-text-express-v1", {}, "identifier is invalid"),
        (HAIKU, {"messages": []}, "at least one message"),
        (HAIKU, {"messages": [{"role": "assistant", "content": [{"text": "x"}]}]}, "start with a user message"),
        (HAIKU, {"messages": [{"role": "user", "content": []}]}, "is empty"),
        (HAIKU, {"inferenceConfig": {"temperature": 7.0}}, "temperature"),
    ],
)
def test_what_bedrock_refuses(bedrock: Any, model: str, body: dict[str, Any], words: str) -> None:
    with refused("ValidationException", words, status=400):
        bedrock.converse(modelId=model, **{**said("Hi"), **body})


@pytest.mark.parametrize(
    "body", ["not json", "[]", asked(anthropic_version="x"), asked(max_tokens=0), asked(messages=[])]
)
def test_a_body_of_another_form_is_refused(bedrock: Any, body: str) -> None:
    with refused("ValidationException", status=400):
        bedrock.invoke_model(modelId=HAIKU, body=body)


def test_a_model_does_as_it_is_told(account: Account, bedrock: Any) -> None:
    account.behaviours.tell(HAIKU, Behaviour("throttled"))
    with refused("ThrottlingException", "Too many requests", status=429):
        bedrock.converse(modelId=HAIKU, **said("Hi"))
    assert bedrock.converse(modelId="amazon.nova-pro-v1:0", **said("Hi")), "the others go on"
    account.behaviours.tell("*", Behaviour("failing"))
    with refused("InternalServerException", status=500):
        bedrock.converse(modelId=HAIKU, **said("Hi"))
    account.behaviours.tell("*", Behaviour("breaking"))
    seen: list[Any] = []
    with pytest.raises(EventStreamError, match="break off"):
        seen.extend(bedrock.converse_stream(modelId=HAIKU, **said("Hi"))["stream"])
    assert seen and not any("messageStop" in event for event in seen)


def test_a_slow_model_goes_on_as_soon_as_it_is_told(account: Account, bedrock: Any) -> None:
    account.behaviours.tell("*", Behaviour("slow", 600))
    release = threading.Timer(0.5, lambda: account.behaviours.tell("*", Behaviour()))
    release.start()
    try:
        assert bedrock.converse(modelId=HAIKU, **said("Hi"))["stopReason"] == "end_turn"
    finally:
        release.join()


def test_a_slow_models_tokens_come_one_by_one(account: Account, bedrock: Any) -> None:
    account.behaviours.tell("*", Behaviour("slow", 0.3))
    began = time.monotonic()
    stream = bedrock.converse_stream(modelId=HAIKU, inferenceConfig={"maxTokens": 3}, **said("Hi"))["stream"]
    came = [time.monotonic() - began for _ in stream]
    assert came[0] < came[-1] - 1.5, "the first is here long before the last is made"


def test_a_profile_needs_itself_and_its_model_in_every_region(account: Account, role: Any) -> None:
    profile = f"arn:aws:bedrock:us-west-1:{account.account_id}:inference-profile/{HAIKU}"
    models = [f"arn:aws:bedrock:{region}::foundation-model/{BASE}" for region in REGIONS]
    only = {"Condition": {"ArnEquals": {"bedrock:InferenceProfileArn": profile}}}
    whole = role(allow("bedrock:InvokeModel", profile), allow("bedrock:InvokeModel", models, **only))
    assert whole.client("bedrock-runtime").converse(modelId=HAIKU, **said("Hi"))["stopReason"] == "end_turn"
    with refused("AccessDeniedException", "bedrock:InvokeModelWithResponseStream", status=403):
        whole.client("bedrock-runtime").converse_stream(modelId=HAIKU, **said("Hi"))
    with refused("AccessDeniedException", "claude-sonnet", status=403):
        whole.client("bedrock-runtime").converse(
            modelId=HAIKU.replace("haiku-4-5-20251001", "sonnet-4-5-20250929"), **said("Hi")
        )
    partial = role(allow("bedrock:InvokeModel", [profile, *models[1:]]))
    with refused("AccessDeniedException", models[0]):
        partial.client("bedrock-runtime").converse(modelId=HAIKU, **said("Hi"))
    without = role(allow("bedrock:InvokeModel", models))
    with refused("AccessDeniedException", profile):
        without.client("bedrock-runtime").converse(modelId=HAIKU, **said("Hi"))


def test_a_wrong_signature_gets_no_answer(account: Account) -> None:
    with pytest.raises(ClientError) as caught:
        Caller(account, "AKIALOCALCLOUDADMIN0", "wrong").client("bedrock-runtime").converse(modelId=HAIKU, **said("Hi"))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize(
    ("model", "title"),
    [
        (HAIKU, "Claude Haiku 4.5"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "Claude Sonnet 4"),
        ("amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"),
    ],
)
def test_a_models_name(model: str, title: str) -> None:
    assert Target.of(model, "us-west-1", "1").title == title


def test_a_global_profile_also_needs_the_model_without_a_region() -> None:
    target = Target.of("global.anthropic.claude-haiku-4-5-20251001-v1:0", "us-west-1", "1")
    assert target.model_arns == (
        f"arn:aws:bedrock:us-west-1::foundation-model/{BASE}",
        f"arn:aws:bedrock:::foundation-model/{BASE}",
    )
    with pytest.raises(Refusal):
        Target.of("arn:aws:bedrock:us-west-1:2:inference-profile/" + HAIKU, "us-west-1", "1")


@given(st.text(max_size=300), st.integers(1, 40), st.lists(st.text(min_size=1, max_size=3), max_size=2))
def test_an_answer_keeps_to_its_limits(text: str, limit: int, stops: list[str]) -> None:
    made = answer("A", Prompt(text, len(text), limit, tuple(stops)))
    assert made == answer("A", Prompt(text, len(text), limit, tuple(stops)))
    assert len(made.pieces) <= limit and made.output_tokens >= 1
    assert not any(stop in made.text for stop in stops)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (TOOL, {"city": "example"}),
        ({"enum": ["a", "b"]}, "a"),
        ({"type": "array", "items": {"type": "integer", "minimum": 3}, "minItems": 2}, [3, 3]),
        ({"type": ["number", "null"]}, 0),
        ({"type": "boolean"}, False),
        ({}, {}),
    ],
)
def test_arguments_fit_their_schema(schema: dict[str, Any], value: Any) -> None:
    assert example(schema) == value
