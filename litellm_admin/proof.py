"""Who calls, proven to the relay: a signed `sts:GetCallerIdentity` that only the relay sends.

A Lambda function isn't told who invoked it. So the caller signs a request to STS with its own credentials, and the
relay sends it: STS checks the signature and answers with the caller's ARN. The signature covers two headers besides
STS's own: the relay's name and the digest of the request that it goes with, so a proof is good for that one call at
that one relay and for a few minutes. docs/decisions/who-calls-the-relay.md says why it is done so.
"""

from __future__ import annotations

from typing import Any

# The same on both sides, see components/relay/caller.py. The relay builds the request anew from these and takes
# nothing from the caller but date, token and signature.
BODY = b"Action=GetCallerIdentity&Version=2011-06-15"
CONTENT_TYPE = "application/x-www-form-urlencoded; charset=utf-8"
RELAY_HEADER = "X-Llm-Gateway-Relay"
REQUEST_HEADER = "X-Llm-Gateway-Request"


def sts_host(region: str) -> str:
    """STS's dual-stack host in the relay's region, such as `sts.us-west-1.api.aws`: the relay may have no way out but
    IPv6. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_dual-stack_endpoint_support.html"""
    return f"sts.{region}.api." + ("amazonwebservices.com.cn" if region.startswith("cn-") else "aws")


def prove(credentials: Any, region: str, relay: str, request: str) -> dict[str, str]:
    """The proof that goes beside `request` (its exact text) to the function `relay`: `authorization`, `date` and, for
    temporary credentials, `token`. Nothing of it is a secret that could be used for anything else."""
    import hashlib

    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    signed = AWSRequest(
        method="POST",
        url=f"https://{sts_host(region)}/",
        data=BODY,
        headers={
            "Content-Type": CONTENT_TYPE,
            RELAY_HEADER: relay,
            REQUEST_HEADER: hashlib.sha256(request.encode()).hexdigest(),
        },
    )
    signer: Any = SigV4Auth(credentials, "sts", region)
    signer.add_auth(signed)
    found = {"authorization": signed.headers["Authorization"], "date": signed.headers["X-Amz-Date"]}
    token = signed.headers.get("X-Amz-Security-Token")
    return {**found, "token": token} if token else found
