"""Listeners and rules: actions that lead somewhere, and AWS's limits.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-listeners.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend
from localcloud.aws.model_check import findings
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

SERVICE = "elbv2"
MOST_VALUES = 5  # condition values a rule
MOST_VALUES_EACH = 3  # "up to three match evaluations per condition" (rule-condition-types.html, "Condition basics")
MOST_RULES = 100  # a load balancer, without default rules
_PATTERN = re.compile(r"[A-Za-z0-9_\-.$/~\"'@:+&*?]+")  # load-balancer-listeners.html, "Path conditions"
_CHANGES = (
    "CreateListener",
    "ModifyListener",
    "DeleteListener",
    "CreateRule",
    "ModifyRule",
    "DeleteRule",
    "DeleteLoadBalancer",
)


def register(rules: Rules, account: Account) -> None:
    @rules.check(SERVICE, "CreateListener", "ModifyListener")
    def listener_sane(call: Call) -> None:
        _check_model(call)
        params = call.params
        listener = _listener(account, params.get("ListenerArn"))
        arn = listener.load_balancer_arn if listener else params.get("LoadBalancerArn", "")
        balancer = backend(account, SERVICE).load_balancers.get(arn)
        if balancer is None:
            return  # moto says so
        _check_listener(balancer, listener, params)
        _check_actions(account, balancer, params.get("DefaultActions"))

    @rules.check(SERVICE, "CreateRule", "ModifyRule")
    def rule_sane(call: Call) -> None:
        _check_model(call)
        params = call.params
        listener = _listener(account, params.get("ListenerArn")) or _listener_of_rule(account, params.get("RuleArn"))
        if listener is None:
            return
        balancer = backend(account, SERVICE).load_balancers[listener.load_balancer_arn]
        _check_conditions(params.get("Conditions"))
        _check_actions(account, balancer, params.get("Actions"))
        if call.operation == "CreateRule":
            count = sum(len(one._non_default_rules) for one in balancer.listeners.values())
            if count >= MOST_RULES:
                raise Refusal(
                    "TooManyRules",
                    f"The load balancer {balancer.name} has {MOST_RULES} rules, which is the most.",
                )

    @rules.after(SERVICE, *_CHANGES)
    def who_uses_target_groups(call: Call, result: dict[str, Any]) -> None:
        """moto adds a load balancer with each action that names the group, and never takes one away."""
        elb = backend(account, SERVICE)
        for group in elb.target_groups.values():
            group.load_balancer_arns = sorted(users(elb, group.arn))


def users(elb: Any, group_arn: str) -> set[str]:
    """ARNs of the load balancers that forward to a target group."""
    return {
        balancer.arn
        for balancer in elb.load_balancers.values()
        for listener in balancer.listeners.values()
        for rule in listener.rules.values()
        for action in rule.actions
        if group_arn in _target_groups(action.data)
    }


def _check_model(call: Call) -> None:
    for _kind, _path, sentence in findings(call.model.input_shape, call.params):
        raise Refusal("ValidationError", sentence)


def _listener(account: Account, arn: str | None) -> Any | None:
    balancers = backend(account, SERVICE).load_balancers.values()
    return next((balancer.listeners[arn] for balancer in balancers if arn and arn in balancer.listeners), None)


def _listener_of_rule(account: Account, arn: str | None) -> Any | None:
    for balancer in backend(account, SERVICE).load_balancers.values():
        for listener in balancer.listeners.values():
            if any(rule.arn == arn for rule in listener.rules.values()):
                return listener
    return None


def _check_listener(balancer: Any, listener: Any | None, params: dict[str, Any]) -> None:
    port = params.get("Port") or (listener.port if listener else None)
    for other in balancer.listeners.values():
        if other is not listener and str(other.port) == str(port):
            raise Refusal(
                "DuplicateListener",
                f"A listener already exists on this port for this load balancer: {port} of {balancer.name}.",
            )
    protocol = params.get("Protocol") or (listener.protocol if listener else None)
    certificates = params.get("Certificates") or (listener.certificates if listener else None)
    if protocol == "HTTPS" and not certificates:
        raise Refusal("CertificateNotFound", f"The HTTPS listener on port {port} needs a certificate.")
    if protocol == "HTTP" and params.get("Certificates"):
        raise Refusal("UnsupportedProtocol", f"The HTTP listener on port {port} takes no certificate.")


def _check_actions(account: Account, balancer: Any, actions: list[dict[str, Any]] | None) -> None:
    if actions is None:
        return
    terminal = [action for action in actions if not action["Type"].startswith("authenticate-")]
    if len(terminal) != 1:
        raise Refusal(
            "InvalidLoadBalancerAction",
            f"Exactly one action must forward, redirect or answer; there are {len(terminal)}.",
        )
    for action in actions:
        config = {"redirect": "RedirectConfig", "fixed-response": "FixedResponseConfig"}.get(action["Type"])
        if config and not action.get(config):
            raise Refusal("ValidationError", f"An action of type {action['Type']} needs a {config}.")
        if action["Type"] == "forward":
            _check_forward(account, balancer, action)


def _check_forward(account: Account, balancer: Any, action: dict[str, Any]) -> None:
    arns = list(_target_groups(action))
    if not arns:
        raise Refusal("ValidationError", "An action of type forward needs a target group.")
    elb = backend(account, SERVICE)
    for arn in arns:
        group = elb.target_groups.get(arn)
        if group is None:
            raise Refusal("TargetGroupNotFound", f"Target group '{arn}' not found")
        if group.vpc_id and group.vpc_id != balancer.vpc_id:
            raise Refusal(
                "InvalidConfigurationRequest",
                f"The target group {arn} is in {group.vpc_id}, and the load balancer {balancer.name} in "
                f"{balancer.vpc_id}.",
            )
        if group.protocol not in ("HTTP", "HTTPS", None):
            raise Refusal(
                "IncompatibleProtocols",
                f"The target group {arn} has the protocol {group.protocol}; an application load balancer forwards to "
                "HTTP and HTTPS.",
            )
        others = users(elb, arn) - {balancer.arn}
        if others:
            raise Refusal(
                "TargetGroupAssociationLimit",
                f"The following target groups cannot be associated with more than one load balancer: {arn} is with "
                f"{', '.join(sorted(others))}.",
            )


def _target_groups(action: dict[str, Any]) -> Iterator[str]:
    if action.get("TargetGroupArn"):
        yield action["TargetGroupArn"]
    for item in (action.get("ForwardConfig") or {}).get("TargetGroups") or []:
        yield item["TargetGroupArn"]


def _check_conditions(conditions: list[dict[str, Any]] | None) -> None:
    if conditions is None:
        return
    if not conditions:
        raise Refusal("ValidationError", "A rule needs at least one condition.")
    values = [value for condition in conditions for value in _values(condition)]
    if len(values) > MOST_VALUES:
        raise Refusal(
            "ValidationError",
            f"A rule can only have '{MOST_VALUES}' condition values; this one has {len(values)}.",
        )
    for condition in conditions:
        if len(_values(condition)) > MOST_VALUES_EACH:
            raise Refusal(
                "ValidationError",
                f"A condition can only have '{MOST_VALUES_EACH}' values; the one on {condition.get('Field')} has "
                f"{len(_values(condition))}.",
            )
        if condition.get("Field") == "path-pattern":
            for value in _values(condition):
                if not _PATTERN.fullmatch(value):
                    raise Refusal(
                        "ValidationError",
                        f"The path pattern {value!r} has a character that is not allowed there.",
                    )


def _values(condition: dict[str, Any]) -> list[Any]:
    configs = [config for name, config in condition.items() if name.endswith("Config") and config]
    found = [value for config in configs for value in (config.get("Values") or [])]
    return found or list(condition.get("Values") or [])
