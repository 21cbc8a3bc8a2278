"""CloudFront Functions: development and live stage, publishing, the size limit.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/managing-functions.html
"""

from __future__ import annotations

from typing import Any

from localcloud.aws.cloudfront.state import (
    Function,
    FunctionStage,
    State,
    new_etag,
    page,
    require_match,
    require_valid,
)
from localcloud.aws.cloudfront.tags import as_dict, set_tags
from localcloud.aws.ids import now
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

# https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html#limits-functions
MOST_BYTES = 10 * 1024
MOST_FUNCTIONS = 100


def users(state: State, function_arn: str) -> list[str]:
    """Ids of the distributions one of whose behaviours names the function."""
    return [
        distribution.id
        for distribution in state.distributions.values()
        if any(
            association["FunctionARN"] == function_arn
            for behaviour in behaviours(distribution.config)
            for association in behaviour.get("FunctionAssociations", {}).get("Items") or []
        )
    ]


def behaviours(config: dict[str, Any]) -> list[dict[str, Any]]:
    """The default behaviour, then the others in their order."""
    return [config["DefaultCacheBehavior"], *(config.get("CacheBehaviors", {}).get("Items") or [])]


def _stage(state: State, call: Call) -> tuple[Function, FunctionStage, str]:
    name, stage = call.params["Name"], call.params.get("Stage") or "DEVELOPMENT"
    function = state.functions.get(name)
    held = function and (function.live if stage == "LIVE" else function.development)
    if function is None or held is None:
        in_stage = f" in stage {stage}" if function else ""
        raise Refusal("NoSuchFunctionExists", f"The function {name} does not exist{in_stage}.")
    return function, held, stage


def _summary(state: State, function: Function, held: FunctionStage, stage: str) -> dict[str, Any]:
    published = function.live is not None and function.live.code == held.code and function.live.config == held.config
    associated = "DEPLOYED" if users(state, function.arn) else "UNASSOCIATED"
    return {
        "Name": function.name,
        "Status": associated if published else "UNPUBLISHED",
        "FunctionConfig": held.config,
        "FunctionMetadata": {
            "FunctionARN": function.arn,
            "Stage": stage,
            "CreatedTime": function.created,
            "LastModifiedTime": held.modified,
        },
    }


def _new_stage(call: Call) -> FunctionStage:
    require_valid(call)
    code = call.params["FunctionCode"]
    if len(code) > MOST_BYTES:
        raise Refusal(
            "FunctionSizeLimitExceeded",
            f"The function {call.params['Name']} has {len(code)} bytes of code; {MOST_BYTES} is the most.",
        )
    config = call.params["FunctionConfig"]
    if (config.get("KeyValueStoreAssociations") or {}).get("Quantity"):
        raise Refusal("UnsupportedOperation", "The simulated CloudFront has no key value stores.")
    return FunctionStage(config, code, new_etag(), now())


def register(rules: Rules, state: State) -> None:
    @rules.answer("cloudfront", "CreateFunction")
    def create(call: Call) -> dict[str, Any]:
        name = call.params.get("Name", "")
        if name in state.functions:
            raise Refusal("FunctionAlreadyExists", f"A function with the name {name} already exists in this account.")
        stage = _new_stage(call)
        if len(state.functions) >= MOST_FUNCTIONS:
            raise Refusal("TooManyFunctions", f"{MOST_FUNCTIONS} functions are the most an account has.")
        function = Function(name, state.arn("function", name), stage.modified, stage)
        set_tags(state, function.arn, as_dict(call.params.get("Tags")))
        state.functions[name] = function
        summary = _summary(state, function, stage, "DEVELOPMENT")
        return {"FunctionSummary": summary, "ETag": stage.etag, "Location": f"/2020-05-31/function/{name}"}

    @rules.answer("cloudfront", "UpdateFunction")
    def update(call: Call) -> dict[str, Any]:
        function, stage, _ = _stage(state, call)
        require_match(stage.etag, call.params.get("IfMatch"))
        function.development = _new_stage(call)
        summary = _summary(state, function, function.development, "DEVELOPMENT")
        return {"FunctionSummary": summary, "ETag": function.development.etag}

    @rules.answer("cloudfront", "PublishFunction")
    def publish(call: Call) -> dict[str, Any]:
        function, stage, _ = _stage(state, call)
        require_match(stage.etag, call.params.get("IfMatch"))
        function.live = FunctionStage(stage.config, stage.code, new_etag(), now())
        return {"FunctionSummary": _summary(state, function, function.live, "LIVE")}

    @rules.answer("cloudfront", "DescribeFunction")
    def describe(call: Call) -> dict[str, Any]:
        function, held, stage = _stage(state, call)
        return {"FunctionSummary": _summary(state, function, held, stage), "ETag": held.etag}

    @rules.answer("cloudfront", "GetFunction")
    def get(call: Call) -> dict[str, Any]:
        _, held, _ = _stage(state, call)
        return {"FunctionCode": held.code, "ETag": held.etag, "ContentType": "application/octet-stream"}

    @rules.answer("cloudfront", "DeleteFunction")
    def delete(call: Call) -> dict[str, Any]:
        function, stage, _ = _stage(state, call)
        require_match(stage.etag, call.params.get("IfMatch"))
        using = users(state, function.arn)
        if using:
            message = f"Cannot delete function {function.name}, it is in use by {len(using)} distributions"
            raise Refusal("FunctionInUse", message)
        del state.functions[function.name]
        state.tags.pop(function.arn, None)
        return {}

    @rules.answer("cloudfront", "ListFunctions")
    def list_functions(call: Call) -> dict[str, Any]:
        wanted = call.params.get("Stage")
        items = []
        for function in sorted(state.functions.values(), key=lambda function: function.name):
            for stage, held in (("DEVELOPMENT", function.development), ("LIVE", function.live)):
                if held is not None and wanted in (None, stage):
                    items.append((f"{function.name}:{stage}", _summary(state, function, held, stage)))
        return {"FunctionList": page(items, call, marker_required=False)}
