"""Tags of CloudFront's resources."""

from __future__ import annotations

from typing import Any

from localcloud.aws.cloudfront.state import State, require_valid
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

MOST_TAGS = 50


def as_dict(tags: dict[str, Any] | None) -> dict[str, str]:
    """{"Items": [{"Key", "Value"}]} → {key: value}."""
    return {item["Key"]: item.get("Value", "") for item in (tags or {}).get("Items") or []}


def set_tags(state: State, arn: str, tags: dict[str, str]) -> None:
    """Add ``tags`` to a resource's. Raises InvalidTagging for more than AWS keeps."""
    merged = {**state.tags.get(arn, {}), **tags}
    if len(merged) > MOST_TAGS:
        raise Refusal("InvalidTagging", f"{arn} would have {len(merged)} tags; {MOST_TAGS} is the most.")
    state.tags[arn] = merged


def register(rules: Rules, state: State) -> None:
    def resource(call: Call) -> str:
        arn = call.params.get("Resource", "")
        known = {
            thing.arn
            for things in (state.functions, state.vpc_origins, state.distributions)
            for thing in things.values()
        }
        if arn not in known:
            raise Refusal("NoSuchResource", f"The resource {arn!r} does not exist.")
        return arn

    @rules.answer("cloudfront", "TagResource")
    def tag_resource(call: Call) -> dict[str, Any]:
        arn = resource(call)
        require_valid(call)
        set_tags(state, arn, as_dict(call.params["Tags"]))
        return {}

    @rules.answer("cloudfront", "UntagResource")
    def untag_resource(call: Call) -> dict[str, Any]:
        arn = resource(call)
        for key in call.params["TagKeys"].get("Items") or []:
            state.tags.get(arn, {}).pop(key, None)
        return {}

    @rules.answer("cloudfront", "ListTagsForResource")
    def list_tags(call: Call) -> dict[str, Any]:
        tags = state.tags.get(resource(call), {})
        return {"Tags": {"Items": [{"Key": key, "Value": value} for key, value in tags.items()]}}
