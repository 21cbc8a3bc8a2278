"""Bedrock: whether an id is known in the stack's region, and the exact ARNs that invoking it needs. Bedrock itself is
asked, before anything is created, because which regions a profile routes to is its to say and changes."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi_aws as aws

from components.mistakes import either
from components.models import Model

ACTIONS = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]


@dataclass(frozen=True)
class Reach:
    """What must be allowed: the foundation models, and the profile through which they are called (None: directly)."""

    model_arns: tuple[str, ...]
    profile_arn: str | None = None

    def statements(self) -> list[dict[str, Any]]:
        """The IAM statements that let a role invoke exactly this model.

        A profile needs itself and the foundation model in every region it may route to; the condition keeps the latter
        from being called around the profile.
        https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html
        """
        models: dict[str, Any] = {"Effect": "Allow", "Action": ACTIONS, "Resource": list(self.model_arns)}
        if self.profile_arn is None:
            return [models]
        return [
            {"Effect": "Allow", "Action": ACTIONS, "Resource": [self.profile_arn]},
            {**models, "Condition": {"ArnEquals": {"bedrock:InferenceProfileArn": self.profile_arn}}},
        ]


def look_up(models: Sequence[Model], region: str) -> tuple[list[Reach], list[str]]:
    """What each model at Bedrock needs, and a sentence for each that can't be had in `region`.

    The lists are asked for, not the single ids: to Pulumi's SDK a lookup that finds nothing is a failure of the program
    that nobody can catch.
    """
    profiles, on_demand = _profiles(models), _on_demand(models)
    found: list[Reach] = []
    problems: list[str] = []
    for index, model in enumerate(models):
        if model.bedrock is None:
            continue
        known = profiles if model.geography else on_demand
        reach = known.get(model.bedrock)
        if reach is None:
            problems.append(
                f"models[{index}].bedrock is {model.bedrock!r}; {_why(model.bedrock, known, profiles, region)}."
            )
        else:
            found.append(reach)
    return found, problems


def _profiles(models: Sequence[Model]) -> dict[str, Reach]:
    """Id → what a profile needs; nothing is asked where no model is a profile."""
    if not any(model.bedrock for model in models):
        return {}
    found = aws.bedrock.get_inference_profiles(type="SYSTEM_DEFINED").inference_profile_summaries
    return {
        one.inference_profile_id: Reach(tuple(sorted(each.model_arn for each in one.models)), one.inference_profile_arn)
        for one in found
    }


def _on_demand(models: Sequence[Model]) -> dict[str, Reach]:
    """Id → what a foundation model needs that is served without a profile."""
    if not any(model.bedrock and not model.geography for model in models):
        return {}
    found = aws.bedrockfoundation.get_models(by_inference_type="ON_DEMAND").model_summaries
    return {one.model_id: Reach((one.model_arn,)) for one in found}


def _why(id: str, known: Mapping[str, Reach], profiles: Mapping[str, Reach], region: str) -> str:
    through = sorted(name for name in profiles if name.partition(".")[2] == id)
    if through:
        return f"it is served through inference profiles only: take {either(tuple(through))}"
    near = difflib.get_close_matches(id, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "see its lists of models and profiles, or set aws:region to another"
    return f"Bedrock has none of that id in {region}; {hint}"
