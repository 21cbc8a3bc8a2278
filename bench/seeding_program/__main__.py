"""Seeds the users and keys of `access/bench.yaml` beside this file, on the local gateway. The gateway itself is another
stack, so that what is measured is the seeding."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pulumi_random as random

from components.access import Access, AccessArgs
from components.access_file import load_access

spec, problems = load_access(Path.cwd() / "access" / "bench.yaml", ["claude-haiku-4-5"], "rds")
if problems:
    raise pulumi.RunError("\n".join(map(str, problems)))
# with a database of its own, whose end would take users and keys along, nothing would be deleted
database = random.RandomId("database", byte_length=4)
access = Access(
    "access",
    AccessArgs(
        spec=spec,
        relay="llm-gateway-local-relay",
        region="us-west-1",
        managed_by="llm-gateway-seeding/bench",
        prefix="llm-gateway-seeding",
        database=database,
    ),
)
pulumi.export("keys", access.keys)
