"""Locks, and how the installer reaches the registry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops.paths import REPO
from ops.setup.packages import pip_settings, uv_environment

LOCKS = REPO / "requirements"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


@pytest.mark.parametrize("lock", sorted(LOCKS.glob("*.txt")), ids=lambda path: path.name)
def test_a_lock_pins_and_hashes_everything_and_names_no_registry(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert "index-url" not in text
    entries = re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).strip())
    assert len(entries) > 0
    for entry in entries:
        assert PINNED.match(entry), entry
        assert "--hash=sha256:" in entry, entry


def test_the_program_has_the_same_versions_on_aws_and_here() -> None:
    stack, dev = (dict(PINNED.findall((LOCKS / name).read_text())) for name in ("stack.txt", "dev.txt"))
    assert stack
    assert {name: dev.get(name) for name in stack} == stack


def test_the_installer_is_one_version() -> None:
    dev = dict(PINNED.findall((LOCKS / "dev.txt").read_text()))
    assert dict(PINNED.findall((LOCKS / "uv.txt").read_text())) == {"uv": dev["uv"]}


def test_what_is_asked_for_is_what_is_locked() -> None:
    for name in ("stack", "uv", "engine"):
        asked = dict(PINNED.findall((LOCKS / f"{name}.in").read_text()))
        locked = dict(PINNED.findall((LOCKS / f"{name}.txt").read_text()))
        assert {package: locked.get(package) for package in asked} == asked


def test_pips_settings_reach_uv() -> None:
    listing = "\n".join(
        [
            "global.index-url='https://old.example/simple'",
            "install.index-url='https://me:pass@mirror.example/simple'",
            ":env:.cert='/etc/ssl/company.pem'",
            ":env:.find-links='/wheels /more'",
            ":env:.extra-index-url='https://a/simple\\nhttps://b/simple'",
            "global.timeout='180'",
            "list.format='columns'",
        ]
    )
    env = uv_environment(pip_settings(listing), {"PATH": "/bin"}, Path("/clone/cache"))
    assert env["UV_DEFAULT_INDEX"] == "https://me:pass@mirror.example/simple"
    assert env["SSL_CERT_FILE"] == "/etc/ssl/company.pem"
    assert env["UV_FIND_LINKS"] == "/wheels,/more"
    assert env["UV_INDEX"] == "https://a/simple https://b/simple"
    assert env["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert env["UV_HTTP_TIMEOUT"] == "180"
    assert env["UV_CACHE_DIR"] == "/clone/cache/uv"
    assert env["PATH"] == "/bin"


def test_what_is_set_for_uv_itself_stays() -> None:
    mine = {"UV_DEFAULT_INDEX": "https://mine", "UV_CACHE_DIR": "/my/cache", "SSL_CERT_FILE": "/my.pem"}
    env = uv_environment({"index-url": "https://pips", "cert": "/pips.pem"}, mine, Path("/clone/cache"))
    assert {name: env[name] for name in mine} == mine
    assert "UV_INDEX_STRATEGY" not in env
