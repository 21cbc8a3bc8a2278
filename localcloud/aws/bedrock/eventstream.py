"""Messages of AWS's event stream, as Bedrock sends them: events, and the error that ends a stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from moto.core.eventstream import EventStreamEncoder

_ENCODER = EventStreamEncoder()


def event(kind: str, payload: Mapping[str, Any]) -> bytes:
    """One event of the stream, such as `contentBlockDelta`."""
    return _message({":event-type": kind, ":message-type": "event"}, payload)


def exception(kind: str, sentence: str) -> bytes:
    """The stream's end by an error, such as `throttlingException`."""
    return _message({":exception-type": kind, ":message-type": "exception"}, {"message": sentence})


def _message(headers: dict[str, str], payload: Mapping[str, Any]) -> bytes:
    return _ENCODER.encode_message({**headers, ":content-type": "application/json"}, json.dumps(payload).encode())
