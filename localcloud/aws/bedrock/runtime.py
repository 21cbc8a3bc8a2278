"""Bedrock's runtime: models are invoked here as on AWS, and a stand-in answers. Signature and IAM are the gateway's."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.bedrock import forms
from localcloud.aws.bedrock.answer import Answer, answer, tokens
from localcloud.aws.bedrock.behaviour import Behaviour
from localcloud.aws.bedrock.eventstream import exception
from localcloud.aws.bedrock.models import Target
from localcloud.aws.model_check import findings
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call, Response

SERVICE = "bedrock-runtime"
_STREAM = "application/vnd.amazon.eventstream"


def register(rules: Rules, account: Account) -> None:
    rules.owned.add(SERVICE)

    def answers(operation: str, how: Any) -> None:
        # unlocked: a slow model must not hold up the whole account
        rules.answer(SERVICE, operation, unlocked=True)(lambda call: how(_Invocation(account, call)))

    answers("Converse", _converse)
    answers("ConverseStream", _converse_stream)
    answers("InvokeModel", _invoke)
    answers("InvokeModelWithResponseStream", _invoke_stream)
    answers("CountTokens", _count)


class _Invocation:
    """One call of one model. Raises Refusal where Bedrock would refuse it, or where the model was told to fail."""

    def __init__(self, account: Account, call: Call) -> None:
        self.params = call.params
        self.target = Target.of(call.params["modelId"], account.region, account.account_id)
        self.began = time.monotonic()
        for _kind, _path, sentence in findings(call.model.input_shape, call.params):
            raise Refusal("ValidationException", sentence)
        self._behaviours, self._names = account.behaviours, (call.params["modelId"], self.target.model)
        self.behaviour = self._behaviours.of(*self._names)
        _fail(self.behaviour, streams="Stream" in call.operation)

    def body(self) -> Mapping[str, Any]:
        """The JSON of an InvokeModel."""
        try:
            found = json.loads(self.params.get("body") or b"")
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Refusal("ValidationException", "Malformed input request, please reformat your input and try again.")
        return found

    def think(self, pieces: int) -> None:
        """The time that a slow model takes for so many tokens."""
        self._behaviours.pause(pieces, *self._names)

    @property
    def milliseconds(self) -> int:
        return round((time.monotonic() - self.began) * 1000)


def _converse(asked: _Invocation) -> Response:
    made = answer(asked.target.title, forms.converse_prompt(asked.params))
    asked.think(made.output_tokens)
    return _json(forms.converse(made, asked.milliseconds))


def _converse_stream(asked: _Invocation) -> Response:
    made = answer(asked.target.title, forms.converse_prompt(asked.params))
    return _stream(asked, made, forms.converse_events(made))


def _invoke(asked: _Invocation) -> Response:
    body = asked.body()
    if asked.target.model.startswith("amazon.titan-embed-text"):
        return _json(forms.embedding(body))
    made = answer(asked.target.title, forms.messages_prompt(_for_anthropic(asked, body)))
    asked.think(made.output_tokens)
    counts = {"InputToken": made.input_tokens, "OutputToken": made.output_tokens}
    headers = [(f"X-Amzn-Bedrock-{name}-Count", str(count)) for name, count in counts.items()]
    return _json(forms.messages(asked.target.model, made), headers)


def _invoke_stream(asked: _Invocation) -> Response:
    made = answer(asked.target.title, forms.messages_prompt(_for_anthropic(asked, asked.body())))
    inner = [("X-Amzn-Bedrock-Content-Type", "application/json")]
    return _stream(asked, made, forms.messages_events(asked.target.model, made), inner)


def _count(asked: _Invocation) -> Response:
    given = asked.params["input"]
    if "converse" in given:
        size = forms.converse_prompt(given["converse"]).size
    else:
        size = forms.messages_prompt(json.loads(given["invokeModel"]["body"])).size
    return _json({"inputTokens": tokens(size)})


def _for_anthropic(asked: _Invocation, body: Mapping[str, Any]) -> Mapping[str, Any]:
    if not asked.target.model.startswith("anthropic."):
        raise Refusal(
            "ValidationException",
            f"The local cloud doesn't know the form in which InvokeModel asks {asked.target.model}: use Converse.",
        )
    return body


def _stream(
    asked: _Invocation, made: Answer, events: Iterator[bytes], headers: list[tuple[str, str]] | None = None
) -> Response:
    def chunks() -> Iterator[bytes]:
        for number, one in enumerate(events):
            if asked.behaviour.kind == "breaking" and number > len(made.pieces) // 2:
                yield exception("modelStreamErrorException", "The local cloud's model was told to break off.")
                return
            asked.think(1)
            yield one

    identity = [("x-amzn-RequestId", str(uuid.uuid4())), ("Content-Type", _STREAM)]
    return Response(200, [*identity, *(headers or [])], b"", chunks())


def _json(content: Mapping[str, Any], headers: list[tuple[str, str]] | None = None) -> Response:
    body = json.dumps(content).encode()
    own = [("x-amzn-RequestId", str(uuid.uuid4())), ("Content-Type", "application/json")]
    return Response(200, [*own, ("Content-Length", str(len(body))), *(headers or [])], body)


def _fail(behaviour: Behaviour, streams: bool) -> None:
    if behaviour.kind == "throttled":
        raise Refusal("ThrottlingException", "Too many requests, please wait before trying again.")
    if behaviour.kind == "failing" or (behaviour.kind == "breaking" and not streams):
        raise Refusal("InternalServerException", "The local cloud's model was told to fail.")
