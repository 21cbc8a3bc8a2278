"""Delivery of vended logs, as far as it is simulated: CloudFront's access logs into a log group.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDeliverySource.html and its neighbours;
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logging.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend
from localcloud.aws.model_check import findings
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

if TYPE_CHECKING:
    from localcloud.aws.cloudfront.state import State as CloudFront

SERVICE = "logs"
EDGE_REGION = "us-east-1"
# What the local edge writes down; standard-logs-reference.html, "Log file fields".
FIELDS = frozenset(
    (
        "date",
        "time",
        "c-ip",
        "c-port",
        "cs-method",
        "cs(Host)",
        "cs-uri-stem",
        "cs-uri-query",
        "cs-protocol",
        "cs-protocol-version",
        "cs(User-Agent)",
        "cs(Referer)",
        "cs(Cookie)",
        "sc-status",
        "sc-bytes",
        "time-taken",
        "time-to-first-byte",
        "x-edge-location",
        "x-edge-request-id",
        "x-edge-result-type",
        "x-edge-response-result-type",
        "x-edge-detailed-result-type",
        "x-host-header",
    )
)
_WRONG = "ValidationException"
_CHANGES = ("PutDeliverySource", "PutDeliveryDestination", "CreateDelivery", "UpdateDeliveryConfiguration")


def register(rules: Rules, account: Account, cloudfront: CloudFront) -> None:
    def held(call: Call) -> Any:
        return backend(account, SERVICE, call.region)

    @rules.check(SERVICE, *_CHANGES)
    def sane(call: Call) -> None:
        for _kind, _path, sentence in findings(call.model.input_shape, call.params):
            raise Refusal(_WRONG, sentence)

    @rules.check(SERVICE, "PutDeliverySource")
    def of_a_distribution(call: Call) -> None:
        arn = call.params["resourceArn"]
        if arn.split(":")[2:3] != ["cloudfront"] or call.params["logType"] != "ACCESS_LOGS":
            raise Refusal(_WRONG, f"{arn}, {call.params['logType']}: only CloudFront's ACCESS_LOGS are simulated.")
        if call.region != EDGE_REGION:
            raise Refusal(_WRONG, f"CloudFront's logs are configured in {EDGE_REGION}, not in {call.region}.")
        if arn not in {distribution.arn for distribution in cloudfront.distributions.values()}:
            raise Refusal("ResourceNotFoundException", f"There is no distribution {arn}.")
        for source in held(call).delivery_sources.values():
            if arn in source.resource_arns and source.name != call.params["name"]:
                raise Refusal(
                    "ConflictException",
                    "This ResourceId has already been used in another Delivery Source in this account.",
                )

    @rules.check(SERVICE, "PutDeliveryDestination")
    def into_a_group(call: Call) -> None:
        arn = (call.params.get("deliveryDestinationConfiguration") or {}).get("destinationResourceArn", "")
        if arn.split(":")[2:3] != ["logs"]:
            raise Refusal(_WRONG, f"The destination {arn} is no log group, and only those are simulated.")
        if call.params.get("outputFormat") not in (None, "json"):
            raise Refusal(_WRONG, f"The format {call.params['outputFormat']} isn't simulated; json is.")
        if group_name(arn) not in held(call).groups:
            raise Refusal("ResourceNotFoundException", f"There is no log group {group_name(arn)} in {call.region}.")

    @rules.check(SERVICE, "CreateDelivery", "UpdateDeliveryConfiguration")
    def with_known_fields(call: Call) -> None:
        given = call.params.get("recordFields")
        if given is None and call.operation == "CreateDelivery":
            raise Refusal(_WRONG, "Name the recordFields: CloudFront's default ones aren't all simulated.")
        unknown = [name for name in given or () if name not in FIELDS]
        if unknown:
            raise Refusal(
                _WRONG, f"The local edge doesn't write {', '.join(unknown)}; it knows {', '.join(sorted(FIELDS))}."
            )

    @rules.answer(SERVICE, "UpdateDeliveryConfiguration")
    def update(call: Call) -> dict[str, Any]:
        delivery = held(call).deliveries.get(call.params["id"])
        if delivery is None:
            raise Refusal("ResourceNotFoundException", "Requested Delivery does not exist in this account.")
        if call.params.get("recordFields") is not None:
            delivery.record_fields = call.params["recordFields"]
        return {}

    @rules.check(SERVICE, "DeleteDeliverySource", "DeleteDeliveryDestination")
    def without_deliveries(call: Call) -> None:
        name = call.params["name"]
        for delivery in held(call).deliveries.values():
            destination = delivery.delivery_destination_arn.rpartition(":")[2]
            used = delivery.delivery_source_name if call.operation == "DeleteDeliverySource" else destination
            if used == name:
                raise Refusal("ConflictException", f"The delivery {delivery.id} uses {name}: delete it first.")


def group_name(arn: str) -> str:
    """The log group that a destination's ARN names."""
    return arn.partition(":log-group:")[2].removesuffix(":*")
