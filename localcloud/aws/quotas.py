"""Service Quotas: the one quota that a stack asks for before it reserves Lambda executions; moto knows VPC's only."""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.functions import CONCURRENT_EXECUTIONS
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

# https://docs.aws.amazon.com/general/latest/gr/lambda-service.html
_QUOTAS = {("lambda", "L-B99A9384"): ("AWS Lambda", "Concurrent executions", CONCURRENT_EXECUTIONS)}


def register(rules: Rules, account: Account) -> None:
    @rules.answer("service-quotas", "GetServiceQuota")
    def quota(call: Call) -> dict[str, Any]:
        service, code = call.params["ServiceCode"], call.params["QuotaCode"]
        if (service, code) not in _QUOTAS:
            raise Refusal("NoSuchResourceException", f"The simulated Service Quotas has no quota {code} of {service}.")
        title, name, value = _QUOTAS[service, code]
        arn = f"arn:aws:servicequotas:{account.region}:{account.account_id}:{service}/{code}"
        return {
            "Quota": {
                "ServiceCode": service,
                "ServiceName": title,
                "QuotaArn": arn,
                "QuotaCode": code,
                "QuotaName": name,
                "Value": float(value),
                "Unit": "None",
                "Adjustable": True,
                "GlobalQuota": False,
            }
        }
