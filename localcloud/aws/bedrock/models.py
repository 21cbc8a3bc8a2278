"""Which models there are, and what an id leads to.

The ids are those of LiteLLM's price map, which its maintainers keep in step with Bedrock's. Which regions a profile may
route to: https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache

from localcloud.aws.refusal import Refusal
from localcloud.home import setup_dir

_PRICES = "litellm/lib/python3.*/site-packages/litellm/model_prices_and_context_window_backup.json"
_PROVIDERS = ("bedrock", "bedrock_converse")
# A source region is always among the destinations. The simulated account is in a US region, where the profiles of other
# geographies don't exist.
_US = ("us-east-1", "us-east-2", "us-west-2")
_ELSEWHERE = {
    "eu": ("eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-3"),
    "apac": ("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
    "jp": ("ap-northeast-1", "ap-northeast-3"),
    "au": ("ap-southeast-2", "ap-southeast-4"),
}
_GEOGRAPHIES = ("us", "us-gov", "eu", "apac", "jp", "au", "ca", "global")
# "Invocation … with on-demand throughput isn't supported": Anthropic's models since Claude 4 have no on-demand endpoint
# of their own, only profiles. https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html
_PROFILE_ONLY = re.compile(r"anthropic\.claude-(?:[a-z]+-[4-9]|[4-9])")


@dataclass(frozen=True)
class Target:
    """What a `modelId` leads to. `model`: the foundation model's id; `profile_arn` None: it is invoked directly."""

    model: str
    profile_arn: str | None
    model_arns: tuple[str, ...]

    @classmethod
    def of(cls, model_id: str, region: str, account_id: str) -> Target:
        """Raises Refusal for an id that Bedrock doesn't know in this region."""
        name = _name(model_id, region, account_id)
        geography, _, rest = name.partition(".")
        if geography not in _GEOGRAPHIES:
            if name not in known():
                raise invalid()
            if _PROFILE_ONLY.match(name):
                raise Refusal(
                    "ValidationException",
                    f"Invocation of model ID {name} with on-demand throughput isn’t supported. Retry your request "
                    "with the ID or ARN of an inference profile that contains this model.",
                )
            return cls(name, None, (f"arn:aws:bedrock:{region}::foundation-model/{name}",))
        if name not in known() or geography not in ("us", "global"):
            raise invalid()
        regions = (region, "") if geography == "global" else tuple(sorted({*_US, region}))
        arns = tuple(f"arn:aws:bedrock:{one}::foundation-model/{rest}" for one in regions)
        return cls(rest, f"arn:aws:bedrock:{region}:{account_id}:inference-profile/{name}", arns)

    @classmethod
    def described(cls, model_id: str, region: str, account_id: str) -> Target:
        """The same for the control plane, which knows the profiles of other geographies, too: in previews this region
        stands for every other. None of them can be invoked here. Raises Refusal."""
        geography, _, rest = model_id.partition(".")
        if geography not in _ELSEWHERE or model_id not in known():
            return cls.of(model_id, region, account_id)
        arns = tuple(f"arn:aws:bedrock:{one}::foundation-model/{rest}" for one in _ELSEWHERE[geography])
        return cls(rest, f"arn:aws:bedrock:{region}:{account_id}:inference-profile/{model_id}", arns)

    @property
    def title(self) -> str:
        """The model as people call it: `Claude Haiku 4.5`."""
        found = re.match(r"anthropic\.claude-([a-z]+)-(\d+)(?:-(\d))?(?:-|$)", self.model)
        if found:
            return f"Claude {found[1].title()} {found[2]}{'.' + found[3] if found[3] else ''}"
        return self.model


def profile_ids() -> list[str]:
    """The inference profiles that the control plane lists."""
    return [id for id in known() if id.partition(".")[0] in ("us", "global", *_ELSEWHERE)]


def model_ids() -> list[str]:
    """The foundation models' own ids."""
    return [id for id in known() if id.partition(".")[0] not in _GEOGRAPHIES and "." in id]


def needs_profile(model_id: str) -> bool:
    """Whether it is a model's own id, and the model is served through profiles only."""
    return model_id in known() and _PROFILE_ONLY.match(model_id) is not None


def invalid() -> Refusal:
    """Bedrock's answer to an id that it doesn't know."""
    return Refusal("ValidationException", "The provided model identifier is invalid.")


@cache
def known() -> frozenset[str]:
    """The ids of every model and profile."""
    [path] = list(setup_dir().glob(_PRICES)) or [None]
    if path is None:
        raise Refusal("ServiceUnavailableException", "Bedrock's models aren't known here yet: run `make setup`.")
    entries = json.loads(path.read_text(encoding="utf-8"))
    return frozenset(
        name
        for name, entry in entries.items()
        if isinstance(entry, dict) and entry.get("litellm_provider") in _PROVIDERS and "/" not in name
    )


def _name(model_id: str, region: str, account_id: str) -> str:
    """The id in an ARN of this region (and account), or the id as it is."""
    if not model_id.startswith("arn:"):
        return model_id
    prefixes = (
        f"arn:aws:bedrock:{region}::foundation-model/",
        f"arn:aws:bedrock:{region}:{account_id}:inference-profile/",
    )
    for prefix in prefixes:
        if model_id.startswith(prefix):
            return model_id.removeprefix(prefix)
    raise invalid()
