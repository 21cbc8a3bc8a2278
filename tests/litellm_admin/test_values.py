from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from litellm_admin.values import ROOT_BYTES, Generation, Rotation, derive, turned
from tests.litellm_admin.specs import NOW

ROOT = bytes(range(ROOT_BYTES))
roots = st.binary(min_size=ROOT_BYTES, max_size=ROOT_BYTES)
names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8)


@given(roots, names, names)
def test_a_value_is_what_rfc_5869_says(root: bytes, alias: str, generation: str) -> None:
    info = f"llm-gateway key\n{alias}\n{generation}".encode()
    block = HKDFExpand(SHA256(), 32, info).derive(root)
    value = derive(root, alias, generation)
    # five bits a letter, and the last letter has the 256th bit and four that are nought
    assert int.from_bytes(block, "big") << 4 == _number(value[3:])
    assert value.startswith("sk-") and len(value) == 55
    assert set(value[3:]) <= set("abcdefghijklmnopqrstuvwxyz234567"), "no quoting anywhere"


def _number(text: str) -> int:
    number = 0
    for letter in text:
        number = number * 32 + "abcdefghijklmnopqrstuvwxyz234567".index(letter)
    return number


def test_this_value_never_changes() -> None:
    # another one here is another value of every key of every stack
    assert derive(ROOT, "ci", "g1") == "sk-7jqhmdf6gpkihtksdpgraigumaerlvrussmf7nfmyse2nmuik33q"


def test_each_part_matters() -> None:
    assert len({derive(ROOT, *of) for of in [("ci", "g1"), ("ci", "g2"), ("cd", "g1"), ("cig", "1")]}) == 4
    assert derive(ROOT, "ci", "g1") != derive(ROOT[::-1], "ci", "g1")
    with pytest.raises(ValueError, match="32 bytes"):
        derive(b"", "ci", "g1")


rotations = st.builds(Rotation, st.none() | st.sampled_from(["1", "2", "3"]), st.sampled_from([0, 3600, 7 * 86_400]))


@given(st.lists(st.dictionaries(names, rotations, max_size=4), max_size=6), st.integers(0, 200))
def test_a_generation_changes_with_its_own_rotate_and_with_nothing_else(
    history: list[dict[str, Rotation]], hours: int
) -> None:
    ring: dict[str, Generation] = {}
    now = NOW
    for wanted in history:
        before, now = ring, now + timedelta(hours=hours)
        ring = turned(before, wanted, now)
        assert ring.keys() == wanted.keys()
        assert turned(ring, wanted, now + timedelta(days=999)) == ring, "nothing changes by itself"
        assert {alias: Generation.from_json(one.as_json()) for alias, one in ring.items()} == ring
        for alias, one in ring.items():
            was = before.get(alias)
            if was and wanted[alias].rotate in (None, was.rotate):
                assert one is was
            elif was:
                assert one.generation != was.generation
                assert [name for name, _ in one.formers][-1:] == ([was.generation] if wanted[alias].overlap else [])
            else:
                assert one.formers == ()
    used = [one.generation for one in ring.values()]
    assert len(set(used)) == len(used)


def test_an_alias_that_comes_back_has_another_generation() -> None:
    first = turned({}, {"ci": Rotation()}, NOW)
    gone = turned(first, {}, NOW)
    assert turned(gone, {"ci": Rotation()}, NOW)["ci"].generation != first["ci"].generation


def test_former_generations_end_after_the_overlap_and_at_once_without_one() -> None:
    week = 7 * 86_400
    one = turned({}, {"ci": Rotation("1", week)}, NOW)
    two = turned(one, {"ci": Rotation("2", week)}, NOW + timedelta(days=1))["ci"]
    three = turned({"ci": two}, {"ci": Rotation("3", week)}, NOW + timedelta(days=3))["ci"]
    assert three.until(week) == (
        (one["ci"].generation, NOW + timedelta(days=8)),
        (two.generation, NOW + timedelta(days=10)),
    )
    assert three.until(3600)[0][1] == NOW + timedelta(days=1, hours=1), "a shorter overlap ends it sooner"
    assert three.until(0) == ()
    four = turned({"ci": three}, {"ci": Rotation("4", week)}, NOW + timedelta(days=9))["ci"]
    assert [name for name, _ in four.formers] == [two.generation, three.generation], "what has ended is forgotten"
    assert turned({"ci": three}, {"ci": Rotation("4")}, NOW)["ci"].formers == ()
