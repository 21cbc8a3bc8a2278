"""Doors: the internal load balancer with the public door (default deny) and the admin door."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.allow_list import OpenPath, rules
from components.network import ADMIN_DOOR_PORT, HTTPS_PORT, PUBLIC_DOOR_PORT, TASK_PORT

# The path of a URL, whatever it is; the query stays. https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-transforms.html
WHOLE_PATH = "^[^?]*"
# Longer than the edge waits for the origin (120 s), so that the edge is the one that gives up.
IDLE_SECONDS = 180
# Answers 503 while the database can't be reached, so a new task takes no traffic before it can check keys.
HEALTH_PATH = "/health/readiness"

# TLS 1.2 and 1.3 with forward secrecy.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"

# What a listener does by default and what a rule of it does have the same form.
Action = aws.lb.ListenerDefaultActionArgsDict

REFUSAL = json.dumps(
    {
        "error": {
            "message": "This path is not open at the gateway's public address.",
            "type": "permission_error",
            "param": None,
            "code": "403",
        }
    }
)


def public_port(secure: bool) -> int:
    """The public door's port, with or without a certificate."""
    return HTTPS_PORT if secure else PUBLIC_DOOR_PORT


@dataclass(frozen=True)
class DoorsArgs:
    """The public door answers 403 to everything but `allowed_paths`. With a `domain_name` and the `certificate_arn` for
    it (ACM, in the stack's region) both doors speak HTTPS. Who called what goes to `log_bucket`, if there is one, below
    `prefix`."""

    prefix: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    allowed_paths: Sequence[OpenPath]
    protect: bool
    domain_name: str = ""
    certificate_arn: pulumi.Input[str] | None = None
    log_bucket: str = ""


class Doors(pulumi.ComponentResource):
    """The load balancer. `ready` are the resources that must exist before a service registers with
    `target_group_arn`. `host` is how it is called: its own name at AWS, or `domain_name`, which its certificate is for;
    `zone_id` is the hosted zone of the former."""

    arn: pulumi.Output[str]
    dns_name: pulumi.Output[str]
    zone_id: pulumi.Output[str]
    host: pulumi.Output[str]
    target_group_arn: pulumi.Output[str]
    arn_suffix: pulumi.Output[str]
    target_group_arn_suffix: pulumi.Output[str]
    admin_url: pulumi.Output[str]
    public_listener: aws.lb.Listener
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: DoorsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:gateway:Doors", name, None, opts)
        self._name, self._certificate_arn = name, args.certificate_arn
        self._mine = pulumi.ResourceOptions(parent=self)
        balancer = aws.lb.LoadBalancer(
            f"{name}-alb",
            name=args.prefix,
            load_balancer_type="application",
            internal=True,
            subnets=list(args.subnet_ids),
            security_groups=[args.security_group_id],
            idle_timeout=IDLE_SECONDS,
            # headers and requests that two parsers could read in two ways never reach LiteLLM
            drop_invalid_header_fields=True,
            desync_mitigation_mode="strictest",
            enable_deletion_protection=args.protect,
            access_logs={"bucket": args.log_bucket, "prefix": args.prefix, "enabled": True}
            if args.log_bucket
            else None,
            opts=self._mine,
        )
        targets = self._targets(args)
        self.arn, self.dns_name, self.target_group_arn = balancer.arn, balancer.dns_name, targets.arn
        self.zone_id = balancer.zone_id
        self.host = pulumi.Output.from_input(args.domain_name) if args.domain_name else balancer.dns_name
        # the names by which metrics know them
        self.arn_suffix, self.target_group_arn_suffix = balancer.arn_suffix, targets.arn_suffix
        self.public_listener = self._listener("public", balancer, public_port(self._secure), self._refuse())
        admin = self._listener("admin", balancer, ADMIN_DOOR_PORT, self._forward(targets))
        self.ready = [self.public_listener, admin, *self._public_rules(args.allowed_paths, targets)]
        scheme = "https" if self._secure else "http"
        self.admin_url = pulumi.Output.format("{0}://{1}:{2}", scheme, self.host, ADMIN_DOOR_PORT)
        self.register_outputs({"adminUrl": self.admin_url})

    @property
    def _secure(self) -> bool:
        return self._certificate_arn is not None

    def _targets(self, args: DoorsArgs) -> aws.lb.TargetGroup:
        return aws.lb.TargetGroup(
            f"{self._name}-litellm",
            # a prefix, because a replacement has to exist beside the old group while the listeners move over
            name_prefix="llmgw-",
            port=TASK_PORT,
            protocol="HTTP",
            target_type="ip",
            vpc_id=args.vpc_id,
            # time for streams to end when a task is replaced
            deregistration_delay=120,
            health_check={
                "path": HEALTH_PATH,
                "protocol": "HTTP",
                "matcher": "200",
                "interval": 15,
                "timeout": 10,
                "healthy_threshold": 2,
                "unhealthy_threshold": 3,
            },
            opts=self._mine,
        )

    def _listener(self, door: str, balancer: aws.lb.LoadBalancer, port: int, action: Action) -> aws.lb.Listener:
        # without a certificate plain HTTP: both doors are private, and the edge's TLS ends at CloudFront's own
        # interface in the VPC
        return aws.lb.Listener(
            f"{self._name}-{door}",
            load_balancer_arn=balancer.arn,
            port=port,
            protocol="HTTPS" if self._secure else "HTTP",
            certificate_arn=self._certificate_arn,
            ssl_policy=TLS_POLICY if self._secure else None,
            default_actions=[action],
            opts=self._mine,
        )

    @staticmethod
    def _forward(targets: aws.lb.TargetGroup) -> Action:
        return {"type": "forward", "target_group_arn": targets.arn}

    @staticmethod
    def _refuse() -> Action:
        return {
            "type": "fixed-response",
            "fixed_response": {"status_code": "403", "content_type": "application/json", "message_body": REFUSAL},
        }

    def _public_rules(self, paths: Sequence[OpenPath], targets: aws.lb.TargetGroup) -> list[aws.lb.ListenerRule]:
        """A rule a path. The load balancer compares the path after normalising it, doesn't say how, and forwards it as
        it came: what it takes for `/v1/models` may be `/ui/../v1/models` to LiteLLM. So each rule forwards its own
        literal in place of what it matched. docs/edge.md"""
        return [
            aws.lb.ListenerRule(
                f"{self._name}-public-{number}",
                listener_arn=self.public_listener.arn,
                priority=10 * number,
                conditions=[
                    {"path_pattern": {"values": [one.path]}},
                    {"http_request_method": {"values": list(one.methods)}},
                ],
                transforms=[
                    {
                        "type": "url-rewrite",
                        "url_rewrite_config": {"rewrite": {"regex": WHOLE_PATH, "replace": one.path}},
                    }
                ],
                actions=[self._forward(targets)],
                opts=self._mine,
            )
            for number, one in enumerate(rules(paths), start=1)
        ]
