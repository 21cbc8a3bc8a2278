"""SSM parameters, as people of this machine read them: with the addresses that answer here.

A stack may publish where it is reached. Its AWS host names resolve nowhere on this machine, so whoever reads the
parameter (``aws``, boto3, a tool) finds the loopback addresses in their place, just as in ``make outputs``. The
provider plugin, which compares what is stored with what the program wants, says so in a header and gets the stored
value; what runs in a VPC keeps the names, for its hops are its own.
"""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.addresses import localise
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call


def register(rules: Rules, account: Account) -> None:
    @rules.after("ssm", "GetParameter")
    def one(call: Call, result: dict[str, Any]) -> None:
        _localise(account, call, [result["Parameter"]])

    @rules.after("ssm", "GetParameters", "GetParametersByPath")
    def several(call: Call, result: dict[str, Any]) -> None:
        _localise(account, call, result["Parameters"])


def _localise(account: Account, call: Call, parameters: list[dict[str, Any]]) -> None:
    if call.as_stored:
        return
    for parameter in parameters:
        parameter["Value"] = localise(parameter["Value"], dict(account.facts.hosts))
