"""Changed properties for people: which, and where it can be shown, from what to what. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ops import masking
from ops.plan import UNKNOWN, Planned
from ops.shapes import is_list, is_mapping

LONGEST = 80
# Made up by AWS or by chance: different at each run, and of no interest.
_MADE_UP = re.compile(r"arn:aws|\b[a-z]+-[0-9a-f]{8,}|\d{12}|\.amazonaws\.com|\.cloudfront\.net|/tmp/|[0-9a-f]{32}")
# Properties of dynamic resources that say how they work, not what they are.
_INNER = re.compile(r"^(__provider|relay|region|managed_by|tagsAll)(\.|\[|$)")


def changed(planned: Planned) -> list[str]:
    """`budget: 10 → 12`, one a property, sorted."""
    paths = sorted(path for path in planned.diff if not _INNER.match(path))
    lines: dict[str, None] = {}
    for path in paths:
        old, new = _at(planned.old, path), _at(planned.inputs, path)
        for where, before, after in _leaves(path, old, new):
            lines[_line(where, before, after)] = None
    return list(lines)


def code(text: str) -> str:
    """As a code span: nothing in it is Markdown, a mention or a link."""
    plain = masking.text(" ".join(str(text).split())).replace("`", "'").replace("|", "¦")
    return f"`{plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + '…'}`"


def _line(path: str, old: Any, new: Any) -> str:
    if not (_showable(old) and _showable(new)):
        return code(path)
    return f"{code(path)}: {_shown(old)} → {_shown(new)}"


def _shown(value: Any) -> str:
    return "nothing" if value is None else code(value if isinstance(value, str) else json.dumps(value))


def _showable(value: Any) -> bool:
    if value is None or isinstance(value, (bool, int, float)):
        return True
    if is_list(value):
        return all(isinstance(item, (str, int, float)) and _showable(item) for item in value)
    if not isinstance(value, str) or value in (UNKNOWN, masking.SECRET) or masking.text(value) != value:
        return False
    return len(value) <= LONGEST and not _MADE_UP.search(value)


def _leaves(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """The differing leaves of JSON documents and objects; the value itself for anything else."""
    before, after = _parsed(old), _parsed(new)
    if is_mapping(before) and is_mapping(after):
        for key in sorted(before.keys() | after.keys()):
            if before.get(key) != after.get(key):
                yield from _leaves(f"{path}.{key}", before.get(key), after.get(key))
    elif is_list(before) and is_list(after) and _structured(before, after):
        for index in range(max(len(before), len(after))):
            one, other = (items[index] if index < len(items) else None for items in (before, after))
            if one != other:
                yield from _leaves(f"{path}[{index}]", one, other)
    else:
        yield path, old, new


def _structured(*lists: list[Any]) -> bool:
    return any(isinstance(item, (dict, list)) for items in lists for item in items)


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _at(value: Any, path: str) -> Any:
    """The value at a path of the engine's, such as `tags.Name`, `models[0]` or `a["b.c"]`."""
    for key, index, quoted in re.findall(r"([^.\[\]\"]+)|\[(\d+)\]|\[\"([^\"]*)\"\]", path):
        if index and is_list(value):
            value = value[int(index)] if int(index) < len(value) else None
        elif is_mapping(value):
            value = value.get(quoted or key)
        else:
            return None
    return value
