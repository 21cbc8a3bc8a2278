"""Client, plan and ensure against the real LiteLLM: what was asked for is there, and works as it says."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from litellm_admin.client import Client, Patience
from litellm_admin.ensure import ensure_user
from litellm_admin.ensure_keys import ensure_key
from litellm_admin.errors import Taken, Unauthorized
from litellm_admin.models import KeySpec, UserSpec, token_of
from litellm_admin.plan import NOTHING, KeyWish, plan_key, plan_user
from litellm_admin.transport import DirectTransport
from tests.litellm_admin import specs
from tests.litellm_server import HAIKU, SONNET, Proxy

STACK = "llm-gateway/test"
# as drawn: to shrink a failure would take minutes of real calls
few = settings(max_examples=12, phases=[Phase.explicit, Phase.generate])
pytestmark = pytest.mark.timeout(300)  # the first test starts LiteLLM


def email() -> str:
    return f"{Proxy.fresh('Dev')}@Example.com"


def value() -> str:
    return f"sk-{Proxy.fresh('v')}{Proxy.fresh('w')}{Proxy.fresh('x')}"


def ask(proxy: Proxy, key: str, model: str, path: str = "/v1/chat/completions", body: Any = None) -> tuple[int, str]:
    body = body or {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    request = urllib.request.Request(
        proxy.url + path,
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@few
@given(specs.users, specs.users)
def test_any_user_becomes_any_other(proxy: Proxy, one: UserSpec, two: UserSpec) -> None:
    mail = email()
    for spec in (replace(one, email=mail), replace(two, email=mail.lower())):
        user_id = ensure_user(proxy.client, spec, STACK)
        assert plan_user(spec, STACK, proxy.client.get_user(user_id)) is NOTHING
        [found] = proxy.client.find_users(mail)
        assert (found.user_id, found.email) == (user_id, spec.email)


@few
@given(specs.keys, specs.keys, specs.owners)
def test_any_key_becomes_any_other(proxy: Proxy, one: KeySpec, two: KeySpec, owner: str | None) -> None:
    secret, now = value(), datetime.now(UTC)
    for spec, of in ((one, None), (two, owner)):
        later = spec.expires and now + (spec.expires - specs.NOW)
        spec = replace(spec, alias=Proxy.fresh(spec.alias), expires=later)
        token = ensure_key(proxy.client, KeyWish(spec, of, None, STACK, secret))
        moment = datetime.now(UTC) + timedelta(seconds=2)  # what shall have expired long ago expires within a second
        seen = proxy.client.get_key(token)
        assert plan_key(KeyWish(spec, of, None, STACK, secret), seen, moment) is NOTHING
        assert proxy.client.find_key(spec.alias) == seen


def test_lists_are_complete(proxy: Proxy) -> None:
    stem = Proxy.fresh("many")
    names = [f"{stem}-{index:03}" for index in range(105)]

    def make(name: str) -> None:
        proxy.client.create_user({"user_id": name, "user_email": f"{name}@example.com", "auto_create_key": False})
        proxy.client.create_key({"key": f"sk-{name}-0123456789", "key_alias": name, "user_id": f"{stem}-000"})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, names))
    assert {user.user_id for user in proxy.client.list_users(stem)} == set(names)
    assert {user.user_id for user in proxy.client.list_users()} >= set(names)
    assert {key.alias for key in proxy.client.list_keys(f"{stem}-000")} == set(names)
    assert {key.alias for key in proxy.client.list_keys()} >= set(names)
    assert proxy.client.delete_user(f"{stem}-000") is True
    assert proxy.client.list_keys(f"{stem}-000") == []


def test_two_runs_at_once_leave_one_user_and_one_key(proxy: Proxy) -> None:
    user, key, secret = UserSpec(email(), budget=5.0), KeySpec(Proxy.fresh("key"), budget=5.0), value()
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: ensure_user(proxy.client, user, STACK), range(8)))
        tokens = set(
            pool.map(lambda _: ensure_key(proxy.client, KeyWish(key, user.user_id, None, STACK, secret)), range(8))
        )
    assert (ids, tokens) == ({user.user_id}, {token_of(secret)})
    assert len(proxy.client.find_users(user.email)) == 1
    assert len(proxy.client.list_keys(user.user_id)) == 1


def test_what_others_made_is_named_and_left_alone(proxy: Proxy) -> None:
    mail, alias = email(), Proxy.fresh("alias")
    other = Proxy.fresh("by-hand")
    proxy.client.create_user({"user_id": other, "user_email": mail.upper(), "auto_create_key": False})
    proxy.client.create_key({"key": value(), "key_alias": alias})
    with pytest.raises(Taken, match=other):
        ensure_user(proxy.client, UserSpec(mail), STACK)
    with pytest.raises(Taken, match=alias):
        ensure_key(proxy.client, KeyWish(KeySpec(alias), None, None, STACK, value()))
    assert proxy.client.get_user(UserSpec(mail).user_id) is None


def test_models_of_key_and_user_are_what_they_may_call(proxy: Proxy) -> None:
    user, secret = UserSpec(email(), models=(HAIKU,)), value()
    owner = ensure_user(proxy.client, user, STACK)
    key = KeySpec(Proxy.fresh("key"))
    ensure_key(proxy.client, KeyWish(key, owner, None, STACK, secret))
    assert ask(proxy, secret, HAIKU)[0] == 200
    assert ask(proxy, secret, SONNET)[0] == 403
    ensure_user(proxy.client, replace(user, models=()), STACK)
    assert ask(proxy, secret, SONNET)[0] == 200, "a user whose list was emptied may call every model"
    ensure_key(proxy.client, KeyWish(replace(key, models=(HAIKU,)), owner, None, STACK, secret))
    assert ask(proxy, secret, SONNET)[0] == 403
    ensure_key(proxy.client, KeyWish(key, owner, None, STACK, secret))
    assert ask(proxy, secret, SONNET)[0] == 200


def test_a_key_calls_models_and_administers_nothing(proxy: Proxy) -> None:
    admin, secret = UserSpec(email(), role="proxy_admin"), value()
    ensure_key(
        proxy.client, KeyWish(KeySpec(Proxy.fresh("key")), ensure_user(proxy.client, admin, STACK), None, STACK, secret)
    )
    assert ask(proxy, secret, HAIKU)[0] == 200
    assert ask(proxy, secret, "", "/key/generate", {"key_alias": Proxy.fresh("own")})[0] == 403
    assert ask(proxy, secret, "", "/user/new", {"user_email": email()})[0] == 403


def test_an_expired_key_and_a_budget_of_nothing_end_it(proxy: Proxy) -> None:
    secret, other = value(), value()
    over = datetime.now(UTC) - timedelta(days=1)
    ensure_key(proxy.client, KeyWish(KeySpec(Proxy.fresh("key"), expires=over), None, None, STACK, secret))
    ensure_key(proxy.client, KeyWish(KeySpec(Proxy.fresh("key"), budget=0.0), None, None, STACK, other))
    assert ask(proxy, other, HAIKU)[0] == 422
    until = time.monotonic() + 10  # it has a second to live
    while ask(proxy, secret, HAIKU)[0] != 401:
        assert time.monotonic() < until, "the key still works"
        time.sleep(0.1)


def test_a_wrong_master_key_is_explained_without_showing_it(proxy: Proxy) -> None:
    wrong = "sk-wrong-0123456789abcdef"
    with pytest.raises(Unauthorized, match="master-key secret") as caught:
        Client(DirectTransport(proxy.url, wrong), Patience(attempts=1)).list_users()
    assert wrong not in str(caught.value) + caught.value.reason
    assert wrong[-4:] not in caught.value.reason
