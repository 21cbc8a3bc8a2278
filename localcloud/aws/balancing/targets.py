"""Target groups and targets: sane health checks, addresses that can be reached, health as the data plane measures it.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from localcloud.aws.account import Account, TargetFact
from localcloud.aws.backends import backend
from localcloud.aws.model_check import findings
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

SERVICE = "elbv2"
_REGISTERING = TargetFact("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
_NOT_IN_USE = TargetFact(
    "unused", "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"
)
_NOT_REGISTERED = TargetFact("unused", "Target.NotRegistered", "Target is not registered to the target group")


def register(rules: Rules, account: Account) -> None:
    @rules.check(SERVICE, "CreateTargetGroup", "ModifyTargetGroup")
    def sane(call: Call) -> None:
        _check_model(call)
        _check_health_check(call.params)
        if call.operation == "CreateTargetGroup" and call.params.get("Protocol", "HTTP") not in ("HTTP", "HTTPS"):
            raise Refusal(
                "OperationNotPermitted",
                "The simulated ELB has application load balancers only: a target group's protocol is HTTP or HTTPS, "
                f"not {call.params['Protocol']}.",
            )

    @rules.check(SERVICE, "RegisterTargets")
    def reachable(call: Call) -> None:
        _check_model(call)
        group = _group(account, call)
        for target in call.params["Targets"]:
            _check_target(account, group, target)

    @rules.answer(SERVICE, "DeregisterTargets")
    def deregister(call: Call) -> dict[str, Any]:
        """A target that isn't registered is no error (API_DeregisterTargets.html); moto makes it one."""
        group = _group(account, call)
        known = [target for target in call.params["Targets"] if target["Id"] in group.targets]
        if known:
            backend(account, SERVICE).deregister_targets(group.arn, known)
        return {}

    @rules.answer(SERVICE, "DescribeTargetHealth")
    def health(call: Call) -> dict[str, Any]:
        group = _group(account, call)
        facts = dict(account.facts.targets.get(group.arn, {}))
        registered = [(target["Id"], int(target["Port"])) for target in group.targets.values()]
        asked = [(target["Id"], int(target.get("Port") or group.port)) for target in call.params.get("Targets") or []]
        draining = [place for place, fact in facts.items() if fact.state == "draining" and place not in registered]
        shown = asked or [*registered, *draining]
        return {
            "TargetHealthDescriptions": [
                _described(group, place, _fact(group, facts, place, place in registered)) for place in shown
            ]
        }

    @rules.check(SERVICE, "DeleteTargetGroup")
    def forget(call: Call) -> None:
        group = backend(account, SERVICE).target_groups.get(call.params["TargetGroupArn"])
        if group is not None and not group.load_balancer_arns:
            account.facts.targets.pop(group.arn, None)


def _check_model(call: Call) -> None:
    for _kind, _path, sentence in findings(call.model.input_shape, call.params):
        raise Refusal("ValidationError", sentence)


def _group(account: Account, call: Call) -> Any:
    group = backend(account, SERVICE).target_groups.get(call.params["TargetGroupArn"])
    if group is None:
        raise Refusal("TargetGroupNotFound", "One or more target groups not found")
    return group


def _check_health_check(params: dict[str, Any]) -> None:
    path = params.get("HealthCheckPath")
    if path is not None and (not path.startswith("/") or len(path) > 1024 or " " in path):
        raise Refusal(
            "ValidationError",
            f"Health check path '{path}' must begin with '/' and have at most 1024 characters, none of them a space.",
        )
    port = params.get("HealthCheckPort")
    if port not in (None, "traffic-port") and not (port.isdigit() and 1 <= int(port) <= 65535):
        raise Refusal(
            "ValidationError",
            f"Health check port '{port}' must be 'traffic-port' or a number from 1 to 65535.",
        )
    codes = (params.get("Matcher") or {}).get("HttpCode")
    if codes is not None:
        numbers = [int(code) for code in re.findall(r"\d+", codes)]
        if not re.fullmatch(r"\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*", codes) or not all(
            200 <= code <= 499 for code in numbers
        ):
            raise Refusal(
                "ValidationError",
                f"Health check matcher HTTP code '{codes}' must be codes from 200 to 499, like '200', '200,202' or "
                "'200-299'.",
            )


def _check_target(account: Account, group: Any, target: dict[str, Any]) -> None:
    if group.target_type != "ip":
        raise Refusal(
            "InvalidTarget",
            f"The target {target['Id']} can't be registered: the target group {group.name} takes targets of type "
            f"{group.target_type}, and the simulated account has none.",
        )
    try:
        address = IPv4Address(target["Id"])
    except ValueError:
        raise Refusal("ValidationError", f"The target '{target['Id']}' is not a valid IPv4 address.") from None
    blocks = [
        block["cidr_block"]
        for block in backend(account, "ec2").get_vpc(group.vpc_id).get_cidr_block_association_set(ipv6=False)
    ]
    inside = any(address in IPv4Network(block) for block in blocks)
    if not inside and target.get("AvailabilityZone") != "all":
        raise Refusal(
            "ValidationError",
            "You must specify an Availability Zone of 'all' for IP addresses outside the VPC of the target group: "
            f"{address} is not in {', '.join(blocks)}.",
        )


def _fact(group: Any, facts: dict[tuple[str, int], TargetFact], place: tuple[str, int], registered: bool) -> TargetFact:
    fact = facts.get(place)
    if not registered:
        return fact if fact and fact.state == "draining" else _NOT_REGISTERED
    if not group.load_balancer_arns:
        return _NOT_IN_USE
    return fact or _REGISTERING


def _described(group: Any, place: tuple[str, int], fact: TargetFact) -> dict[str, Any]:
    port = group.health_check_port
    health = {"State": fact.state, "Reason": fact.reason, "Description": fact.description}
    return {
        "Target": {"Id": place[0], "Port": place[1]},
        "HealthCheckPort": str(place[1]) if port in (None, "traffic-port") else port,
        "TargetHealth": {name: value for name, value in health.items() if value is not None},
    }
