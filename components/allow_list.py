"""The one list of paths that the public may call.

It feeds the edge's guard Function and the public door's listener rules, so the two can't drift apart. Every path is
literal: an encoded, dotted or doubled spelling equals none of them. LiteLLM serves most inference routes with and
without `/v1`; both are here where it does. Health, metrics, docs, the UI, `/openapi.json` and `/routes` are closed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from components import litellm_routes
from components.litellm_routes import INFERENCE, MANAGEMENT, MOUNT, UPSTREAM, WEBSOCKET

ALLOWED_PATHS: dict[str, str] = {
    "/v1/chat/completions": "OpenAI chat, the route that almost every client uses",
    "/chat/completions": "OpenAI chat for clients whose base URL has no /v1",
    "/v1/messages": "Anthropic Messages, for Claude Code and Anthropic's SDKs",
    "/v1/messages/count_tokens": "Anthropic's token count, which Claude Code calls before a request",
    "/v1/responses": "OpenAI Responses, the default of newer OpenAI SDKs; LiteLLM serves it as a WebSocket, too",
    "/responses": "OpenAI Responses without /v1",
    "/v1/responses/input_tokens": "the token count of OpenAI Responses",
    "/responses/input_tokens": "the same without /v1",
    "/v1/responses/compact": "OpenAI's compaction of a long conversation, which Codex calls",
    "/responses/compact": "the same without /v1",
    "/v1/models": "the models that the caller's key may use",
    "/models": "the same without /v1",
    "/v1/embeddings": "OpenAI embeddings",
    "/embeddings": "OpenAI embeddings without /v1",
    "/v1/completions": "OpenAI text completion, still used by older clients and editors",
    "/completions": "OpenAI text completion without /v1",
    "/v1/moderations": "OpenAI moderations",
    "/moderations": "OpenAI moderations without /v1",
    "/v1/images/generations": "OpenAI image generation",
    "/images/generations": "OpenAI image generation without /v1",
    "/v1/images/edits": "OpenAI image editing",
    "/images/edits": "OpenAI image editing without /v1",
    "/v1/audio/speech": "OpenAI text to speech",
    "/audio/speech": "OpenAI text to speech without /v1",
    "/v1/audio/transcriptions": "OpenAI speech to text",
    "/audio/transcriptions": "OpenAI speech to text without /v1",
    "/v1/rerank": "Cohere and Jina rerank",
    "/v2/rerank": "Cohere rerank, version 2",
    "/rerank": "rerank without a version",
}
"""Path → why it is open. The most called come first: the load balancer evaluates its rules in this order."""

DENIED_PATTERNS: tuple[str, ...] = ("/user/*", "/key/*", "/model/*", "/spend/*")
"""The guide's admin paths: CloudFront behaviours of their own, so they answer 403 even if the list above is
loosened."""

DEFAULT = "default"
"""In `allowedPaths`, stands for the list above."""

# A load balancer takes a hundred rules, a rule five values and a condition three.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html, "Condition basics"
MOST_RULES = 100
VALUES_PER_CONDITION = 3
PREFLIGHT = "OPTIONS"  # what a browser asks before it calls another site
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
# What a path pattern of the load balancer may consist of, without what means something in it (* ?), in the guard's text
# (quotes), in a replacement ($) or in a URL: "Path conditions" of
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
# No segment begins with a dot, so there is none that a parser could resolve.
_LITERAL = re.compile(r"(?:/[A-Za-z0-9_~:@+-][A-Za-z0-9_.~:@+-]*)+")
_LONGEST = 128


@dataclass(frozen=True)
class OpenPath:
    """A literal path with the HTTP methods that lead where it was opened for; any other method stays closed, as it may
    lead elsewhere (`GET /v1/responses/compact` is LiteLLM's route for a stored response)."""

    path: str
    methods: tuple[str, ...]


def checked(path: str) -> str:
    """`path`, if the public may be let in there.

    Raises:
        ValueError: it is no literal path, LiteLLM doesn't serve it, or it leads to management; the text says which.
    """
    if path == DEFAULT:
        return path
    _check_literal(path)
    opened = litellm_routes.opened_by(path)
    closed = [route for route in opened.values() if route.kind == MANAGEMENT]
    if closed:
        raise ValueError(
            f"would open {closed[0]}, which administers the gateway and stays closed to the public; use the admin door"
        )
    if not opened:
        raise ValueError(f"LiteLLM {litellm_routes.version()} serves no such path{_suggestion(path)}")
    return path


def expanded(paths: Sequence[str] = (DEFAULT,)) -> tuple[OpenPath, ...]:
    """`allowedPaths` as literal paths, each once."""
    parts = (tuple(ALLOWED_PATHS) if path == DEFAULT else (path,) for path in paths)
    return tuple(OpenPath(path, _methods(path)) for path in dict.fromkeys(path for part in parts for path in part))


def rules(open_paths: Sequence[OpenPath]) -> list[OpenPath]:
    """What fits into one listener rule each."""
    return [
        OpenPath(one.path, one.methods[start : start + VALUES_PER_CONDITION])
        for one in open_paths
        for start in range(0, len(one.methods), VALUES_PER_CONDITION)
    ]


def _methods(path: str) -> tuple[str, ...]:
    """Those of its inference routes; where it has none, those of the others."""
    opened = litellm_routes.opened_by(path)
    kinds = {route.kind for route in opened.values()}
    wanted = {method for method, route in opened.items() if route.kind == INFERENCE or INFERENCE not in kinds}
    if WEBSOCKET in wanted:
        wanted.add("GET")
    if MOUNT in wanted:
        wanted.update(_METHODS)
    return (*(method for method in _METHODS if method in wanted), PREFLIGHT)


def _check_literal(path: str) -> None:
    if "*" in path or "?" in path:
        raise ValueError("has a wildcard, and the public door takes literal paths only; list every path")
    if "{" in path:
        raise ValueError("has a parameter, and the public door takes literal paths only; write its value out")
    if len(path) > _LONGEST:
        raise ValueError(f"has {len(path)} characters, and a rule of the load balancer takes {_LONGEST}")
    if not _LITERAL.fullmatch(path):
        raise ValueError(
            "isn't a path in its plain spelling; begin it with a slash, without a slash at its end, encoded characters "
            "or dots at the beginning of a part, such as /v1/batches"
        )


def _suggestion(path: str) -> str:
    known = [r.path for r in litellm_routes.routes() if r.kind in (INFERENCE, UPSTREAM) and "{" not in r.path]
    near = difflib.get_close_matches(path, known, n=1)
    return f"; did you mean {near[0]}" if near else ""
