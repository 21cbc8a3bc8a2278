"""botocore's models, each service's read once."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session

_SESSION = botocore.session.get_session()


@cache
def _service(name: str) -> Any:
    return _SESSION.get_service_model(name)


def operation(service: str, name: str) -> Any:
    """The model of an operation."""
    return _service(service).operation_model(name)
