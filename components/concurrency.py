"""How many concurrent executions may be reserved for the relay's functions.

AWS keeps at least 100 of an account's concurrent executions unreserved, and refuses a reservation beyond
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html). A new account may have a limit of ten in
all, so there nothing can be reserved; other people's stacks fail there halfway
(https://github.com/DataDog/datadog-serverless-functions/pull/621). So the account's limit is asked for first.
"""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

# Service Quotas' names for Lambda's "Concurrent executions".
SERVICE, QUOTA = "lambda", "L-B99A9384"
UNRESERVED = 100
FUNCTIONS = 2


def reservable(wanted: int) -> int | None:
    """`wanted` executions for each function, or None (with a warning) where the account's limit has no room for them.
    What other functions of the account have reserved can't be asked for; AWS refuses what goes beyond."""
    if wanted == 0:
        return None
    try:
        limit = aws.servicequotas.get_service_quota(service_code=SERVICE, quota_code=QUOTA).value
    except Exception as error:  # the SDK raises bare exceptions, for a missing permission as for a lost connection
        pulumi.log.warn(
            f"The account's limit for Lambda executions couldn't be asked for ({str(error)[:200]}), so none are "
            "reserved for the relay: allow servicequotas:GetServiceQuota, or set llm-gateway:relayConcurrency to 0."
        )
        return None
    if limit < UNRESERVED + FUNCTIONS * wanted:
        pulumi.log.warn(
            f"This account may run {limit:.0f} Lambda executions at a time, of which AWS keeps {UNRESERVED} "
            "unreserved, so none are reserved for the relay: ask AWS for a higher limit, or set "
            "llm-gateway:relayConcurrency to 0."
        )
        return None
    return wanted
