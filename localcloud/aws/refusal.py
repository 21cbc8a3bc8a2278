"""The error that the simulated API answers with."""

from __future__ import annotations


class Refusal(Exception):
    """An AWS error: ``code`` as the service's model names it and one sentence.

    The serialisers of ``moto.core`` read ``code`` and ``message``; the HTTP status comes from the service's model.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
