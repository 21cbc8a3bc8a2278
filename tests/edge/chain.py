"""Edge → public door → LiteLLM: the deployed program's data plane, whole or with one of its two doors taken out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from localcloud.aws.account import Account
from localcloud.dataplane.alb import LoadBalancers
from localcloud.dataplane.edge import Distributions
from localcloud.dataplane.readings import Readings
from localcloud.net.fabric import Fabric
from localcloud.net.model import Interface
from localcloud.tls import Authority
from tests.edge.deployed import deploy
from tests.net.world import MACHINE_CIDR, permission, until

TASK = "10.20.1.200"


class Stack:
    """The deployed program, and ways to weaken it. Each change is undone by `restore`."""

    def __init__(self, account: Account, **changes: Any) -> None:
        self.account = account
        self.made = deploy(account, **changes)
        self.elb, self.ec2 = account.client("elbv2"), account.client("ec2")
        self.cloudfront = account.client("cloudfront")
        self.guard = self.made["edge-guard"]["code"]
        self.listener, self.targets = self.made["doors-public"]["arn"], self.made["doors-litellm"]["arn"]
        self.forward = {"Type": "forward", "TargetGroupArn": self.targets}
        described = self.elb.describe_rules(ListenerArn=self.listener)["Rules"]
        self._default = next(rule["Actions"] for rule in described if rule["IsDefault"])
        self._rules = [rule for rule in described if not rule["IsDefault"]]
        self._config = self._distribution()["DistributionConfig"]
        # Whoever takes the edge out of the way stands before the public door.
        door = permission(80, cidr=MACHINE_CIDR)
        self.ec2.authorize_security_group_ingress(GroupId=self.made["network-alb"]["id"], IpPermissions=[door])

    def set_guard(self, code: str) -> None:
        """Publishes other code of the guard."""
        name = self.made["edge-guard"]["name"]
        etag = self.cloudfront.describe_function(Name=name)["ETag"]
        config = {"Comment": "weakened", "Runtime": "cloudfront-js-2.0"}
        etag = self.cloudfront.update_function(
            Name=name, IfMatch=etag, FunctionConfig=config, FunctionCode=code.encode()
        )["ETag"]
        self.cloudfront.publish_function(Name=name, IfMatch=etag)

    def set_behaviours(self, guarded: bool = True, denied: bool = True) -> None:
        """The distribution with or without the guard, and with or without the four that deny."""
        found = self._distribution()
        config = {**self._config, "DefaultCacheBehavior": dict(self._config["DefaultCacheBehavior"])}
        if not guarded:
            config["DefaultCacheBehavior"]["FunctionAssociations"] = {"Quantity": 0}
        if not denied:
            config["CacheBehaviors"] = {"Quantity": 0}
        self.cloudfront.update_distribution(
            Id=self.made["edge-distribution"]["id"], IfMatch=found["ETag"], DistributionConfig=config
        )

    def set_default(self, action: dict[str, Any]) -> None:
        """What the public door does with what no rule takes."""
        self.elb.modify_listener(ListenerArn=self.listener, DefaultActions=[action])

    def open_door(self) -> None:
        """The public door forwards everything as it comes."""
        self.clear_rules()
        self.set_default(self.forward)

    def clear_rules(self) -> None:
        for rule in self.elb.describe_rules(ListenerArn=self.listener)["Rules"]:
            if not rule["IsDefault"]:
                self.elb.delete_rule(RuleArn=rule["RuleArn"])

    def add_rule(self, priority: int, conditions: list[dict[str, Any]], **more: Any) -> None:
        self.elb.create_rule(
            ListenerArn=self.listener, Priority=priority, Conditions=conditions, Actions=[self.forward], **more
        )

    def restore(self, transforms: bool = True, conditions: bool = True) -> None:
        """As deployed; without the rules' rewrites or their conditions on methods when asked to leave those out."""
        self.set_guard(self.guard)
        self.set_behaviours()
        self.set_default(self._default[0])
        self.clear_rules()
        for rule in self._rules:
            said = [{k: v for k, v in one.items() if k != "Values"} for one in rule["Conditions"]]
            kept = said if conditions else [one for one in said if one["Field"] == "path-pattern"]
            more = {"Transforms": rule["Transforms"]} if transforms else {}
            self.add_rule(int(rule["Priority"]), kept, **more)

    def _distribution(self) -> dict[str, Any]:
        return self.cloudfront.get_distribution_config(Id=self.made["edge-distribution"]["id"])


@dataclass
class Chain:
    """The running data plane: loopback ports of the edge and of the two doors."""

    stack: Stack
    fabric: Fabric
    balancers: LoadBalancers
    distributions: Distributions

    @property
    def edge(self) -> int:
        return self._port(f"https://{self.stack.made['edge-distribution']['domainName']}")

    @property
    def door(self) -> int:
        return self._port(f"http://{self.stack.made['doors-alb']['dnsName']}:80")

    @property
    def admin_door(self) -> int:
        return self._port(f"http://{self.stack.made['doors-alb']['dnsName']}:8080")

    def _port(self, url: str) -> int:
        return int(self.stack.account.facts.hosts[url].rpartition(":")[2])

    async def reconcile(self) -> None:
        """Take up what was changed in the account."""
        await self.balancers.reconcile()
        await self.distributions.reconcile()


@asynccontextmanager
async def running(stack: Stack, litellm_port: int, readings: Readings | None = None) -> AsyncIterator[Chain]:
    """The data plane with a healthy LiteLLM behind it, for as long as the block lasts."""
    account, made = stack.account, stack.made
    fabric = Fabric(account)
    folder = TemporaryDirectory()
    authority = Authority(Path(folder.name) / "tls")
    balancers = LoadBalancers(account, fabric, authority, readings)
    chain = Chain(stack, fabric, balancers, Distributions(account, fabric, authority, readings))
    subnet = next(name for name in made if name.startswith("network-private-"))
    task = Interface(
        "eni-task", "task", made["network-vpc"]["id"], made[subnet]["id"], TASK, (made["network-task"]["id"],)
    )
    target = [{"Id": TASK, "Port": 4000}]
    try:
        await fabric.bind(TASK, 4000, task, ("127.0.0.1", litellm_port))
        await asyncio.to_thread(stack.elb.register_targets, TargetGroupArn=stack.targets, Targets=target)
        await chain.reconcile()
        await until(lambda: _healthy(stack), seconds=180)
        yield chain
    finally:
        await chain.distributions.close()
        await chain.balancers.close()
        await fabric.close()
        folder.cleanup()
        await asyncio.to_thread(stack.elb.deregister_targets, TargetGroupArn=stack.targets, Targets=target)


def _healthy(stack: Stack) -> bool:
    found = stack.elb.describe_target_health(TargetGroupArn=stack.targets)["TargetHealthDescriptions"]
    return any(one["TargetHealth"]["State"] == "healthy" for one in found)
