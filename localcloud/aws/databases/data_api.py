"""The Data API: SQL on an Aurora cluster by an AWS call, without a way into its network.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.html. One statement a call, without parameters and
transactions; a `SELECT` gives its rows as text.
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.aws.account import Account
from localcloud.aws.backends import backend
from localcloud.aws.iam import authority
from localcloud.aws.refusal import Refusal
from localcloud.aws.rules import Rules
from localcloud.aws.wire import Call

_NOT_SIMULATED = (
    "parameters",
    "transactionId",
    "includeResultMetadata",
    "formatRecordsAs",
    "resultSetOptions",
    "schema",
)
_LONGEST_SQL = 65_536


def register(rules: Rules, account: Account) -> None:
    # A statement may take long.
    @rules.answer("rds-data", "ExecuteStatement", unlocked=True)
    def statement(call: Call) -> dict[str, Any]:
        with account.lock:
            cluster, user, password = _opened(account, call)
        run = account.facts.execute
        if run is None:
            raise Refusal("DatabaseUnavailableException", "No database runs here: the data plane is not up.")
        try:
            rows = run(cluster, user, password, call.params.get("database") or "postgres", call.params["sql"])
        except Exception as error:
            raise Refusal("DatabaseErrorException", str(error)) from None
        records = [[_field(value) for value in row] for row in rows]
        return {"numberOfRecordsUpdated": 0, **({"records": records} if records else {})}


def _opened(account: Account, call: Call) -> tuple[str, str, str]:
    """The cluster's identifier, and the user and password of the secret."""
    params = call.params
    for member in _NOT_SIMULATED:
        if params.get(member):
            raise Refusal("BadRequestException", f"The simulated Data API has no {member}.")
    if len(params["sql"]) > _LONGEST_SQL:
        raise Refusal("BadRequestException", f"SQL is longer than {_LONGEST_SQL} characters.")
    clusters = backend(account, "rds").clusters.values()
    cluster = next((one for one in clusters if one.arn == params["resourceArn"]), None)
    if cluster is None or not cluster.http_endpoint_enabled:
        raise Refusal("BadRequestException", f"HttpEndpoint is not enabled for resource {params['resourceArn']}")
    return cluster.db_cluster_identifier, *_secret(account, call)


def _secret(account: Account, call: Call) -> tuple[str, str]:
    """The caller must be allowed to read it, as on AWS."""
    arn, caller = call.params["secretArn"], call.caller
    assert caller is not None
    found = [one for one in backend(account, "secretsmanager").secrets.values() if arn in (one.arn, one.name)]
    if not found:
        raise Refusal("BadRequestException", f"The secret {arn} can't be found.")
    action, secret = "secretsmanager:GetSecretValue", found[0].arn
    because = authority.refusal_of(account, caller, action, secret)
    if because is not None:
        raise Refusal("AccessDeniedException", authority.sentence(caller.arn, action, secret, because))
    version = found[0].versions[found[0].default_version_id]
    try:
        document = json.loads(version["secret_string"])
        return str(document["username"]), str(document["password"])
    except (ValueError, KeyError, TypeError):
        raise Refusal("BadRequestException", "The secret has no JSON object with username and password.") from None


def _field(value: object) -> dict[str, Any]:
    return {"isNull": True} if value is None else {"stringValue": str(value)}
