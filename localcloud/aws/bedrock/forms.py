"""The forms in which models are asked and answer: Converse, Anthropic's Messages, Titan's embeddings. Pure.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, …_ConverseStream.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from localcloud.aws.bedrock.answer import Answer, Prompt, Tool, tokens
from localcloud.aws.bedrock.eventstream import event
from localcloud.aws.refusal import Refusal

_VERSION = "bedrock-2023-05-31"
_TITAN_DIMENSIONS = (256, 512, 1024)


def _bad(sentence: str) -> Refusal:
    return Refusal("ValidationException", sentence)


def _turns(messages: Any) -> list[Mapping[str, Any]]:
    """Both APIs: a conversation begins with the user and takes turns."""
    if not isinstance(messages, list) or not messages:
        raise _bad("messages: at least one message is required.")
    roles = [message.get("role") for message in messages]
    if roles[0] != "user":
        raise _bad("A conversation must start with a user message. Try again with a conversation that starts with one.")
    if any(role not in ("user", "assistant") for role in roles):
        raise _bad("messages: a role is user or assistant.")
    return messages


def _chosen(tools: list[Tool], choice: Any, answered: bool) -> Tool | None:
    """The tool to call: the one that is demanded, or the first that is offered, unless its result is there already."""
    if not tools or answered:
        return None
    name = choice.get("name") if isinstance(choice, dict) else None
    return next((tool for tool in tools if tool.name == name), tools[0])


# -- Converse


def converse_prompt(params: Mapping[str, Any]) -> Prompt:
    """Raises Refusal."""
    messages = _turns(params.get("messages"))
    blocks = messages[-1].get("content") or []
    if not blocks:
        raise _bad("The content field in the Message object is empty. Add a ContentBlock object and try again.")
    config = params.get("inferenceConfig") or {}
    offered = (params.get("toolConfig") or {}).get("tools") or []
    tools = [
        Tool(one["toolSpec"]["name"], one["toolSpec"]["inputSchema"].get("json") or {})
        for one in offered
        if "toolSpec" in one
    ]
    choice = (params.get("toolConfig") or {}).get("toolChoice") or {}
    answered = any("toolResult" in block for block in blocks)
    everything = json.dumps([messages, params.get("system") or [], offered], default=str)
    return Prompt(
        said=" ".join(block["text"] for block in blocks if block.get("text")),
        size=len(everything),
        limit=config.get("maxTokens") or Prompt.limit,
        stops=tuple(config.get("stopSequences") or ()),
        tool=_chosen(tools, choice.get("tool"), answered),
    )


def converse(answer: Answer, milliseconds: int) -> dict[str, Any]:
    content = [{"text": answer.text}] if answer.tool is None else [{"toolUse": _tool_use(answer)}]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": answer.reason,
        "usage": _usage(answer),
        "metrics": {"latencyMs": milliseconds},
    }


def converse_events(answer: Answer) -> Iterator[bytes]:
    """One event for each token in between."""
    yield event("messageStart", {"role": "assistant"})
    if answer.tool is None:
        for piece in answer.pieces:
            yield event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}})
    else:
        start = {"toolUse": {"toolUseId": _tool_id(answer), "name": answer.tool}}
        yield event("contentBlockStart", {"contentBlockIndex": 0, "start": start})
        yield event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"toolUse": {"input": answer.arguments}}})
    yield event("contentBlockStop", {"contentBlockIndex": 0})
    yield event("messageStop", {"stopReason": answer.reason})
    yield event("metadata", {"usage": _usage(answer), "metrics": {"latencyMs": 0}})


def _usage(answer: Answer) -> dict[str, int]:
    return {
        "inputTokens": answer.input_tokens,
        "outputTokens": answer.output_tokens,
        "totalTokens": answer.input_tokens + answer.output_tokens,
    }


def _tool_id(answer: Answer) -> str:
    return f"tooluse_{hashlib.sha256(f'{answer.tool}{answer.arguments}'.encode()).hexdigest()[:22]}"


def _tool_use(answer: Answer) -> dict[str, Any]:
    return {"toolUseId": _tool_id(answer), "name": answer.tool, "input": json.loads(answer.arguments)}


# -- Anthropic's Messages, by InvokeModel


def messages_prompt(body: Mapping[str, Any]) -> Prompt:
    """Raises Refusal."""
    if body.get("anthropic_version") != _VERSION:
        raise _bad(f"anthropic_version: it must be {_VERSION}.")
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        raise _bad("max_tokens: it must be a whole number of at least 1.")
    messages = _turns(body.get("messages"))
    content = messages[-1].get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or []
    tools = [Tool(one["name"], one.get("input_schema") or {}) for one in body.get("tools") or [] if "name" in one]
    answered = any(block.get("type") == "tool_result" for block in blocks)
    return Prompt(
        said=" ".join(block["text"] for block in blocks if block.get("type") == "text"),
        size=len(json.dumps([messages, body.get("system"), body.get("tools")])),
        limit=body["max_tokens"],
        stops=tuple(body.get("stop_sequences") or ()),
        tool=_chosen(tools, body.get("tool_choice"), answered),
    )


def messages(model: str, answer: Answer) -> dict[str, Any]:
    content: list[dict[str, Any]] = [{"type": "text", "text": answer.text}]
    if answer.tool is not None:
        content = [_messages_tool(answer, json.loads(answer.arguments))]
    usage = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
    return {**_message(model, answer), "content": content, "stop_reason": answer.reason, "usage": usage}


def messages_events(model: str, answer: Answer) -> Iterator[bytes]:
    """Anthropic's own events, each in a `chunk`."""
    usage = {"input_tokens": answer.input_tokens, "output_tokens": 1}
    yield _chunk("message_start", message={**_message(model, answer), "content": [], "usage": usage})
    if answer.tool is None:
        yield _chunk("content_block_start", index=0, content_block={"type": "text", "text": ""})
        for piece in answer.pieces:
            yield _chunk("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    else:
        yield _chunk("content_block_start", index=0, content_block=_messages_tool(answer, {}))
        delta = {"type": "input_json_delta", "partial_json": answer.arguments}
        yield _chunk("content_block_delta", index=0, delta=delta)
    yield _chunk("content_block_stop", index=0)
    stop = {"stop_reason": answer.reason, "stop_sequence": None}
    yield _chunk("message_delta", delta=stop, usage={"output_tokens": answer.output_tokens})
    metrics = {"inputTokenCount": answer.input_tokens, "outputTokenCount": answer.output_tokens}
    yield _chunk("message_stop", **{"amazon-bedrock-invocationMetrics": metrics})


def _message(model: str, answer: Answer) -> dict[str, Any]:
    id = f"msg_bdrk_{hashlib.sha256(answer.text.encode()).hexdigest()[:24]}"
    kind = {"id": id, "type": "message", "role": "assistant", "model": model.removeprefix("anthropic.")}
    return {**kind, "stop_reason": None, "stop_sequence": None}


def _messages_tool(answer: Answer, arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": _tool_id(answer), "name": answer.tool, "input": arguments}


def _chunk(kind: str, **content: Any) -> bytes:
    inner = base64.b64encode(json.dumps({"type": kind, **content}).encode()).decode()
    return event("chunk", {"bytes": inner})


# -- Titan's embeddings


def embedding(body: Mapping[str, Any]) -> dict[str, Any]:
    """A unit vector that depends on the text alone. Raises Refusal.

    https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html"""
    text, dimensions = body.get("inputText"), body.get("dimensions", _TITAN_DIMENSIONS[-1])
    if not isinstance(text, str) or not text:
        raise _bad("Malformed input request: inputText is required.")
    if dimensions not in _TITAN_DIMENSIONS:
        raise _bad(f"Malformed input request: dimensions is one of {', '.join(map(str, _TITAN_DIMENSIONS))}.")
    raw = hashlib.shake_256(text.encode()).digest(2 * dimensions)
    values = [int.from_bytes(raw[2 * i : 2 * i + 2], "big") - 32768 for i in range(dimensions)]
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return {"embedding": [value / length for value in values], "inputTextTokenCount": tokens(len(text))}
