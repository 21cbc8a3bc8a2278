"""AWS, for those who come that way: one session, its clients, and its errors as sentences.

botocore, which comes with boto3 and starts sooner, is imported when it is first needed; whoever sets LITELLM_URL and
LITELLM_MASTER_KEY needs none.
"""

from __future__ import annotations

import os
import threading
from typing import Any, cast

from litellm_admin.errors import AdminError, Denied, NotThere, Unreachable

CONNECT_SECONDS = 10
READ_SECONDS = 65

_session: Any = None
_clients: dict[tuple[str, str], Any] = {}
_creating = threading.RLock()

# AWS's words for credentials that are over or unknown, and for a call that no policy allows.
_EXPIRED = frozenset(
    [
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ]
)
_DENIED = frozenset(["AccessDenied", "AccessDeniedException", "UnauthorizedOperation"])
_MISSING = frozenset(
    [
        "ClusterNotFoundException",
        "DBInstanceNotFound",
        "DBInstanceNotFoundFault",
        "ParameterNotFound",
        "ResourceNotFoundException",
        "ServiceNotFoundException",
        "TargetGroupNotFound",
    ]
)


def session() -> Any:
    """botocore's session for this process, from the environment and the profile that AWS_PROFILE names.

    Raises:
        AdminError: if boto3 isn't installed or there is no such profile.
    """
    global _session
    with _creating:
        if _session is None:
            _session = _new_session()
        return _session


def client(service: str, region: str) -> Any:
    """One client a service and region: making one takes 50 ms and more and isn't thread-safe, using it is."""
    with _creating:
        if (service, region) not in _clients:
            made = session()
            from botocore.config import Config

            # botocore would send a call again by itself, also one whose answer got lost; when to do that is the
            # caller's to say
            config = Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": 1},
                max_pool_connections=32,
            )
            _clients[service, region] = made.create_client(service, region_name=region, config=config)
        return _clients[service, region]


def forget() -> None:
    """Drops session and clients, for tests that change the environment."""
    global _session
    with _creating:
        _session = None
        _clients.clear()


def region(told: str | None = None) -> str:
    """The region to work in: the one that was told, else the environment's or the profile's.

    Raises:
        AdminError: if none is set.
    """
    found = told or os.environ.get("AWS_REGION") or session().get_config_variable("region")
    if not found:
        raise AdminError(
            "No AWS region is set: give --region or set AWS_REGION to the stack's, or set LITELLM_URL and "
            "LITELLM_MASTER_KEY, which need no AWS."
        )
    return str(found)


def credentials() -> Any:
    """The caller's credentials at this moment (`access_key`, `secret_key`, `token`).

    Raises:
        AdminError: if there are none, or they can't be fetched.
    """
    import botocore.exceptions as botocore

    try:
        found = session().get_credentials()
        if found is not None:
            return found.get_frozen_credentials()
    except botocore.BotoCoreError as error:
        raise as_sentence(error, "fetch credentials") from None
    raise _no_credentials()


def call(service: str, where: str, operation: str, doing: str, **arguments: Any) -> Any:
    """One AWS call. `doing` ends the sentence "These credentials may not …".

    Raises:
        Denied, NotThere, Unreachable or another AdminError.
    """
    made = client(service, where)
    import botocore.exceptions as botocore

    try:
        return getattr(made, operation)(**arguments)
    except (botocore.BotoCoreError, botocore.ClientError) as error:
        raise as_sentence(error, doing) from None


def as_sentence(error: Exception, doing: str) -> AdminError:
    """What a botocore error means to the caller who wanted to do `doing` (an infinitive)."""
    import botocore.exceptions as botocore

    if isinstance(error, botocore.ClientError):
        told = cast(Any, error).response  # botocore has no types
        code = told.get("Error", {}).get("Code", "unknown error")
        if code in _EXPIRED:
            return AdminError("The AWS credentials are expired or unknown: log in again.")
        if code in _DENIED:
            return Denied(f"These AWS credentials may not {doing}.")
        if code in _MISSING:
            return NotThere(f"AWS has nothing by that name: couldn't {doing}.")
        return AdminError(f"AWS refused to {doing} ({code}).")
    if isinstance(error, (botocore.NoCredentialsError, botocore.PartialCredentialsError)):
        return _no_credentials()
    if isinstance(error, botocore.ProfileNotFound):
        return AdminError(f"{error}.")
    if isinstance(error, (botocore.CredentialRetrievalError, botocore.SSOError, botocore.UnauthorizedSSOTokenError)):
        return AdminError(f"The AWS credentials can't be fetched ({type(error).__name__}): log in again.")
    return Unreachable(f"AWS can't be reached to {doing}: {type(error).__name__}.")


def _no_credentials() -> AdminError:
    return AdminError(
        "There are no AWS credentials: log in or set AWS_PROFILE, or set LITELLM_URL and LITELLM_MASTER_KEY, "
        "which need none."
    )


def _new_session() -> Any:
    try:
        from botocore.exceptions import ProfileNotFound
        from botocore.session import Session
    except ImportError:
        raise AdminError(
            "boto3 isn't installed for this Python, and the way by AWS needs it: run `pip install boto3` in a virtual "
            "environment, or set LITELLM_URL and LITELLM_MASTER_KEY, which need none."
        ) from None
    try:
        made = Session()
        made.get_scoped_config()
        return made
    except ProfileNotFound as error:
        raise as_sentence(error, "") from None
