"""Lambda: moto keeps functions, the data plane runs them, and AWS's rules come from here.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import json
import logging
import threading
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend, security_group, subnet
from localcloud.aws.iam.authority import role_refusal
from localcloud.aws.iam.principals import role_by_arn
from localcloud.aws.model_check import findings
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

log = logging.getLogger(__name__)
MOST_PAYLOAD_BYTES = 6 * 1024 * 1024
MOST_EVENT_BYTES = 1024 * 1024
_LOG_TAIL_BYTES = 4096
# An account's limit by default, and what of it AWS keeps free of reservations.
CONCURRENT_EXECUTIONS = 1000
UNRESERVED_EXECUTIONS = 100
_NOT_SIMULATED = ("Layers", "FileSystemConfigs", "DeadLetterConfig")


def register(rules: Rules, account: Account) -> None:
    @rules.check("lambda", "CreateFunction", "UpdateFunctionConfiguration")
    def sane(call: Call) -> None:
        for _kind, _path, sentence in findings(call.model.input_shape, call.params):
            raise Refusal("InvalidParameterValueException", sentence)
        if call.params.get("PackageType", "Zip") != "Zip":
            raise Refusal("InvalidParameterValueException", "The simulated Lambda runs functions from zip files only.")
        for member in _NOT_SIMULATED:
            if call.params.get(member) not in (None, [], {}, {"TargetArn": ""}):
                raise Refusal("InvalidParameterValueException", f"The simulated Lambda has no {member}.")
        config = call.params.get("VpcConfig") or {}
        if config.get("SubnetIds") or config.get("SecurityGroupIds"):
            _check_network(account, config)
            _check_role(account, call.params.get("Role") or _role(account, call.params["FunctionName"]))

    @rules.check("lambda", "CreateFunction", "UpdateFunctionCode")
    def newest_only(call: Call) -> None:
        if call.params.get("Publish"):
            raise Refusal(
                "InvalidParameterValueException", "The simulated Lambda publishes no versions: a function has $LATEST."
            )

    @rules.after("lambda", "CreateFunction", "UpdateFunctionConfiguration", "GetFunctionConfiguration")
    def with_its_vpc(call: Call, result: dict[str, Any]) -> None:
        _name_vpc(account, result)

    @rules.after("lambda", "GetFunction")
    def with_its_vpc_too(call: Call, result: dict[str, Any]) -> None:
        _name_vpc(account, result["Configuration"])

    @rules.after("lambda", "ListFunctions")
    def all_with_their_vpc(call: Call, result: dict[str, Any]) -> None:
        for function in result["Functions"]:
            _name_vpc(account, function)

    # It lasts as long as the function runs, and the function may call this API.
    @rules.answer("lambda", "Invoke", unlocked=True)
    def invoke(call: Call) -> dict[str, Any]:
        return _invoke(account, call)

    @rules.check("lambda", "PutFunctionConcurrency")
    def leaves_enough(call: Call) -> None:
        _check_concurrency(account, call.params["FunctionName"], call.params["ReservedConcurrentExecutions"])


def _check_concurrency(account: Account, name: str, wanted: int) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"""
    functions = list(backend(account, "awslambda").list_functions())
    others = sum(f.reserved_concurrency or 0 for f in functions if f.function_name != _short(name))
    if CONCURRENT_EXECUTIONS - others - wanted < UNRESERVED_EXECUTIONS:
        raise Refusal(
            "InvalidParameterValueException",
            "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
            f"below its minimum value of [{UNRESERVED_EXECUTIONS}].",
        )


def _check_network(account: Account, config: dict[str, Any]) -> None:
    if not config.get("SubnetIds") or not config.get("SecurityGroupIds"):
        raise Refusal("InvalidParameterValueException", "VpcConfig needs both SubnetIds and SecurityGroupIds.")
    vpcs = set()
    for id in config["SubnetIds"]:
        place = subnet(account, id)
        if place is None:
            raise Refusal(
                "InvalidParameterValueException",
                "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: "
                f"The subnet ID '{id}' does not exist",
            )
        vpcs.add(place.vpc_id)
    for id in config["SecurityGroupIds"]:
        group = security_group(account, id)
        if group is None:
            raise Refusal(
                "InvalidParameterValueException",
                "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error "
                f"Message: The security group '{id}' does not exist",
            )
        vpcs.add(group.vpc_id)
    if len(vpcs) > 1:
        raise Refusal(
            "InvalidParameterValueException",
            "Security Groups are required to be in the same VPC as the subnets; these are in "
            f"{', '.join(sorted(vpcs))}.",
        )


def _role(account: Account, name: str) -> str:
    """The role of a function; empty for one that moto will say doesn't exist."""
    found = _find(account, name)
    return found.role if found else ""


def _find(account: Account, name: str) -> Any | None:
    """moto's function by name, ARN, or either with a qualifier."""
    short = _short(name)
    functions = list(backend(account, "awslambda").list_functions())
    return next((function for function in functions if function.function_name == short), None)


def _short(name: str) -> str:
    return name.rpartition(":function:")[2].split(":")[0]


# "Your function's execution role needs permissions to create and manage network interfaces"
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
_INTERFACES = ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface")


def _check_role(account: Account, arn: str) -> None:
    """A function in a VPC makes its network interfaces with its own role."""
    if role_by_arn(account, arn) is None:
        return  # moto refuses it
    for action in _INTERFACES:
        if role_refusal(account, arn, f"ec2:{action}", "*") is not None:
            raise Refusal(
                "InvalidParameterValueException",
                f"The provided execution role does not have permissions to call {action} on EC2: attach "
                f"AWSLambdaVPCAccessExecutionRole to {arn}.",
            )


def _name_vpc(account: Account, function: dict[str, Any]) -> None:
    """moto calls every function's VPC vpc-123abc."""
    config = function.get("VpcConfig") or {}
    places = [subnet(account, id) for id in config.get("SubnetIds") or []]
    if places and places[0] is not None:
        config["VpcId"] = places[0].vpc_id


def _invoke(account: Account, call: Call) -> dict[str, Any]:
    name = call.params["FunctionName"]
    kind = call.params.get("InvocationType") or "RequestResponse"
    payload = call.params.get("Payload") or b"{}"
    _check_qualifier(name, call.params.get("Qualifier"))
    _check_invocation(account, name, kind, payload)
    run = account.facts.invoke
    if run is None:
        raise Refusal("ServiceException", "Nothing runs functions here: the data plane of the local cloud is not up.")
    if kind == "DryRun":
        return {"StatusCode": 204}
    if kind == "Event":
        threading.Thread(target=_quietly, args=(run, name, payload), name=f"event {name}", daemon=True).start()
        return {"StatusCode": 202, "Payload": b""}
    result = run(name, payload)
    answer: dict[str, Any] = {"StatusCode": 200, "Payload": result.payload, "ExecutedVersion": "$LATEST"}
    if result.function_error:
        answer["FunctionError"] = result.function_error
    if call.params.get("LogType") == "Tail":
        answer["LogResult"] = base64.b64encode(result.log_tail.encode()[-_LOG_TAIL_BYTES:]).decode()
    return answer


def _check_qualifier(name: str, given: str | None) -> None:
    """Versions and aliases are refused when they are made (``unserved``), so none can be called."""
    short, _, in_name = name.rpartition(":function:")[2].partition(":")
    if (qualifier := given or in_name or "$LATEST") != "$LATEST":
        raise Refusal("ResourceNotFoundException", f"Function not found: {short}:{qualifier}; it has $LATEST only.")


def _check_invocation(account: Account, name: str, kind: str, payload: bytes) -> None:
    function = _find(account, name)
    if function is None:
        arn = f"arn:aws:lambda:{account.region}:{account.account_id}:function:{_short(name)}"
        raise Refusal("ResourceNotFoundException", f"Function not found: {arn}")
    if function.reserved_concurrency == 0:
        raise Refusal("TooManyRequestsException", "Rate Exceeded: the function's reserved concurrency is 0.")
    if kind not in ("RequestResponse", "Event", "DryRun"):
        raise Refusal(
            "InvalidParameterValueException",
            f"InvocationType is {kind!r}, which is none of RequestResponse, Event, DryRun.",
        )
    most = MOST_EVENT_BYTES if kind == "Event" else MOST_PAYLOAD_BYTES
    if len(payload) > most:
        raise Refusal("RequestTooLargeException", f"Request must be smaller than {most} bytes for the {kind} operation")
    try:
        json.loads(payload)
    except ValueError:
        raise Refusal("InvalidRequestContentException", "Could not parse request body into json.") from None


def _quietly(run: Any, name: str, payload: bytes) -> None:
    """An asynchronous invocation: nobody waits for its end, so the log is where a failure goes."""
    try:
        result = run(name, payload)
    except Exception:
        log.exception("The event for function %s could not be delivered", name)
    else:
        if result.function_error:
            log.warning("Function %s failed on an event (%s)", name, result.function_error)
