"""Bedrock's control plane: which models and inference profiles there are."""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.bedrock.models import Target, model_ids, needs_profile, profile_ids
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

SERVICE = "bedrock"


def register(rules: Rules, account: Account) -> None:
    def reached(id: str) -> Target:
        return Target.described(id, account.region, account.account_id)

    @rules.answer(SERVICE, "ListInferenceProfiles")
    def profiles(call: Call) -> dict[str, Any]:
        if call.params.get("typeEquals") == "APPLICATION":
            return {"inferenceProfileSummaries": []}  # nobody makes one here
        return {
            "inferenceProfileSummaries": [
                {
                    "inferenceProfileId": id,
                    "inferenceProfileName": id,
                    "inferenceProfileArn": reached(id).profile_arn,
                    "models": [{"modelArn": arn} for arn in reached(id).model_arns],
                    "status": "ACTIVE",
                    "type": "SYSTEM_DEFINED",
                }
                for id in sorted(profile_ids())
            ]
        }

    @rules.answer(SERVICE, "ListFoundationModels")
    def models(call: Call) -> dict[str, Any]:
        for member in set(call.params) - {"byInferenceType"}:
            raise Refusal("ValidationException", f"The simulated Bedrock doesn't filter models {member}.")
        wanted = call.params.get("byInferenceType")
        return {"modelSummaries": [one for one in map(_model, sorted(model_ids())) if _served(one, wanted)]}

    def _model(id: str) -> dict[str, Any]:
        return {
            "modelId": id,
            "modelArn": f"arn:aws:bedrock:{account.region}::foundation-model/{id}",
            "inferenceTypesSupported": [] if needs_profile(id) else ["ON_DEMAND"],
        }


def _served(model: dict[str, Any], wanted: str | None) -> bool:
    return wanted is None or wanted in model["inferenceTypesSupported"]
