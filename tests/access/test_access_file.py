"""What an access file says arrives; any other document is refused, whatever it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from components.access_file import AccessSpec, load_access
from litellm_admin.models import KeySpec, TeamSpec, UserSpec
from tests.access.files import HAIKU, MODELS, SONNET, USER, load, only

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("stack", ["poc", "local"])
def test_the_shipped_files_are_the_guides_scenario(stack: str) -> None:
    spec, problems = load_access(ROOT / "access" / f"{stack}.yaml", MODELS, "rds")
    assert not problems
    assert spec.users == (
        UserSpec("lead@example.com", budget=200.0, duration="1mo"),
        UserSpec("dev@example.com", budget=50.0, duration="1mo", models=MODELS),
        UserSpec("intern@example.com", budget=10.0, duration="1mo", models=(HAIKU,)),
    )
    assert spec.keys == (
        KeySpec("dev-environment", budget=20.0, duration="1mo", models=(HAIKU,)),
        KeySpec("staging-environment", budget=100.0, duration="1mo"),
        KeySpec("production", budget=500.0, duration="1mo"),
    )


def test_every_field_arrives(tmp_path: Path) -> None:
    text = f"""
    users:
      - {{email: Dev@Example.com, alias: Dev, role: proxy_admin_viewer, models: [{HAIKU}], budget: 0, duration: 30d,
          tpm_limit: 1000, rpm_limit: 0, metadata: {{team: core, sizes: [1, 2.5], deep: {{a: null}}}}}}
    keys:
      - {{alias: ci/eu-1, owner: dev@example.com, models: [{SONNET}], budget: 1.5, duration: weekly,
          expires: 2027-03-31, tpm_limit: 5, rpm_limit: 6, metadata: {{a: true}}}}
    """
    spec, problems = load(tmp_path, text)
    assert not problems
    assert spec.users[0] == UserSpec(
        "Dev@Example.com",
        "Dev",
        "proxy_admin_viewer",
        (HAIKU,),
        0.0,
        "30d",
        1000,
        0,
        {"team": "core", "sizes": [1, 2.5], "deep": {"a": None}},
    )
    midnight = datetime(2027, 4, 1, tzinfo=UTC)
    assert spec.keys[0] == KeySpec("ci/eu-1", "dev@example.com", (SONNET,), 1.5, "7d", midnight, 5, 6, {"a": True})


def test_teams_are_made_of_those_that_they_name_and_those_that_name_them(tmp_path: Path) -> None:
    text = f"""
    teams:
      - {{alias: core, members: [Lead@example.com], budget: 300, duration: monthly, models: [{HAIKU}], adopt: true}}
      - {{alias: empty}}
    users:
      - {{email: lead@example.com, team: core}}
      - {{email: Dev@example.com, team: core, adopt: true}}
    keys:
      - {{alias: ci, team: core, owner: dev@example.com, models: [{HAIKU}], key_type: read_only, rotate: 2026-11-25,
          overlap: 7d, publish: true}}
      - {{alias: prod, rotate: 3, adopt: true}}
    """
    spec, problems = load(tmp_path, text)
    assert not problems
    core = TeamSpec("core", ("lead@example.com", "dev@example.com"), (HAIKU,), 300.0, "1mo", adopt=True)
    assert spec.teams == (core, TeamSpec("empty"))
    assert spec.users[1] == UserSpec("Dev@example.com", adopt=True)
    ci = KeySpec(
        "ci", "dev@example.com", (HAIKU,), team="core", key_type="read_only", rotate="2026-11-25", overlap=7 * 86_400
    )
    assert spec.keys == (ci, KeySpec("prod", rotate="3", adopt=True))
    assert spec.published == {"ci"}
    assert spec.size == 6


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-03-31", datetime(2027, 4, 1, tzinfo=UTC)),
        ("'2027-03-31'", datetime(2027, 4, 1, tzinfo=UTC)),
        ("2027-03-31T18:00:00Z", datetime(2027, 3, 31, 18, tzinfo=UTC)),
        ("'2027-03-31T18:00:00+02:00'", datetime(2027, 3, 31, 16, tzinfo=UTC)),
        ("2027-03-31 18:00:00", datetime(2027, 3, 31, 18, tzinfo=UTC)),
    ],
)
def test_a_day_counts_to_its_end_and_a_time_is_utc_unless_it_says_else(
    tmp_path: Path, text: str, moment: datetime
) -> None:
    spec, problems = load(tmp_path, f"keys: [{{alias: ci, expires: {text}}}]")
    assert not problems
    assert spec.keys[0].expires == moment
    assert spec.keys[0].expires.utcoffset() == timedelta()


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n", "---\n"])
def test_an_empty_file_is_no_way_to_delete_everybody(tmp_path: Path, text: str) -> None:
    assert only(tmp_path, text) == "access/poc.yaml: is empty; write `users: []` if nobody shall have access yet."
    assert load(tmp_path, "users: []") == (AccessSpec(), [])


def test_neither_is_a_missing_one(tmp_path: Path) -> None:
    _, problems = load_access(tmp_path / "access" / "prod.yaml", MODELS, "rds")
    assert [str(problem) for problem in problems] == [
        "access/prod.yaml: is missing; create it (`users: []` if nobody shall have access yet)."
    ]
    assert load_access(tmp_path / "access" / "prod.yaml", MODELS, "none") == (AccessSpec(), [])


def test_users_and_keys_without_a_database_are_an_error_that_says_so(tmp_path: Path) -> None:
    _, problems = load(tmp_path, (ROOT / "access" / "poc.yaml").read_text(), database="none")
    assert len(problems) == 2
    assert (
        "users need a database, and this stack has none: set llm-gateway:database to rds, or remove users"
        in problems[0]
    )
    assert "keys need a database" in problems[1]
    assert load(tmp_path, "users: []\nkeys: []", database="none") == (AccessSpec(), [])


def test_what_isnt_readable_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "poc.yaml").write_bytes(b"users: \xff\xfe")
    (tmp_path / "folder.yaml").mkdir()
    for name in ("poc.yaml", "folder.yaml"):
        _, problems = load_access(tmp_path / name, MODELS, "rds")
        assert "can't be read" in str(problems[0])
        assert len(problems) == 1


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.datetimes()
    | st.sampled_from(["dev@example.com", "prod", HAIKU, "monthly", "1mo"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3),
    max_leaves=6,
)
fields = st.sampled_from(
    [
        "email",
        "alias",
        "role",
        "models",
        "budget",
        "duration",
        "tpm_limit",
        "rpm_limit",
        "metadata",
        "owner",
        "expires",
        "x",
    ]
)
entries = st.lists(st.dictionaries(fields, values, max_size=6) | values, max_size=4)
documents = (
    st.fixed_dictionaries({}, optional={"users": entries | values, "keys": entries | values, "more": values}) | values
)


@settings(deadline=None, max_examples=200)
@given(documents, st.sampled_from(["rds", "none"]))
def test_any_document_is_either_right_or_explained(
    tmp_path_factory: pytest.TempPathFactory, document: Any, database: str
) -> None:
    text = yaml.dump(document, allow_unicode=True)
    spec, problems = load(tmp_path_factory.getbasetemp(), text, database=database)
    for problem in problems:
        assert problem.startswith("access/poc.yaml:")
        assert problem[-1] in ".?"
        assert problem.isprintable()
    for user in spec.users:
        assert user.budget is None or 0 <= user.budget < float("inf")
    assert len({key.alias for key in spec.keys}) == len(spec.keys)


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from("users:keys-[]{}\"'&*!#|>%@ \n\ta1.\x00\ufeff"), max_size=40))
def test_any_text_is_either_right_or_explained(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    _, problems = load(tmp_path_factory.getbasetemp(), text)
    assert problems or yaml.safe_load(text) is not None


@pytest.mark.parametrize(
    "entry",
    [
        '"\\0"',
        '"\\ud800"',
        "1.0e+400",
        "12345678901234567890",
        "2027-01-01",
        ".nan",
        "!!binary aGk=",
        "{1: 2}",
        "&a [*a]",
    ],
)
def test_metadata_that_wouldnt_come_back_as_it_is_is_refused(tmp_path: Path, entry: str) -> None:
    assert "users[0].metadata is a mapping; it may hold text, numbers" in only(
        tmp_path, USER + f"metadata: {{a: [{entry}]}}"
    )


def test_a_tangle_of_aliases_is_no_trap(tmp_path: Path) -> None:
    layers = ["a0: &a0 [x]"] + [f"a{index}: &a{index} [{', '.join([f'*a{index - 1}'] * 9)}]" for index in range(1, 12)]
    _, problems = load(tmp_path, "\n".join(layers))
    assert len(problems) == len(layers)
    assert "is no valid YAML" in only(tmp_path, "[" * 5000)
    assert "must be a mapping" in only(tmp_path, "users: &a [*a]")
    nested = "\n      ".join(layers)
    assert "1000 values in all" in only(tmp_path, USER + f"metadata:\n      {nested}")
