"""The one list of paths that the public may call.

It feeds the edge's guard Function and the public door's listener rules, so the two can't drift apart. Every path is
literal: an encoded, dotted or doubled spelling equals none of them. LiteLLM serves most inference routes with and
without `/v1`; both are here where it does. Health, metrics, docs, the UI, `/openapi.json` and `/routes` are closed.
"""

from __future__ import annotations

ALLOWED_PATHS: dict[str, str] = {
    "/v1/chat/completions": "OpenAI chat, the route that almost every client uses",
    "/chat/completions": "OpenAI chat for clients whose base URL has no /v1",
    "/v1/completions": "OpenAI text completion, still used by older clients and editors",
    "/completions": "OpenAI text completion without /v1",
    "/v1/embeddings": "OpenAI embeddings",
    "/embeddings": "OpenAI embeddings without /v1",
    "/v1/responses": "OpenAI Responses, the default of newer OpenAI SDKs",
    "/responses": "OpenAI Responses without /v1",
    "/v1/messages": "Anthropic Messages, for Claude Code and Anthropic's SDKs",
    "/v1/messages/count_tokens": "Anthropic's token count, which Claude Code calls before a request",
    "/v1/models": "the models that the caller's key may use",
    "/models": "the same without /v1",
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
"""Path → why it is open."""

DENIED_PATTERNS: tuple[str, ...] = ("/user/*", "/key/*", "/model/*", "/spend/*")
"""The guide's admin paths: CloudFront behaviours of their own, so they answer 403 even if the list above is
loosened."""


def chunks(paths: list[str], size: int) -> list[list[str]]:
    """`paths` in order, in lists of at most `size`."""
    return [paths[start : start + size] for start in range(0, len(paths), size)]
