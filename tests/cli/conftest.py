from __future__ import annotations

import pytest

from litellm_admin.way import Door, Way
from tests.litellm_admin.fake import FakeLiteLLM


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No stack, key or colour of whoever runs the tests."""
    for name in ("LITELLM_URL", "LITELLM_MASTER_KEY", "LITELLM_STACK", "NO_COLOR", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def litellm(monkeypatch: pytest.MonkeyPatch) -> FakeLiteLLM:
    """A LiteLLM in memory, to which every way leads."""
    fake = FakeLiteLLM()
    monkeypatch.setattr("litellm_admin.cli.context.find", lambda _: Way([Door("url", "fake", lambda: fake)]))
    monkeypatch.setattr("litellm_admin.client.Patience.pause", lambda *_: None)
    return fake
