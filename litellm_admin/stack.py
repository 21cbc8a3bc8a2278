"""What a stack tells about itself: one SSM parameter with everything that an admin needs to find, and no secret.

`components/admin_access.py` publishes it as `/PROJECT/STACK/admin`; nobody needs Pulumi to read it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from litellm_admin import aws
from litellm_admin.errors import AdminError, NotThere

PROJECT = "llm-gateway"
"""The project whose stacks are looked for; another one is named as `--stack PROJECT/STACK`."""

FORM = 1
"""The form of the parameter's value. A tool of another form says so instead of guessing."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class StackFacts:
    """A stack, as it says. Empty text: it has no such thing. `relay_holds_key` tells whether the relay itself presents
    the master key; else the caller brings it."""

    name: str
    region: str
    relay: str
    reader: str
    relay_holds_key: bool
    admin_url: str
    gateway_url: str
    master_key_secret: str
    cluster: str
    service: str
    target_group: str
    database: str
    log_group: str

    @property
    def short(self) -> str:
        """The name as `--stack` takes it."""
        return self.name.removeprefix(f"{PROJECT}/")


def parameter_name(stack: str) -> str:
    """`poc` or `llm-gateway/poc` → `/llm-gateway/poc/admin`.

    Raises:
        AdminError: if that is no name of a stack.
    """
    project, _, name = stack.rpartition("/")
    project = project or PROJECT
    if not _NAME.fullmatch(project) or not _NAME.fullmatch(name):
        raise AdminError(f"{stack!r} is no name of a stack: give one such as poc, or {PROJECT}/poc.")
    return f"/{project}/{name}/admin"


def document(values: Mapping[str, Any]) -> str:
    """The parameter's value for a stack with these facts (the fields of `StackFacts`)."""
    return json.dumps({"form": FORM, **{field.name: values[field.name] for field in fields(StackFacts)}})


def parsed(text: str) -> StackFacts:
    """The facts in a parameter's value.

    Raises:
        AdminError: if they have another form.
    """
    try:
        found = json.loads(text)
        form = found["form"]
        if form == FORM:
            return StackFacts(**{field.name: found[field.name] for field in fields(StackFacts)})
    except (ValueError, KeyError, TypeError):
        form = "none"
    raise AdminError(
        f"The stack describes itself in form {form} and this tool reads form {FORM}: "
        "use the tool that came with the stack's version."
    )


def find(stack: str | None, region: str) -> StackFacts:
    """The stack of that name in `region`; without a name, the only one that there is.

    Raises:
        NotThere: if there is none.
        AdminError: if there are several, or AWS can't be asked.
    """
    if stack is None:
        return _only(region)
    name = parameter_name(stack)
    try:
        answer = aws.call("ssm", region, "get_parameter", f"read the parameter {name} (ssm:GetParameter)", Name=name)
    except NotThere:
        raise NotThere(
            f"There is no stack {stack} in {region} in this AWS account: look at the name, the region and the account."
        ) from None
    return parsed(answer["Parameter"]["Value"])


def _only(region: str) -> StackFacts:
    path = f"/{PROJECT}"
    doing = f"look for stacks (ssm:GetParametersByPath on {path}); name one with --stack"
    found: list[str] = []
    more: dict[str, str] = {}
    while True:
        answer = aws.call("ssm", region, "get_parameters_by_path", doing, Path=path, Recursive=True, **more)
        found += [item["Value"] for item in answer["Parameters"] if item["Name"].endswith("/admin")]
        if not answer.get("NextToken"):
            break
        more = {"NextToken": answer["NextToken"]}
    if not found:
        raise NotThere(
            f"There is no {PROJECT} stack in {region} in this AWS account: look at the region and the account, "
            "or set LITELLM_URL and LITELLM_MASTER_KEY."
        )
    if len(found) > 1:
        names = sorted(parsed(text).short for text in found)
        raise AdminError(f"There are several stacks in {region} ({', '.join(names)}): choose one with --stack.")
    return parsed(found[0])
