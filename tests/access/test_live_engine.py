"""The whole way for real: engine, dynamic provider, the relay's own code, LiteLLM, Postgres. Only Lambda, STS and
Secrets Manager are stood in for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from components.access_file import AccessSpec, load_access
from litellm_admin.models import token_of, user_id_of
from tests.access.engine import ROOT, Relay, Stack
from tests.litellm_admin.test_transport import Door
from tests.litellm_server import HAIKU, SONNET, Proxy
from tests.relay.loading import Context, identity, load

pytestmark = pytest.mark.timeout(600)  # it may be the one that starts LiteLLM


@pytest.fixture
def relay(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-1")
    monkeypatch.setenv("ADMIN_DOOR_URL", proxy.url)
    monkeypatch.setenv("HOLDS_KEY", "true")
    monkeypatch.setenv("READS_ONLY", "false")
    sts = Door()
    sts.answer = (200, {}, identity())
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
    with mock_aws():
        secret = boto3.client("secretsmanager").create_secret(Name="gw/master-key", SecretString=proxy.master_key)
        monkeypatch.setenv("MASTER_KEY_SECRET_ARN", secret["ARN"])
        handler = load()
        relay = Relay(lambda event: handler.handle(event, Context()))
        yield relay
        relay.stop()
    sts.stop()


def test_the_shipped_access_file_becomes_so(proxy: Proxy, relay: Relay, tmp_path: Path) -> None:
    spec, problems = load_access(ROOT / "access" / "poc.yaml", (HAIKU, SONNET), "rds")
    assert not problems
    stack = Stack(tmp_path, relay)
    made = stack.up(spec)
    users = {
        user.email: user for user in (proxy.client.get_user(id_) for id_ in made.outputs["users"].values()) if user
    }
    assert {mail: (user.budget, user.duration, user.models) for mail, user in users.items()} == {
        "lead@example.com": (200.0, "1mo", ()),
        "dev@example.com": (50.0, "1mo", (HAIKU, SONNET)),
        "intern@example.com": (10.0, "1mo", (HAIKU,)),
    }
    keys = {alias: proxy.client.get_key(token_of(value)) for alias, value in made.outputs["keys"].items()}
    assert {alias: key and (key.alias, key.budget, key.duration, key.models) for alias, key in keys.items()} == {
        "dev-environment": ("dev-environment", 20.0, "1mo", (HAIKU,)),
        "staging-environment": ("staging-environment", 100.0, "1mo", ()),
        "production": ("production", 500.0, "1mo", ()),
    }

    # by hand, in LiteLLM
    intern = user_id_of("intern@example.com")
    proxy.client.update_user({"user_id": intern, "max_budget": 1000.0, "models": ["all-proxy-models"]})
    proxy.client.delete_key(token_of(made.outputs["keys"]["production"]))
    assert stack.refresh().changes == {"same": 9, "update": 1, "delete": 1}
    seen = stack.preview()
    assert "access-user-intern@example.com update [diff: ~budget,models]" in seen.said
    mended = stack.up()
    assert mended.outputs == made.outputs
    assert proxy.client.get_user(intern) == users["intern@example.com"]
    assert stack.refresh().changes == {"same": 11}

    # one entry changes, another goes
    lead, dev, _ = spec.users
    stack.up(AccessSpec((lead, replace(dev, models=())), spec.keys))
    open_to_all = proxy.client.get_user(dev.user_id)
    assert open_to_all is not None
    assert open_to_all.models == ("all-proxy-models",)
    assert proxy.client.get_user(intern) is None
    assert not [value for value in made.outputs["keys"].values() if value in proxy.log.read_text() + stack.state]

    # nobody is left over
    stack.up(AccessSpec())
    ours = set(made.outputs["users"].values())
    assert not [user for user in proxy.client.list_users("@example.com") if user.user_id in ours]
    assert not {key.token for key in proxy.client.list_keys()} & {
        token_of(value) for value in made.outputs["keys"].values()
    }
