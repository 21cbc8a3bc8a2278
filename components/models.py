"""The models that the gateway serves: a name for clients, and who answers: a model at Bedrock, or another provider."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

_GEOGRAPHIES = ("us", "us-gov", "eu", "apac", "jp", "au", "ca", "global")

# litellm_params whose value is a credential: those come from Secrets Manager by reference, never through config.
_SECRET_PARAMS = ("api_key", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "password", "token")

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$"
Name = Annotated[str, Field(pattern=_NAME, max_length=128)]
# The whole secret, or with `:key::` behind it one value of the JSON that it holds, as ECS takes them.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
SecretRef = Annotated[
    str, Field(pattern=r"^arn:aws:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]+(:[^:]+:[^:]*:[^:]*)?$")
]


class Model(BaseModel):
    """One entry of `models`.

    `name` is what clients ask for; `aliases` are further names of the same. `bedrock` is the model or inference-profile
    id at Amazon Bedrock. In its place `provider` is another provider's model as LiteLLM writes it (`openai/gpt-5.1`),
    whose credentials are `secrets`: the name of a litellm_param → the ARN of a secret. `params` are further
    `litellm_params` of LiteLLM's model list. `fallbacks` are the names of models that are asked, in their order, when
    this one gives no answer.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, strict=True)

    name: Name
    bedrock: Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+(:\d+)?$")] | None = None
    provider: Annotated[str, Field(pattern=r"^[a-z0-9_]+/[A-Za-z0-9._:/@-]+$")] | None = None
    secrets: dict[Annotated[str, Field(pattern=r"^[a-z_]+$")], SecretRef] = {}
    params: dict[str, Any] = {}
    aliases: tuple[Name, ...] = Field((), strict=False)
    fallbacks: tuple[Name, ...] = Field((), strict=False)

    @model_validator(mode="after")
    def _complete(self) -> Model:
        if (self.bedrock is None) == (self.provider is None):
            raise ValueError(f"{self.name} needs one of `bedrock` and `provider`, which say who answers")
        if self.provider is not None and self.provider.startswith("bedrock/"):
            raise ValueError("a model at Bedrock is given by `bedrock`, so that the task's role is allowed to call it")
        if self.bedrock is not None and self.secrets:
            raise ValueError("a model at Bedrock has no `secrets`; the task's role lets it call Bedrock")
        for key in self.params:
            if key in _SECRET_PARAMS:
                raise ValueError(
                    f"params.{key} would put a credential into plain config; "
                    + ("the task's role already lets it call Bedrock" if self.bedrock else "refer to it in `secrets`")
                )
            if key == "model":
                raise ValueError("params.model is set from `bedrock` or `provider`; leave it out")
            if key in self.secrets:
                raise ValueError(f"{key} is among `params` and `secrets`; take it from one of them")
        if self.name in self.fallbacks:
            raise ValueError(f"{self.name} falls back to itself; name another model")
        return self

    @property
    def geography(self) -> str | None:
        """`us` for `us.anthropic…`, an inference profile; None for a model that is invoked in the stack's own region,
        or is another provider's."""
        head = (self.bedrock or "").partition(".")[0]
        return head if head in _GEOGRAPHIES else None

    def variable(self, param: str) -> str:
        """The environment variable by which LiteLLM gets the value of a secret."""
        return "MODEL_" + "".join(c if c.isalnum() else "_" for c in f"{self.name}_{param}").upper()

    def litellm_params(self) -> dict[str, Any]:
        """The entry's `litellm_params`. Secrets are references to environment variables that ECS fills."""
        model = f"bedrock/{self.bedrock}" if self.bedrock else self.provider
        return {
            "model": model,
            **self.params,
            **{param: f"os.environ/{self.variable(param)}" for param in self.secrets},
        }


def secrets_of(models: tuple[Model, ...]) -> dict[str, str]:
    """Environment variable → the secret that it comes from (ECS's `valueFrom`)."""
    return {model.variable(param): arn for model in models for param, arn in model.secrets.items()}


def check_together(models: tuple[Model, ...]) -> str | None:
    """What is wrong with the models as a whole, as the end of a sentence about `models`; None if nothing is."""
    names = [name for model in models for name in (model.name, *model.aliases)]
    if double := sorted({name for name in names if names.count(name) > 1}):
        return f"has the name {double[0]} twice; every model and alias needs a name of its own"
    known = {model.name for model in models}
    for model in models:
        for name in model.fallbacks:
            if name not in known:
                return f"lets {model.name} fall back to {name}, which is no model here; name one of {', '.join(known)}"
    variables = [model.variable(param) for model in models for param in model.secrets]
    if len(set(variables)) < len(variables):
        return "has two names that differ in punctuation alone, and both have secrets; rename one of them"
    return None
