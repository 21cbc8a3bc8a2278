"""The code of the edge's two Functions. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from components.allow_list import PREFLIGHT, OpenPath

SOURCES = Path(__file__).with_name("edge")
RUNTIME = "cloudfront-js-2.0"
# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html#limits-functions
MAX_FUNCTION_BYTES = 10 * 1024


def deny_code() -> str:
    """The code of the Function that answers 403 to everything."""
    return (SOURCES / "deny.js").read_text()


def guard_code(allowed_paths: Sequence[OpenPath]) -> str:
    """The code of the Function that lets only `allowed_paths` pass.

    Raises:
        ValueError: the code would be larger than CloudFront takes.
    """
    code = (SOURCES / "guard.js").read_text()
    allowed = [f"{method} {one.path}" for one in allowed_paths for method in one.methods if method != PREFLIGHT]
    code = code.replace("/* ALLOWED */", json.dumps(sorted(allowed), indent=0))
    if len(code.encode()) > MAX_FUNCTION_BYTES:
        raise ValueError(
            f"the guard would have {len(code.encode())} bytes and CloudFront takes {MAX_FUNCTION_BYTES}: "
            "shorten the allow-list"
        )
    return code
