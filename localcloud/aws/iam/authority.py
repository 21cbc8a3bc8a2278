"""Every call is its caller's: known by its key, signed with its secret, allowed by its policies; or it is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend
from localcloud.aws.http import HEADERS
from localcloud.aws.iam import principals
from localcloud.aws.iam.actions import Need, NoRow, needs
from localcloud.aws.iam.conditions import Context, UnknownOperator
from localcloud.aws.iam.policy import Document, Policies, Request, refusal, trusts
from localcloud.aws.iam.principals import Principal
from localcloud.aws.iam.signature import BadSignature, Received, Signature, signature_of, verify
from localcloud.aws.refusal import Refusal
from localcloud.aws.wire import Call

# AWS's code for "you may not", by protocol; EC2 has one of its own.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
_DENIED = {"json": "AccessDeniedException", "rest-json": "AccessDeniedException"}


def caller(account: Account, environ: Mapping[str, Any], body: bytes) -> Principal:
    """Who signed a request. Raises Refusal where nobody did, or where the signature doesn't hold."""
    return signer(account, _received(environ, body))[0]


def signer(account: Account, request: Received) -> tuple[Principal, Signature]:
    """Who signed a request, and how. Raises as `caller` does."""
    try:
        signature = signature_of(request)
        if signature is None:
            # presigned URLs of Signature Version 2 among them, which AWS's newer regions don't know
            raise Refusal("MissingAuthenticationToken", "The request must be signed with AWS Signature Version 4.")
        principal = principals.find(account, signature.key_id)
        if principal is None:
            raise Refusal("InvalidClientTokenId", "The security token included in the request is invalid.")
        verify(request, signature, principal.secret, datetime.now(UTC))
    except BadSignature as error:
        raise Refusal(error.code, str(error)) from None
    _check_session(principal, signature)
    return principal, signature


def require(account: Account, principal: Principal, call: Call) -> None:
    """Raises Refusal unless `principal` may make `call`. Only under the gateway's lock."""
    if (call.service, call.operation) == ("sts", "AssumeRole"):
        _check_trust(account, principal, call.params["RoleArn"])
    if principal.free:
        return
    held = principals.policies(account, principal)
    try:
        for need in needs(call):
            because = _because(account, principal, held, need.action, need.resource, need.context)
            if because is not None:
                raise _denied(principal, call, need, because)
    except (NoRow, UnknownOperator) as error:
        need = Need(f"{call.service}:{call.operation}")
        raise _denied(principal, call, need, f"because {error}") from None


def role_refusal(account: Account, role: str, action: str, resource: str, context: Context | None = None) -> str | None:
    """None if the policies of `role` (an ARN) allow it, else why not. For what a service checks by itself; only under
    the gateway's lock."""
    name = role.rpartition("/")[2]
    principal = Principal(f"arn:aws:sts::{account.account_id}:assumed-role/{name}/service", "", role=role)
    return refusal_of(account, principal, action, resource, context)


def refusal_of(
    account: Account, principal: Principal, action: str, resource: str, context: Context | None = None
) -> str | None:
    """None if `principal` may do it, by its policies or because none holds it back; else why not. Only under the
    gateway's lock."""
    if principal.free:
        return None
    return _because(account, principal, principals.policies(account, principal), action, resource, context or {})


def sentence(principal: str, action: str, resource: str, because: str) -> str:
    """AWS's own words for a refusal."""
    return f"User: {principal} is not authorized to perform: {action} on resource: {resource} {because}"


def _because(
    account: Account, principal: Principal, held: Policies, action: str, resource: str, more: Context
) -> str | None:
    context = {**_global_context(account, principal), **more}
    own = replace(held, resource=_resource_policies(account, resource))
    return refusal(own, Request(principal.arn, action, resource, principal.role, context))


def _global_context(account: Account, principal: Principal) -> dict[str, str]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"""
    return {
        "aws:principalarn": principal.role or principal.arn,
        "aws:principalaccount": account.account_id,
        "aws:requestedregion": account.region,
        "aws:resourceaccount": account.account_id,
        # the loopback port stands for AWS's TLS endpoints
        "aws:securetransport": "true",
        **({"aws:username": principal.user} if principal.user else {}),
    }


def _resource_policies(account: Account, arn: str) -> tuple[Document, ...]:
    """The policy of a bucket, secret or function, which may allow or deny by itself."""
    service, _, tail = arn.partition(":")[2].partition(":")[2].partition(":")
    text: str | None = None
    if service == "s3":
        bucket = backend_of_s3(account).buckets.get(tail.rpartition(":")[2].partition("/")[0])
        text = getattr(bucket, "policy", None)
    elif service == "secretsmanager":
        secrets = backend(account, "secretsmanager").secrets.values()
        text = next((secret.policy for secret in secrets if secret.arn == arn), None)
    elif service == "lambda":
        name = arn.partition(":function:")[2].split(":")[0]
        found = next((f for f in backend(account, "awslambda").list_functions() if f.function_name == name), None)
        policy = getattr(found, "policy", None)
        return ({"Statement": policy.statements},) if policy is not None and policy.statements else ()
    if not text:
        return ()
    return (json.loads(text),)


def backend_of_s3(account: Account) -> Any:
    """moto keeps buckets once for all regions."""
    from moto.backends import get_backend

    return get_backend("s3")[account.account_id]["aws"]


def _check_session(principal: Principal, signature: Signature) -> None:
    if principal.token != signature.token:
        raise Refusal("InvalidClientTokenId", "The security token included in the request is invalid.")
    if principal.expires is not None and principal.expires <= datetime.now(UTC):
        raise Refusal("ExpiredToken", "The security token included in the request is expired.")


def _check_trust(account: Account, principal: Principal, arn: str) -> None:
    """moto lets anybody assume anything. Where AWS itself assumes a role for a service, that has asked already."""
    role = principals.role_by_arn(account, arn)
    if principal.service or role is None:
        return
    context = _global_context(account, principal)
    request = Request(principal.arn, "sts:AssumeRole", arn, principal.role, context)
    if not trusts(json.loads(role.assume_role_policy_document), principal.role or principal.arn, request):
        raise Refusal(
            "AccessDenied",
            sentence(principal.arn, "sts:AssumeRole", arn, "because the role's trust policy doesn't let it"),
        )


def _denied(principal: Principal, call: Call, need: Need, because: str) -> Refusal:
    code = "UnauthorizedOperation" if call.service == "ec2" else _DENIED.get(call.protocol, "AccessDenied")
    return Refusal(code, sentence(principal.arn, need.action, need.resource, because))


def _received(environ: Mapping[str, Any], body: bytes) -> Received:
    headers: dict[str, str] = {}
    for name, value in environ[HEADERS]:
        headers[name.lower()] = f"{headers[name.lower()]},{value}" if name.lower() in headers else value
    path, _, query = str(environ["REQUEST_URI"]).partition("?")
    return Received(environ["REQUEST_METHOD"], path, query, headers, body)
