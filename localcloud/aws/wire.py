"""AWS's wire protocols, both ways, from botocore's service models: HTTP request → ``Call``, result → HTTP response.

The routers, parsers and serialisers are moto's (``moto.core``); they turn botocore's models round to the server's side.
"""

from __future__ import annotations

import io
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.parsers import ResponseParser, create_parser
from moto.core.model import OperationModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from localcloud.aws.account import Account
from localcloud.aws.addresses import AS_STORED
from localcloud.aws.iam.principals import Principal

# Signing names (what a SigV4 scope carries) that differ from botocore's name of the service.
_SERVICE_OF_SIGNING_NAME = {
    "monitoring": "cloudwatch",
    "execute-api": "apigatewaymanagementapi",
    "email": "ses",
    "servicequotas": "service-quotas",
}
_ELB_V2_VERSION = (
    "2015-12-01"  # both generations of ELB sign as "elasticloadbalancing"; the API version tells them apart
)


# Common errors ("NotImplemented", "InternalFailure"…) are in no service's model, and moto warns of each.
warnings.filterwarnings("ignore", message=r"Exception\(\w+\) with code", category=UserWarning)


@dataclass
class Call:
    """One API call, understood. ``note`` is for a check to hand something to the ``after`` of the same call; ``caller``
    is who signed it; ``as_stored`` asks for values with the names that AWS gave (``addresses.py``)."""

    account: Account
    service: str
    model: OperationModel
    protocol: str
    params: dict[str, Any]
    region: str
    note: dict[str, Any] = field(default_factory=dict)
    caller: Principal | None = None
    as_stored: bool = False

    @property
    def operation(self) -> str:
        return str(self.model.name)


@dataclass
class Response:
    """An HTTP response. Header names are kept as given; ``body`` is complete, unless ``chunks`` come in its place."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    chunks: Iterator[bytes] | None = None

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def buffered(environ: dict[str, Any]) -> bytes:
    """Read the request's whole body and put it back: several readers need it, and keep-alive needs it consumed."""
    length = environ.get("CONTENT_LENGTH") or ""
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):  # chunked: werkzeug's stream ends by itself
        body = stream.read()
    else:
        body = stream.read(int(length)) if length else b""
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input_terminated"] = False
    rewind(environ, body)
    return body


def rewind(environ: dict[str, Any], body: bytes) -> None:
    environ["wsgi.input"] = io.BytesIO(body)


def scope(environ: dict[str, Any]) -> tuple[str, str] | None:
    """(signing name, region) of a SigV4-signed request, by header or by query string; None when unsigned."""
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    credential = authorization.partition("Credential=")[2].split(",")[0]
    if not credential:
        request = Request({**environ, "wsgi.input": io.BytesIO()})
        credential = request.args.get("X-Amz-Credential", "")
    parts = credential.split("/")
    return (parts[3], parts[2]) if len(parts) == 5 else None


def service_of(signing_name: str, environ: dict[str, Any], body: bytes) -> str:
    """botocore's name of the service that a request signed as ``signing_name`` is for."""
    name = signing_name.lower()
    if name == "elasticloadbalancing":
        return "elbv2" if f"Version={_ELB_V2_VERSION}".encode() in body + environ["QUERY_STRING"].encode() else "elb"
    if name == "bedrock" and environ["PATH_INFO"].startswith("/model/"):
        return "bedrock-runtime"  # the control plane signs with the same name
    return _SERVICE_OF_SIGNING_NAME.get(name, name)


def read(account: Account, service: str, region: str, environ: dict[str, Any], body: bytes) -> Call | None:
    """Understand a request to ``service``; None when its model has no such operation."""
    rewind(environ, body)
    request = Request(dict(environ))
    request.get_data(cache=True, parse_form_data=False)
    model = get_service_model(service)
    try:
        operation, url_params = get_service_router(service).match(request)
    except NotFound:
        return None
    protocol = determine_request_protocol(model, request.content_type)
    parsed = PROTOCOL_PARSERS[protocol](operation).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.get_data(),
            "url_path": request.path,
            "url_params": url_params,
        }
    )
    return Call(
        account, service, operation, protocol, parsed, region, as_stored=request.headers.get(AS_STORED) is not None
    )


def result_of(call: Call, response: Response) -> dict[str, Any]:
    """Parse an answer of ``call`` as botocore's client would."""
    parser = _parser(call.protocol)
    headers = {name.lower(): value for name, value in response.headers}
    parsed = parser.parse(
        {"status_code": response.status, "headers": headers, "body": response.body}, call.model.output_shape
    )
    parsed.pop("ResponseMetadata", None)
    return parsed


def answer(call: Call, result: dict[str, Any] | Exception, request_id: str | None = None) -> Response:
    """Serialise a result, or an error with ``code`` and ``message``, as ``call``'s service would."""
    request_id = request_id or str(uuid.uuid4())
    serializer = get_serializer_class(call.service, call.protocol)(
        operation_model=call.model, context=SerializationContext(request_id), value_picker=_pick
    )
    out = serializer.serialize(result)
    content = out["body"] or b""  # None: a payload that the result doesn't have
    body = content if isinstance(content, bytes) else content.encode()
    out["headers"].update(_own_content_type(call, result))  # moto's serialiser puts the protocol's over it
    headers = [(name, str(value)) for name, value in out["headers"].items()]
    headers += [("x-amzn-RequestId", request_id), ("Content-Length", str(len(body)))]
    return Response(_status(call, result) or out["status_code"], headers, body)


def _own_content_type(call: Call, result: dict[str, Any] | Exception) -> dict[str, str]:
    """The Content-Type that a result itself carries, where the model has a member for it (GetFunction's)."""
    shape: Any = call.model.output_shape
    if shape is None or isinstance(result, Exception):
        return {}
    named = {member.serialization.get("name"): name for name, member in shape.members.items()}
    value = result.get(named.get("Content-Type", ""))
    return {"Content-Type": value} if value else {}


def _status(call: Call, result: dict[str, Any] | Exception) -> int | None:
    """The status that a result itself carries, where the model has a member for it (Lambda's StatusCode)."""
    shape: Any = call.model.output_shape
    if shape is None or isinstance(result, Exception):
        return None
    names = [name for name, member in shape.members.items() if member.serialization.get("location") == "statusCode"]
    return result.get(names[0]) if names else None


def _pick(context: Any) -> Any:
    """The value of one member: our results are plain dicts, whose attributes (``items``…) are not members."""
    value = context.obj
    return value.get(context.key) if isinstance(value, dict) else getattr(value, context.key, None)


@cache
def _parser(protocol: str) -> ResponseParser:
    return create_parser(protocol)
