"""Who calls: the relay's side of the proof that `litellm_admin/proof.py` makes.

The caller signs `sts:GetCallerIdentity` and the relay sends it. What reaches STS is built here, from constants and from
what this call is; of the caller's there is only a date, a token and a signature, each of a strict form. So nobody can
make the relay ask STS for something else, or somebody else than STS; and a signature that was made for another call,
another relay or another hour doesn't fit. (Those were the holes of the first such schemes, see
https://googleprojectzero.blogspot.com/2020/10/enter-the-vault-auth-issues-hashicorp-vault.html.)
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

# The same on both sides: tests/relay/test_caller.py signs with the one and checks with the other.
BODY = b"Action=GetCallerIdentity&Version=2011-06-15"
CONTENT_TYPE = "application/x-www-form-urlencoded; charset=utf-8"
RELAY_HEADER = "X-Llm-Gateway-Relay"
REQUEST_HEADER = "X-Llm-Gateway-Request"

# Exactly these must be signed; a header that isn't could be left out or changed.
_SIGNED = "content-type;host;x-amz-date;{token}x-llm-gateway-relay;x-llm-gateway-request"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[A-Z0-9]{16,128}/(?P<day>\d{8})/(?P<region>[a-z0-9-]{4,32})/sts/aws4_request, "
    r"SignedHeaders=(?P<signed>[a-z0-9;-]{10,200}), Signature=[0-9a-f]{64}"
)
_DATE = re.compile(r"\d{8}T\d{6}Z")
_TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{1,8192}")
# AWS's own limit for a signed request. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
MOST_AGE = timedelta(minutes=5)
STS_SECONDS = 5.0
_MOST_ANSWER = 64 * 1024
_XML = "{https://sts.amazonaws.com/doc/2011-06-15/}"


class Unproven(Exception):
    """Who calls isn't known; the message is a sentence for the caller. `status` is 401, or 502 if STS is the cause."""

    def __init__(self, sentence: str, status: int = 401) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Caller:
    """An AWS identity that STS confirmed."""

    arn: str
    account: str


def identify(proof: Any, request: str, relay: str, region: str, account: str) -> Caller:
    """The identity that signed `proof` for exactly this `request` at the function `relay` in this account.

    Raises:
        Unproven: if it isn't proven.
    """
    headers = _headers(proof, request, relay, region)
    status, text = _ask_sts(headers, region)
    if status >= 500:
        raise Unproven(f"STS couldn't say who calls ({status}); try again.", 502)
    if status != 200:
        raise Unproven(
            f"STS doesn't confirm who calls ({_code(text) or status}): the credentials are over, or the proof was made "
            "for another call."
        )
    caller = _parsed(text)
    if caller.account != account:
        raise Unproven(f"The caller is of another AWS account ({caller.account}); callers are of the relay's own.")
    return caller


def _headers(proof: Any, request: str, relay: str, region: str) -> dict[str, str]:
    if not isinstance(proof, dict) or proof.keys() - {"authorization", "date", "token"}:
        raise Unproven(
            "The relay wants to know who calls: `caller` has a signed sts:GetCallerIdentity, as "
            "scripts/litellm-users.sh sends it."
        )
    date, token = proof.get("date"), proof.get("token")
    if not isinstance(date, str) or not _DATE.fullmatch(date):
        raise Unproven("`caller.date` must be the time of signing, such as 20261125T140301Z.")
    if token is not None and (not isinstance(token, str) or not _TOKEN.fullmatch(token)):
        raise Unproven("`caller.token` is no session token.")
    signed = _SIGNED.format(token="" if token is None else "x-amz-security-token;")
    authorization = proof.get("authorization")
    found = _AUTHORIZATION.fullmatch(authorization) if isinstance(authorization, str) else None
    if not found or found["signed"] != signed or found["region"] != region or found["day"] != date[:8]:
        raise Unproven(f"`caller.authorization` must be a SigV4 signature for sts in {region} over {signed}.")
    _check_age(date)
    return {
        "Host": sts_host(region),
        "Content-Type": CONTENT_TYPE,
        "X-Amz-Date": date,
        **({} if token is None else {"X-Amz-Security-Token": token}),
        RELAY_HEADER: relay,
        REQUEST_HEADER: hashlib.sha256(request.encode()).hexdigest(),
        "Authorization": str(authorization),
    }


def _check_age(date: str) -> None:
    age = datetime.now(UTC) - datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if abs(age) > MOST_AGE:
        minutes = round(abs(age).total_seconds() / 60)
        when = "old" if age > timedelta() else "in the future"
        raise Unproven(f"The proof of who calls is {minutes} minutes {when}: is the caller's clock right?")


def sts_host(region: str) -> str:
    """STS's dual-stack host in the relay's region, such as `sts.us-west-1.api.aws`: the relay may have no way out but
    IPv6. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_dual-stack_endpoint_support.html"""
    return f"sts.{region}.api." + ("amazonwebservices.com.cn" if region.startswith("cn-") else "aws")


def _endpoint(region: str) -> str:
    """Where STS is reached: at its host, or at what the deployment puts in its place, by the variables that AWS's SDKs
    know. https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html"""
    return os.environ.get("AWS_ENDPOINT_URL_STS") or os.environ.get("AWS_ENDPOINT_URL") or f"https://{sts_host(region)}"


def _ask_sts(headers: dict[str, str], region: str) -> tuple[int, bytes]:
    where = urlsplit(_endpoint(region))
    kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
    connection = kind(where.hostname or "", where.port, timeout=STS_SECONDS)
    try:
        connection.request("POST", "/", BODY, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(_MOST_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise Unproven(
            f"The relay can't reach STS to learn who calls ({type(error).__name__}): its security group needs a way "
            "out on port 443, and its subnet a route.",
            502,
        ) from None
    finally:
        connection.close()


def _parsed(text: bytes) -> Caller:
    """Exactly GetCallerIdentity's answer, element by element. https://docs.aws.amazon.com/STS/latest/APIReference/"""
    try:
        root = ElementTree.fromstring(text)
        result = root.find(f"{_XML}GetCallerIdentityResult") if root.tag == f"{_XML}GetCallerIdentityResponse" else None
        found = {name: result.findtext(f"{_XML}{name}") for name in ("Arn", "Account")} if result is not None else {}
    except ElementTree.ParseError:
        found = {}
    if not found.get("Arn") or not found.get("Account"):
        raise Unproven("STS answered something else than who calls.", 502)
    return Caller(str(found["Arn"]), str(found["Account"]))


def _code(text: bytes) -> str:
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return ""
    return next((element.text or "" for element in root.iter() if element.tag.endswith("Code")), "")
