"""The stack: settings → components → users and keys → outputs."""

from __future__ import annotations

from pathlib import Path

import pulumi

from components import settings, tags
from components.access import Access, AccessArgs
from components.composition import Composition
from components.lifetime import Lifetime

stack = settings.load(
    pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.config.CONFIG.get(), Path(__file__).parent
)
config = stack.settings
for transformation in tags.transformations(stack):
    pulumi.runtime.register_stack_transformation(transformation)

# first, so that it is there even when the rest of the first update fails
lifetime = None
if config.ttl or config.expires_at:
    lifetime = Lifetime("lifetime", config.ttl, config.expires_at, config.renewal)

whole = Composition(stack)

access = None
if config.database != "none":
    access = Access(
        "access",
        AccessArgs(
            spec=stack.access,
            relay=whole.relay.function_name,
            region=stack.region,
            managed_by=f"{stack.project}/{stack.stack}",
            prefix=stack.prefix,
            database=whole.database.instance if whole.database else None,
            ready=whole.ready,
            roster_above=config.roster_above,
            protect=config.protect,
        ),
    )

pulumi.export("gatewayUrl", whole.edge.url)
pulumi.export("adminUrl", whole.doors.admin_url)
pulumi.export("relayFunctionName", whole.relay.function_name)
pulumi.export("masterKeySecretArn", whole.gateway.master_key_secret_arn)
pulumi.export("adminPolicyArn", whole.admin_access.admin_policy_arn)
pulumi.export("viewerPolicyArn", whole.admin_access.viewer_policy_arn)
if lifetime is not None:
    pulumi.export("expiresAt", lifetime.expires)
pulumi.export("users", access.users if access else {})
pulumi.export("teams", access.teams if access else {})
pulumi.export("keys", access.keys if access else {})
pulumi.export("publishedKeys", access.published if access else {})
