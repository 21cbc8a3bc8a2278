# ruff: noqa: E501 - the sentences stand on one line, as people see them
"""Each mistake in an access file is a sentence that says where it is and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.access.files import HAIKU, SONNET, USER, load, only

KEY = "keys:\n  - alias: prod\n    "
BUDGET = "a budget is a number of dollars of at least 0"
PERIOD = "a period is daily, weekly or monthly, or a number with s, m, h, d or mo such as 12h, 30d or 1mo"
MARK = "it is a mark such as a date or a number; to have another value made, write another mark"
OVERLAP = "it is how long the former value goes on working, such as 12h or 7d, and at most 90d"
TEAM = "teams:\n  - alias: core\n    "
LIMIT = "a limit is a whole number of at least 0"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (USER + "budget: -5", f"3: users[0].budget is -5; {BUDGET}."),
        (USER + "budget: .nan", f"3: users[0].budget is .nan; {BUDGET}."),
        (USER + "budget: .inf", f"3: users[0].budget is .inf; {BUDGET}."),
        (USER + "budget: yes", f"3: users[0].budget is yes, which YAML reads as true; {BUDGET}."),
        (USER + "budget: true", f"3: users[0].budget is true; {BUDGET}."),
        (USER + "budget: '50'", f"3: users[0].budget is 50; {BUDGET}."),
        (USER + "budget: $50", f"3: users[0].budget is $50; {BUDGET}."),
        (USER + "budget:", f"3: users[0].budget is empty, which YAML reads as nothing; {BUDGET}."),
        (USER + "budget: [5]", f"3: users[0].budget is a list; {BUDGET}."),
        (KEY + "budget: -0.01", f"3: keys[0].budget is -0.01; {BUDGET}."),
        (USER + "duration: fortnightly", f"3: users[0].duration is fortnightly; {PERIOD}."),
        (USER + "duration: 30", f"3: users[0].duration is 30; {PERIOD}."),
        (USER + "duration: 0d", "3: users[0].duration is 0d; a period lasts longer than nothing."),
        (KEY + "duration: 999mo", "3: keys[0].duration is 999mo; a period lasts ten years at most."),
        (USER + "tpm_limit: 1.5", f"3: users[0].tpm_limit is 1.5; {LIMIT}."),
        (USER + "rpm_limit: -1", f"3: users[0].rpm_limit is -1; {LIMIT}."),
        (USER + "rpm_limit: on", f"3: users[0].rpm_limit is on, which YAML reads as true; {LIMIT}."),
        (
            USER + "models: []",
            "3: users[0].models is an empty list; LiteLLM takes an empty list as all models; name some, or leave the key out for all.",
        ),
        (USER + f"models: {HAIKU}", f"3: users[0].models is {HAIKU}; it must be a list of model names."),
        (USER + f"models: [{HAIKU}, {HAIKU}]", f"3: users[0].models is a list; it names {HAIKU} twice."),
        (
            USER + f"models:\n      - {HAIKU}\n      - claude-sonet-4-5",
            f"5: users[0].models names claude-sonet-4-5, which isn't configured; did you mean {SONNET}? The models are {HAIKU}, {SONNET}.",
        ),
        (
            KEY + "models: [gpt]",
            f"3: keys[0].models names gpt, which isn't configured; the models are {HAIKU}, {SONNET}.",
        ),
        (
            USER + "role: boss",
            "3: users[0].role is boss; a role is one of internal_user, internal_user_viewer, proxy_admin, proxy_admin_viewer.",
        ),
        (USER + "alias: no", "3: users[0].alias is no, which YAML reads as false; it must be text; put it in quotes."),
        (USER + "budgte: 5", "3: users[0].budgte is no key of an entry in users; did you mean budget?"),
        (
            KEY + "email: a@b.co",
            "3: keys[0].email is no key of an entry in keys; the keys are models, budget, duration, tpm_limit, rpm_limit, metadata, adopt, alias, owner, expires, team, key_type, rotate, overlap, publish.",
        ),
        (
            USER + "metadata: {managed_by: me}",
            "3: users[0].metadata is a mapping; managed_by is set by the stack; leave it out.",
        ),
        (
            USER + "metadata: {logging: []}",
            "3: users[0].metadata is a mapping; `logging` holds credentials of LiteLLM's callbacks; set those in LiteLLM's config, not in this file.",
        ),
        (
            USER + "metadata: {on: 2027-01-01}",
            "3: users[0].metadata is a mapping; it must be a mapping from names to values.",
        ),
        (
            KEY + "owner: who@example.com",
            "3: keys[0].owner is who@example.com, who isn't among the users; add that user, or leave the owner out.",
        ),
        (KEY + "owner: 5", "3: keys[0].owner is 5; it must be an e-mail address such as dev@example.com."),
        (
            KEY + "expires: 90d",
            "3: keys[0].expires is 90d; it must be a day such as 2027-03-31 (the last on which the key works) or a time such as 2027-03-31T18:00:00Z.",
        ),
        (USER + "metadata: {a: 1, a: 2}", "3: a is here a second time, after line 3; merge the two."),
        (KEY + "budget: 5\n    budget: 50", "4: budget is here a second time, after line 3; merge the two."),
        ("users:\n  - budget: 5", "2: users[0].email is missing; add it."),
        ("keys:\n  - budget: 5", "2: keys[0].alias is missing; add it."),
        ("users:\n  - dev@example.com", "2: users[0] is dev@example.com; it must be a mapping such as `email: …`."),
        ("users:\n  - email: dev", "2: users[0].email is dev; it must be an e-mail address such as dev@example.com."),
        ("users: none", "1: users is none; it must be a list, and `[]` if there are none."),
        ("users: []\nkyes: []", "2: kyes is no key of an access file; did you mean keys?"),
        (
            "keys:\n  - alias: prod\n  - alias: prod",
            "3: keys[1].alias is prod, as in keys[0]; every one may be there once.",
        ),
        (
            "users:\n  - email: Dev@example.com\n  - email: dev@Example.com",
            "3: users[1].email is dev@Example.com, as in users[0]; every one may be there once.",
        ),
        (
            "users:\n  - email: dev@example.com\nkeys:\n  - alias: ci\n    owner: dve@example.com",
            "5: keys[0].owner is dve@example.com, who isn't among the users; did you mean dev@example.com?",
        ),
        (
            KEY + "key_type: admin",
            "3: keys[0].key_type is admin; a key's type is one of llm_api, management, read_only, default.",
        ),
        (KEY + "rotate: [1]", f"3: keys[0].rotate is a list; {MARK}."),
        (KEY + "rotate: yes", f"3: keys[0].rotate is yes, which YAML reads as true; {MARK}."),
        (KEY + "overlap: 7", f"3: keys[0].overlap is 7; {OVERLAP}."),
        (KEY + "overlap: 91d", f"3: keys[0].overlap is 91d; {OVERLAP}."),
        (KEY + "overlap: weekly", f"3: keys[0].overlap is weekly; {OVERLAP}."),
        (KEY + "publish: maybe", "3: keys[0].publish is maybe; it is true or false."),
        (USER + "adopt: 1", "3: users[0].adopt is 1; it is true or false."),
        (
            KEY + "adopt: true\n    publish: true",
            "4: keys[0].publish can't be true together with adopt: only its holders know the value of a key that is adopted. Adopt it, then give it a `rotate` of its own, and publish it once adopt is gone.",
        ),
        (USER + "team: core", "3: users[0].team is core, which isn't a team; add that team, or leave the team out."),
        (KEY + "team: cor\nteams: [{alias: core}]", "3: keys[0].team is cor, which isn't a team; did you mean core?"),
        (
            TEAM + "members: dev@example.com",
            "3: teams[0].members is dev@example.com; it must be a list of e-mail addresses.",
        ),
        (
            TEAM + "members: [dev]",
            "3: teams[0].members is a list; 'dev' in it is no e-mail address such as dev@example.com.",
        ),
        (
            TEAM + "members: [a@b.co, A@b.co]\nusers: [{email: a@b.co}]",
            "3: teams[0].members is a list; it names a@b.co twice.",
        ),
        (
            TEAM + "members:\n      - a@b.co\n      - dve@b.co\nusers: [{email: a@b.co}, {email: dev@b.co}]",
            "5: teams[0].members names dve@b.co, who isn't among the users; did you mean dev@b.co?",
        ),
        (
            TEAM + "owner: a@b.co",
            "3: teams[0].owner is no key of an entry in teams; the keys are models, budget, duration, tpm_limit, rpm_limit, metadata, adopt, alias, members.",
        ),
        (
            "teams: [{alias: core}, {alias: core}]",
            "1: teams[1].alias is core, as in teams[0]; every one may be there once.",
        ),
        (
            "teams: [{alias: core}]\nusers: [{email: a@b.co}]\nkeys:\n  - alias: ci\n    team: core\n    owner: A@b.co",
            "6: keys[0].owner is A@b.co, who isn't a member of the key's team core; add that member, or leave one out.",
        ),
        (
            f"teams: [{{alias: core, models: [{HAIKU}]}}]\nkeys:\n  - alias: ci\n    team: core\n    models: [{SONNET}]",
            f"5: keys[0].models names {SONNET}, which the key's team core may not call; add it there.",
        ),
        ("users: [", "1: is no valid YAML: expected the node content, but found '<stream end>'."),
        (
            "users: !!python/object:os.system []",
            "1: is no valid YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:python/object:os.system'.",
        ),
    ],
)
def test_a_mistake_is_a_sentence_with_line_and_key(tmp_path: Path, text: str, sentence: str) -> None:
    assert only(tmp_path, text) == f"access/poc.yaml:{sentence}"


def test_of_two_equal_keys_the_one_that_counts_is_shown(tmp_path: Path) -> None:
    _, problems = load(tmp_path, USER + "budget: 5\n    budget: -5")
    assert problems[1] == f"access/poc.yaml:4: users[0].budget is -5; {BUDGET}."


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = "users:\n  - email: dev\n    budget: -1\n    models: [gpt]\n  - role: boss\nkeys:\n  - alias: x y\n    owner: nobody@example.com\n    owner: nobody@example.org\nextra: 1"
    _, problems = load(tmp_path, text)
    lines = [int(problem.split(":")[1]) for problem in problems]
    assert lines == sorted(lines)
    for said in (
        "dev;",
        "-1;",
        "names gpt",
        "users[1].email is missing",
        "role is boss",
        "alias is x y",
        "nobody@",
        "extra is no key",
        "owner is here a second",
    ):
        assert any(said in problem for problem in problems), said
