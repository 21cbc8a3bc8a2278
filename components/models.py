"""The models that the gateway serves: a name for clients, an id at Bedrock, and the ARNs that invoking it needs."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

# Where a geographic inference profile may send a request: the foundation model must be allowed in each of these
# regions. https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
# https://docs.aws.amazon.com/bedrock/latest/userguide/geographic-cross-region-inference.html (policy and its condition)
PROFILE_REGIONS: dict[str, tuple[str, ...]] = {"us": ("us-east-1", "us-east-2", "us-west-1", "us-west-2")}
_GEOGRAPHIES = ("us", "us-gov", "eu", "apac", "jp", "au", "ca", "global")

# litellm_params whose value is a credential: those come from Secrets Manager by reference, never through config.
_SECRET_PARAMS = ("api_key", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "password", "token")


class Model(BaseModel):
    """One entry of `models`.

    `name` is what clients ask for, `bedrock` the model or inference-profile id at Amazon Bedrock, `regions` the regions
    that the profile may route to (known for `us.` profiles), `params` further `litellm_params` of LiteLLM's model list.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, strict=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$", max_length=128)]
    bedrock: Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?$")]
    regions: tuple[str, ...] = Field((), strict=False)
    params: dict[str, Any] = {}

    @model_validator(mode="after")
    def _complete(self) -> Model:
        if self.geography and not self.regions and self.geography not in PROFILE_REGIONS:
            raise ValueError(
                f"{self.bedrock} is an inference profile: list the regions that it may route to under `regions`"
            )
        for key in self.params:
            if key in _SECRET_PARAMS:
                raise ValueError(
                    f"params.{key} would put a credential into plain config; "
                    "the task's role already lets it call Bedrock"
                )
            if key == "model":
                raise ValueError("params.model is set from `bedrock`; leave it out")
        return self

    @property
    def geography(self) -> str | None:
        """`us` for `us.anthropic…`, an inference profile; None for a model that is invoked in the stack's own
        region."""
        head = self.bedrock.partition(".")[0]
        return head if head in _GEOGRAPHIES else None

    @property
    def foundation_model(self) -> str:
        """The id without the geography."""
        return self.bedrock.partition(".")[2] if self.geography else self.bedrock

    def litellm_params(self) -> dict[str, Any]:
        """The entry's `litellm_params`."""
        return {"model": f"bedrock/{self.bedrock}", **self.params}

    def statements(self, region: str, account: str, partition: str = "aws") -> list[dict[str, Any]]:
        """The IAM statements that let a role invoke exactly this model.

        A profile needs itself and the foundation model in every region it may route to; the condition keeps the latter
        from being called around the profile.
        """
        actions = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"]
        if not self.geography:
            arn = f"arn:{partition}:bedrock:{region}::foundation-model/{self.bedrock}"
            return [{"Effect": "Allow", "Action": actions, "Resource": [arn]}]
        profile = f"arn:{partition}:bedrock:{region}:{account}:inference-profile/{self.bedrock}"
        regions = self.regions or PROFILE_REGIONS[self.geography]
        return [
            {"Effect": "Allow", "Action": actions, "Resource": [profile]},
            {
                "Effect": "Allow",
                "Action": actions,
                "Resource": [f"arn:{partition}:bedrock:{r}::foundation-model/{self.foundation_model}" for r in regions],
                "Condition": {"ArnEquals": {"bedrock:InferenceProfileArn": profile}},
            },
        ]
