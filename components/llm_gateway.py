"""LlmGateway: a whole gateway as one component, for other projects' programs and, by `package/`, other languages."""

# No `from __future__ import annotations`: a component's host reads the types.
from collections.abc import Mapping
from typing import Any, Optional

import pulumi
import pulumi_aws as aws
from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from components import tags
from components.access_file import AccessSpec
from components.composition import Composition
from components.llm_gateway_args import LlmGatewayArgs
from components.mistakes import sentence
from components.numbers import whole
from components.settings import OWNERS, Settings, SettingsError, Stack


class LlmGateway(pulumi.ComponentResource):
    """One address for a team's LLMs: CloudFront, a private load balancer, LiteLLM on Fargate, Postgres. It has no users
    and keys yet; those are made with scripts/litellm-users.sh, or in Python with `Access` (components/access.py). It is
    where the program's aws:region says."""

    gateway_url: pulumi.Output[str]
    """What clients call."""

    admin_url: pulumi.Output[str]
    """The admin door, for who is in adminCidrs."""

    relay_function_name: pulumi.Output[str]
    """The function through which IAM lets admins in."""

    master_key_secret_arn: pulumi.Output[str]
    """The Secrets Manager secret with LiteLLM's master key."""

    admin_policy_arn: pulumi.Output[str]
    """The IAM policy of who administers it."""

    viewer_policy_arn: pulumi.Output[str]
    """The IAM policy of who may look."""

    def __init__(self, name: str, args: LlmGatewayArgs, opts: Optional[pulumi.ResourceOptions] = None) -> None:  # noqa: UP045
        stack = _stack(name, args)
        opts = pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(transformations=list(tags.transformations(stack)))
        )
        super().__init__("llm-gateway:index:LlmGateway", name, None, opts)
        self._parts = Composition(stack, self)
        self.gateway_url = self._parts.edge.url
        self.admin_url = self._parts.doors.admin_url
        self.relay_function_name = self._parts.relay.function_name
        self.master_key_secret_arn = self._parts.gateway.master_key_secret_arn
        self.admin_policy_arn = self._parts.admin_access.admin_policy_arn
        self.viewer_policy_arn = self._parts.admin_access.viewer_policy_arn
        self.register_outputs({to_camel(key): getattr(self, key) for key in LlmGateway.__annotations__})

    @property
    def parts(self) -> Composition:
        """The components that it consists of, in the program that made it."""
        return self._parts


def _stack(name: str, args: Mapping[str, Any]) -> Stack:
    """The settings that the arguments stand for.

    Raises:
        SettingsError: with every mistake.
    """
    given = {to_camel(key): whole(value) for key, value in args.items()}
    where = f"LlmGateway {name}: "
    if late := sorted(key for key, value in given.items() if isinstance(value, pulumi.Output)):
        raise SettingsError(
            [f"{where}{key} is another resource's output; it must be known before anything is created." for key in late]
        )
    try:
        settings = Settings.model_validate({"namePrefix": name, **given})
    except ValidationError as error:
        raise SettingsError([where + sentence(detail, OWNERS) for detail in error.errors()]) from None
    return Stack(
        project=pulumi.get_project(),
        # what tags, the admin parameter and the budget go by: a program may have several
        stack=f"{pulumi.get_stack()}-{name}",
        region=aws.get_region().region,
        settings=settings,
        access=AccessSpec(),
    )
