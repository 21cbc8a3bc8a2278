"""Loads the relay as Lambda does: the files of its folder, on their own, with the handler under the name that the
function's handler setting gives it."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = Path(__file__).parent.parent.parent / "components" / "relay"
HANDLER = FOLDER / "handler.py"
REGION = "us-west-1"
ACCOUNT = "123456789012"
ARN = f"arn:aws:iam::{ACCOUNT}:user/alice"
MASTER = "sk-" + "m4st3r" * 8


@dataclass
class Context:
    """What the relay uses of Lambda's context."""

    milliseconds: int = 30_000
    aws_request_id: str = "11111111-2222-3333-4444-555555555555"
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:gw-relay"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def load() -> ModuleType:
    """A fresh instance, as after a cold start."""
    for name in ("caller", "door"):
        sys.modules.pop(name, None)
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location("handler", HANDLER)
        assert spec
        assert spec.loader
        module = sys.modules["handler"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(FOLDER))


def call(relay: ModuleType, **request: Any) -> Any:
    return relay.handle(event(request), Context())


def event(request: Any, **more: Any) -> dict[str, Any]:
    """An event with a proof of the right form, which a stand-in for STS takes."""
    text = request if isinstance(request, str) else json.dumps(request)
    return {"request": text, "caller": formal_proof(), **more}


def formal_proof() -> dict[str, str]:
    date = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    signed = "content-type;host;x-amz-date;x-llm-gateway-relay;x-llm-gateway-request"
    scope = f"AKIAALICEALICEALICE0/{date[:8]}/{REGION}/sts/aws4_request"
    return {
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={'0' * 64}",
        "date": date,
    }


def identity(arn: str = ARN, account: str = ACCOUNT) -> bytes:
    """STS's answer to GetCallerIdentity."""
    return (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        f"<Arn>{arn}</Arn><UserId>AIDA</UserId><Account>{account}</Account></GetCallerIdentityResult>"
        "<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    ).encode()
