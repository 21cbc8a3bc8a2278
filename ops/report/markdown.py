"""The report as Markdown. The same facts give the same text; what a stranger chose stands in code spans. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal

from ops import urns
from ops.cost import render as cost
from ops.plan import Finding, Planned
from ops.report import meaning, people, values
from ops.report.facts import SUPPRESSED, Facts
from ops.report.values import code
from ops.shapes import is_list

_WORDS = {"create": "to create", "update": "to update", "replace": "to replace", "delete": "to delete"}
_SIGNS = {"create": "➕ create", "update": "✏️ update", "replace": "♻️ **replace**", "delete": "🗑️ delete"}
# Of one component, more creations than that are only counted.
_LISTED = 15


def marker(stack: str) -> str:
    """By which the comment of an earlier run is found."""
    return f"<!-- llm-gateway preview of {stack} -->"


def render(facts: Facts) -> str:
    """The whole report."""
    sections = [_head(facts), _resources(facts), _people(facts), _money(facts), _policies(facts), _images(facts)]
    return "\n\n".join(["\n".join([marker(facts.stack), *sections[0]]), *("\n".join(s) for s in sections[1:])]) + "\n"


def _head(facts: Facts) -> list[str]:
    counts = Counter(p.op for p in facts.changes)
    said = [f"{counts[op]} {word}" for op, word in _WORDS.items() if counts[op]]
    lines = [f"## Preview of {code(facts.stack)}: {', '.join(said) or 'nothing to change'}", ""]
    origin = f"what {code(facts.base)} deploys" if facts.before else f"nothing: {code(facts.base)} has no such stack"
    lines.append(f"Compared with {origin}, on a simulated account. Nothing was changed.")
    reasons = [
        (facts.losses, "**Data would be lost** (bold below)."),
        (facts.broken, "**A mandatory policy is broken.**"),
        (facts.known_holes, "**The image has known holes.**"),
    ]
    return lines + [f"\n> ⛔ {text}" for found, text in reasons if found]


def _resources(facts: Facts) -> list[str]:
    lines = ["### Resources"]
    changes = [p for p in facts.changes if p.type not in people.KINDS]
    if not changes:
        return [*lines, "", "None would change."]
    for component in sorted({urns.component(p.urn) for p in changes}):
        mine = [p for p in changes if urns.component(p.urn) == component]
        lines += ["", f"**{component}**", "", *_component(mine)]
    return lines


def _component(changes: list[Planned]) -> Iterator[str]:
    made = [p for p in changes if p.op == "create"]
    rest = sorted((p for p in changes if p.op != "create"), key=lambda p: (list(_SIGNS).index(p.op), p.urn))
    if len(made) > _LISTED:
        kinds = Counter(urns.short_type(p.type) for p in made)
        yield f"- ➕ create {', '.join(f'{n} × {code(kind)}' for kind, n in sorted(kinds.items()))}"
    else:
        yield from (f"- ➕ create {code(urns.label(p.urn))}" for p in sorted(made, key=lambda p: p.urn))
    for planned in rest:
        yield f"- {_SIGNS[planned.op]} {_named(planned)}"
        yield from (f"  - {change}" for change in _why(planned))


def _named(planned: Planned) -> str:
    said, name = meaning.sentence(planned), code(urns.label(planned.urn))
    if planned.op == "replace" or meaning.loses_data(planned):
        return f"**{name}**{f': **{said}**' if said else ''}"
    return f"{name}{f': {said}' if said else ''}"


def _why(planned: Planned) -> list[str]:
    if planned.op == "delete":
        return []
    forced = {path.partition(".")[0].partition("[")[0] for path in planned.replaces}
    lines = values.changed(planned)
    if planned.op == "replace" and forced - {"__provider"}:
        lines.append(f"made anew because of {', '.join(code(name) for name in sorted(forced))}")
    return lines


def _people(facts: Facts) -> list[str]:
    lines = ["### Users and keys", ""]
    changes = [p for p in facts.changes if p.type in people.KINDS]
    if not changes:
        return [*lines, "No one's access would change."]
    for planned in sorted(changes, key=lambda p: (people.KINDS[p.type] == "key", people.KINDS[p.type], p.urn)):
        said = meaning.sentence(planned)
        detail = [f": **{said}**" if said else "", *(f"; {change}" for change in _details(planned))]
        what = f"{people.KINDS[planned.type]} {code(people.who(planned))}"
        lines.append(f"- {_SIGNS[planned.op]} {what}{''.join(detail)}")
    return lines


def _details(planned: Planned) -> Iterable[str]:
    if planned.op == "create":
        shown = {"owner": "", "team": "", "members": "", "budget": "USD", "duration": "", "models": "", "expires": ""}
        for name, unit in shown.items():
            value = planned.inputs.get(name)
            if value not in (None, [], ""):
                text = ", ".join(map(str, value)) if is_list(value) else str(value)
                yield f"{name} {code(f'{text} {unit}'.strip())}"
    elif planned.op in ("update", "replace"):
        yield from values.changed(planned)


def _money(facts: Facts) -> list[str]:
    after, before = facts.after, facts.before
    old = before.total if before else Decimal(0)
    estimated = any(line.estimated for line in after.lines)
    lines = ["### Cost", ""]
    lines.append(f"**${old} → ${after.total} a month ({_signed(after.total - old)})**, of it fixed ${after.fixed}.")
    rows = cost.difference(before, after)
    if rows:
        lines += ["", "| component | what | before | after | difference |", "|---|---|--:|--:|--:|"]
        lines += [f"| {c} | {w} | {b} | {a} | {_signed(a - b, '')} |" for c, w, b, a in rows]
    lines += [f"- not in it: {code(name)}" for name in after.unknown]
    source = f"{after.prices.region}, {after.prices.source}, {after.prices.date}"
    lines += [
        "",
        f"<sub>Prices: {source}{'; partly estimated' if estimated else ''}. Models are billed by token.</sub>",
    ]
    return lines


def _signed(amount: Decimal, unit: str = "$") -> str:
    sign = "−" if amount < 0 else "+" if amount > 0 else "±"
    return f"{sign}{unit}{abs(amount)}"


def _policies(facts: Facts) -> list[str]:
    lines = ["### Policies", ""]
    told = sorted((f for f in facts.findings if f.policy != SUPPRESSED), key=_order)
    suppressed = sorted((f for f in facts.findings if f.policy == SUPPRESSED), key=_order)
    if not told:
        lines.append("Every policy is kept.")
    for finding in told:
        mark = "⛔" if finding.level == "mandatory" else "⚠️"
        lines.append(f"- {mark} {code(finding.policy)}: {_prose(finding.message)}")
    if suppressed:
        lines += ["", "<details><summary>Let pass, each for a written reason</summary>", ""]
        lines += [f"- {_prose(finding.message)}" for finding in suppressed]
        lines += ["", "</details>"]
    return lines


def _order(finding: Finding) -> tuple[bool, str, str]:
    return finding.level != "mandatory", finding.policy, finding.message


def _prose(message: str) -> str:
    """The finding itself; the engine puts the policy's description in front. A message may quote a stranger, so what
    could be Markdown is taken out of it."""
    said = message.strip().rpartition("\n")[2]
    return "".join(f"&#{ord(char)};" if char in "`<>|[]@*_&" else char for char in said)


def _images(facts: Facts) -> list[str]:
    lines = ["### Image", ""]
    if not facts.images:
        return [*lines, "It is known once the update runs."]
    for image in facts.images:
        holes = [advisory for known, advisory in facts.known_holes if known == image]
        if not holes:
            lines.append(f"- {code(image)}: no known holes")
        lines += [f"- ⛔ {code(image)}: {hole.id}, {hole.what}" for hole in holes]
    return lines
