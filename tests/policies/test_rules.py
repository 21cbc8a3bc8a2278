"""Every policy: kept by a good stack, broken by the one thing that it forbids, silent about what isn't known yet."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from components import allow_list
from components import settings as stack_settings
from ops import advisories
from policies.checks import edge
from policies.evaluate import SettingsError, policies, settings, violations
from policies.model import UNKNOWN, Policy
from tests.policies.stacks import GOOD, GUARD, policy, stack

LIMIT = Decimal(130)
BY_ID = {p.id: p for p in policies(LIMIT)}


def broken(changes: dict[str, dict[str, Any]] | None = None, **more: Any) -> dict[str, list[str]]:
    """Policy → what it says."""
    found = {id: [v.message for v in violations(stack(changes, **more), p, ())] for id, p in BY_ID.items()}
    return {id: messages for id, messages in found.items() if messages}


def allowing(**statement: Any) -> dict[str, dict[str, Any]]:
    return {"access": {"policy": policy({"Effect": "Allow", **statement})}}


def image(name: str) -> dict[str, dict[str, Any]]:
    return {"task": {"containerDefinitions": json.dumps([{"image": name}])}}


def behaviours(**more: Any) -> list[dict[str, Any]]:
    first, *rest = GOOD["distribution"][1]["orderedCacheBehaviors"]
    return [{**first, **more}, *rest]


BREAKS: list[tuple[str, dict[str, dict[str, Any]], str]] = [
    ("no-public-database", {"database": {"publiclyAccessible": True}}, "has a public address"),
    ("no-open-ingress", {"rule": {"cidrIpv4": "0.0.0.0/0"}}, "lets 0.0.0.0/0 in"),
    ("no-open-ingress", {"rule": {"cidrIpv6": "::/0"}}, "lets ::/0 in"),
    ("no-open-ingress", {"group": {"ingress": [{"cidrBlocks": ["10.0.0.0/8", "0.0.0.0/0"]}]}}, "lets 0.0.0.0/0 in"),
    ("internal-load-balancer", {"alb": {"internal": False}}, "is internet-facing"),
    ("internal-load-balancer", {"alb": {"internal": None}}, "is internet-facing"),
    (
        "edge-denies-admin-paths",
        {"distribution": {"orderedCacheBehaviors": behaviours()[1:]}},
        "no behaviour for /user/*",
    ),
    ("edge-denies-admin-paths", {"distribution": {"orderedCacheBehaviors": None}}, "no behaviour for /user/*"),
    (
        "edge-denies-admin-paths",
        {"distribution": {"orderedCacheBehaviors": behaviours(functionAssociations=[])}},
        "/user/* has no Function at viewer-request that answers 403",
    ),
    (
        "edge-denies-admin-paths",
        {
            "distribution": {
                "orderedCacheBehaviors": behaviours(
                    functionAssociations=[{"eventType": "viewer-response", "functionArn": "arn:deny"}]
                )
            }
        },
        "/user/* has no Function at viewer-request",
    ),
    ("edge-denies-admin-paths", {"deny": {"code": GUARD}}, "/spend/* has no Function"),
    (
        "edge-denies-admin-paths",
        {"distribution": {"defaultCacheBehavior": {"viewerProtocolPolicy": "https-only"}}},
        "nothing guards it",
    ),
    ("encrypted-at-rest", {"database": {"storageEncrypted": False}}, "stores in clear"),
    ("encrypted-at-rest", {"database": {"storageEncrypted": None}}, "stores in clear"),
    ("encrypted-in-transit", {"parameters": {"parameters": []}}, "rds.force_ssl"),
    ("encrypted-in-transit", {"config-policy": {"policy": policy()}}, "doesn't deny requests without TLS"),
    (
        "encrypted-in-transit",
        {"distribution": {"orderedCacheBehaviors": behaviours(viewerProtocolPolicy="allow-all")}},
        "/user/* answers over plain HTTP",
    ),
    (
        "encrypted-in-transit",
        {"distribution": {"viewerCertificate": {"acmCertificateArn": "arn:x", "minimumProtocolVersion": "TLSv1"}}},
        "accepts TLS below 1.2",
    ),
    ("no-iam-wildcards", allowing(Action="s3:*", Resource="arn:aws:s3:::b/*"), "allows s3:*: name the actions"),
    ("no-iam-wildcards", allowing(Action="s3:GetObject", Resource="*"), "on *: name the resources"),
    ("no-iam-wildcards", allowing(Action="s3:GetObject", Resource="arn:aws:s3:::*"), "name the resources"),
    ("no-iam-wildcards", allowing(Action="sts:AssumeRole", Resource="arn:aws:iam::1:role/*"), "name the resources"),
    ("no-iam-wildcards", allowing(NotAction="iam:PassRole", Resource="arn:aws:s3:::b"), "allows everything but"),
    ("named-principals", {"role": {"assumeRolePolicy": policy({"Effect": "Allow", "Principal": "*"})}}, "by anybody"),
    (
        "named-principals",
        {"role": {"assumeRolePolicy": policy({"Effect": "Allow", "Principal": {"AWS": ["*"]}})}},
        "by anybody",
    ),
    ("image-pinned-and-safe", image("ghcr.io/berriai/litellm:main-latest"), "name an exact version"),
    ("image-pinned-and-safe", image("ghcr.io/berriai/litellm"), "name an exact version"),
    ("image-pinned-and-safe", image("ghcr.io/berriai/litellm:v1.83.0"), "CVE-2026-42208 (SQL injection"),
    ("log-retention", {"logs": {"retentionInDays": None}}, "for ever"),
    ("log-retention", {"logs": {"retentionInDays": 0}}, "for ever"),
    ("tags", {"database": {"tags": {"Project": "llm-gateway"}}}, "lacks the tags Stack, ManagedBy"),
    ("protection", {"database": {"deletionProtection": True}}, "is not protected, and has deletion protection"),
    ("protection", {"database": {"skipFinalSnapshot": False}}, "is not protected, and has a final snapshot"),
    ("cost-ceiling", {"database": {"allocatedStorage": 2000}}, "a month, and $130 is what it may"),
]


def test_a_good_stack_breaks_nothing() -> None:
    assert broken() == {}


@pytest.mark.parametrize(("id", "changes", "sentence"), BREAKS)
def test_what_a_policy_forbids_is_found_and_nothing_else(
    id: str, changes: dict[str, dict[str, Any]], sentence: str
) -> None:
    found = broken(changes)
    assert list(found) == [id]
    assert any(sentence in message for message in found[id]), found


def test_every_policy_has_a_case_that_violates_it() -> None:
    assert BY_ID.keys() - {id for id, _, _ in BREAKS} == set()


def test_a_bucket_without_a_policy_is_found() -> None:
    assert "has no policy that denies" in broken(without="config-policy")["encrypted-in-transit"][0]


def test_a_protected_stack_must_be_protected_all_over() -> None:
    everywhere = {
        "database": {"deletionProtection": True, "skipFinalSnapshot": False},
        "alb": {"enableDeletionProtection": True},
    }
    assert "protection" not in broken(everywhere, protect=("database",))
    found = broken({"database": {"deletionProtection": True, "skipFinalSnapshot": False}}, protect=("database",))
    assert found["protection"] == ["the stack is protected, and lacks deletion protection"]


def test_what_is_not_known_yet_is_no_violation() -> None:
    """A preview of a stack that isn't there knows no ARN and no policy document."""
    unknown = {
        "database": {"publiclyAccessible": UNKNOWN, "storageEncrypted": UNKNOWN, "tags": UNKNOWN},
        "alb": {"internal": UNKNOWN},
        "access": {"policy": UNKNOWN},
        "role": {"assumeRolePolicy": UNKNOWN},
        "config-policy": {"policy": UNKNOWN, "bucket": UNKNOWN},
        "config": {"id": UNKNOWN},
        "task": {"containerDefinitions": UNKNOWN},
        "logs": {"retentionInDays": UNKNOWN},
        "deny": {"arn": UNKNOWN},
        "distribution": {
            "orderedCacheBehaviors": [
                {**b, "functionAssociations": [{"eventType": "viewer-request", "functionArn": UNKNOWN}]}
                for b in behaviours()
            ]
        },
    }
    found = broken(unknown)
    # which bucket a policy is for is told by its name as well, and these two differ
    assert found == {"encrypted-in-transit": ["has no policy that denies requests without TLS (aws:SecureTransport)"]}


def test_an_unknown_function_still_has_to_be_one_that_refuses() -> None:
    associations = [{"eventType": "viewer-request", "functionArn": UNKNOWN}]
    changed = {
        "deny": {"code": GUARD},
        "distribution": {"orderedCacheBehaviors": behaviours(functionAssociations=associations)},
    }
    assert "edge-denies-admin-paths" in broken(changed)


def test_patterns_and_versions_are_those_of_the_stack() -> None:
    assert tuple(allow_list.DENIED_PATTERNS) == edge.DENIED
    assert advisories.SAFE_LITELLM == stack_settings.SAFE_LITELLM


def test_each_policy_says_why_it_matters() -> None:
    for one in BY_ID.values():
        assert isinstance(one, Policy) and one.reason.endswith(".") and one.severity in ("high", "medium", "low")


def write(folder: Path, suppressions: str) -> Path:
    file = folder / "settings.yaml"
    file.write_text(f"costCeiling: {{default: 130, big: 400}}\nsuppressions:\n{suppressions}")
    return file


def test_a_suppression_needs_a_policy_and_a_reason(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs a reason, a whole sentence"):
        settings(write(tmp_path, "  - {policy: tags, resource: x, reason: because}"))
    with pytest.raises(SettingsError, match="there is no policy 'tag' to suppress"):
        settings(write(tmp_path, "  - {policy: tag, reason: there is no such policy as this one}"))


def test_a_suppressed_finding_is_kept_with_its_reason(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "  - policy: no-public-database\n    resource: data*\n    stack: poc\n"
        "    reason: a demonstration for this test of how it is done\n",
    )
    chosen = settings(file)
    assert chosen.ceiling("big") == 400 and chosen.ceiling("poc") == 130
    changed = stack(
        {"database": {"publiclyAccessible": True}, "access": allowing(Action="s3:*", Resource="*")["access"]}
    )
    [found] = violations(changed, BY_ID["no-public-database"], chosen.suppressions)
    assert found.suppressed == "a demonstration for this test of how it is done"
    others = violations(changed, BY_ID["no-iam-wildcards"], chosen.suppressions)
    assert others and not any(v.suppressed for v in others)
