"""What a call needs: IAM actions and the resources that they act on, as a table.

The Service Authorization Reference (https://docs.aws.amazon.com/service-authorization/latest/reference/) says for each
action which resources a policy can name. Rows are for what roles of a deployed stack call; a call that has no row is
refused by name, because guessing its resource would allow what AWS refuses or the other way round.
`tests/aws/test_iam_actions.py` holds every action here against parliament's copy of the reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from localcloud.aws.wire import Call

ANY = "*"


class NoRow(Exception):
    """The table doesn't know the operation; the text says so."""


@dataclass(frozen=True)
class Need:
    """One action on one resource (an ARN, or `*` where the action knows none). `context` has lower-case keys."""

    action: str
    resource: str = ANY
    context: Mapping[str, str] = field(default_factory=dict)


def needs(call: Call) -> list[Need]:
    """Everything that the caller must be allowed. Empty: the call needs no permission. Raises NoRow."""
    key = (call.service, call.operation)
    row = _ROWS.get(key)
    if row is not None:
        return list(row(call))
    prefix = _PREFIXES.get(call.service)
    if prefix is not None and call.operation.startswith(_LISTING):
        return [Need(f"{prefix}:{call.operation}")]
    raise NoRow(
        f"the local cloud doesn't know which permission {call.service} {call.operation} needs: "
        "add a row to localcloud/aws/iam/actions.py"
    )


# Services whose Describe and List operations know no resource, by botocore's name → IAM's prefix.
_PREFIXES = {
    "ec2": "ec2",
    "elbv2": "elasticloadbalancing",
    "cloudfront": "cloudfront",
    "application-autoscaling": "application-autoscaling",
}
_LISTING = ("Describe", "List")

Row = Callable[[Call], Iterable[Need]]


def _arn(call: Call, service: str, tail: str) -> str:
    return f"arn:aws:{service}:{call.region}:{call.account.account_id}:{tail}"


def _any(action: str) -> Row:
    return lambda call: [Need(action)]


def _on(action: str, resource: Callable[[Call], str]) -> Row:
    return lambda call: [Need(action, resource(call))]


# -- names and ARNs: most calls take either


def _secret(call: Call) -> str:
    """A secret's ARN ends in six characters that its name doesn't tell."""
    from localcloud.aws.backends import backend

    given = call.params["SecretId"]
    secrets = backend(call.account, "secretsmanager").secrets.values()
    return next((secret.arn for secret in secrets if given in (secret.name, secret.arn)), _named_secret(call, given))


def _named_secret(call: Call, given: str) -> str:
    return given if given.startswith("arn:") else _arn(call, "secretsmanager", f"secret:{given}-??????")


def _parameter(call: Call, name: str) -> str:
    return name if name.startswith("arn:") else _arn(call, "ssm", f"parameter/{name.lstrip('/')}")


def _parameters(call: Call) -> Iterable[Need]:
    return [Need("ssm:GetParameters", _parameter(call, name)) for name in call.params["Names"]]


def _bucket(call: Call) -> str:
    return f"arn:aws:s3:::{call.params['Bucket']}"


def _object(call: Call) -> str:
    return f"{_bucket(call)}/{call.params['Key']}"


def _function(call: Call) -> str:
    """With the qualifier, if one is given: a policy may name it. "$LATEST" is no qualifier of an unqualified call."""
    given = call.params["FunctionName"]
    arn = given if given.startswith("arn:") else _arn(call, "lambda", f"function:{given.rpartition(':function:')[2]}")
    qualifier = call.params.get("Qualifier")
    return f"{arn}:{qualifier}" if qualifier else arn


def _log_group(call: Call) -> str:
    return _arn(call, "logs", f"log-group:{call.params.get('logGroupName') or ANY}")


def _log_stream(call: Call) -> str:
    return f"{_log_group(call)}:log-stream:{call.params['logStreamName']}"


def _cluster(call: Call) -> str:
    return (call.params.get("cluster") or "default").rpartition("/")[2]


def _service(call: Call) -> str:
    return _arn(call, "ecs", f"service/{_cluster(call)}/{call.params['service'].rpartition('/')[2]}")


def _services(call: Call) -> Iterable[Need]:
    for one in call.params["services"]:
        yield Need("ecs:DescribeServices", _arn(call, "ecs", f"service/{_cluster(call)}/{one.rpartition('/')[2]}"))


def _clusters(call: Call) -> Iterable[Need]:
    for one in call.params.get("clusters") or ["default"]:
        yield Need("ecs:DescribeClusters", _arn(call, "ecs", f"cluster/{one.rpartition('/')[2]}"))


def _tasks(call: Call) -> Iterable[Need]:
    for one in call.params["tasks"]:
        task = _arn(call, "ecs", f"task/{_cluster(call)}/{one.rpartition('/')[2]}")
        yield Need("ecs:DescribeTasks", task, _of_cluster(call))


def _of_cluster(call: Call) -> dict[str, str]:
    return {"ecs:cluster": _arn(call, "ecs", f"cluster/{_cluster(call)}")}


def _repository(call: Call) -> str:
    return _arn(call, "ecr", f"repository/{call.params['repositoryName']}")


def _database(call: Call) -> str:
    return _arn(call, "rds", f"db:{call.params.get('DBInstanceIdentifier') or ANY}")


def _database_cluster(call: Call) -> str:
    return _arn(call, "rds", f"cluster:{call.params.get('DBClusterIdentifier') or ANY}")


# -- Bedrock: a profile is invoked, and through it a model in each region that it may route to


def _invoke(action: str) -> Row:
    def row(call: Call) -> Iterable[Need]:
        from localcloud.aws.bedrock.models import Target

        target = Target.of(call.params["modelId"], call.region, call.account.account_id)
        context = {} if target.profile_arn is None else {"bedrock:inferenceprofilearn": target.profile_arn}
        if target.profile_arn is not None:
            yield Need(action, target.profile_arn)
        for arn in target.model_arns:
            yield Need(action, arn, context)

    return row


def _count(call: Call) -> Iterable[Need]:
    """Counting knows models only."""
    return [need for need in _invoke("bedrock:CountTokens")(call) if ":foundation-model/" in need.resource]


_ROWS: dict[tuple[str, str], Row] = {
    # "No permissions are required to perform this operation"
    ("sts", "GetCallerIdentity"): lambda call: [],
    ("sts", "AssumeRole"): _on("sts:AssumeRole", lambda call: call.params["RoleArn"]),
    ("secretsmanager", "GetSecretValue"): _on("secretsmanager:GetSecretValue", _secret),
    ("secretsmanager", "DescribeSecret"): _on("secretsmanager:DescribeSecret", _secret),
    ("secretsmanager", "PutSecretValue"): _on("secretsmanager:PutSecretValue", _secret),
    ("secretsmanager", "ListSecrets"): _any("secretsmanager:ListSecrets"),
    ("ssm", "GetParameter"): _on("ssm:GetParameter", lambda call: _parameter(call, call.params["Name"])),
    ("ssm", "GetParameters"): _parameters,
    ("ssm", "GetParametersByPath"): _on("ssm:GetParametersByPath", lambda call: _parameter(call, call.params["Path"])),
    ("ssm", "PutParameter"): _on("ssm:PutParameter", lambda call: _parameter(call, call.params["Name"])),
    ("s3", "GetObject"): _on("s3:GetObject", _object),
    ("s3", "HeadObject"): _on("s3:GetObject", _object),
    ("s3", "PutObject"): _on("s3:PutObject", _object),
    ("s3", "DeleteObject"): _on("s3:DeleteObject", _object),
    ("s3", "ListObjectsV2"): _on("s3:ListBucket", _bucket),
    ("s3", "ListObjects"): _on("s3:ListBucket", _bucket),
    ("s3", "HeadBucket"): _on("s3:ListBucket", _bucket),
    ("s3", "GetBucketLocation"): _on("s3:GetBucketLocation", _bucket),
    ("logs", "CreateLogGroup"): _on("logs:CreateLogGroup", _log_group),
    ("logs", "CreateLogStream"): _on("logs:CreateLogStream", _log_stream),
    ("logs", "PutLogEvents"): _on("logs:PutLogEvents", _log_stream),
    ("logs", "DescribeLogGroups"): _any("logs:DescribeLogGroups"),
    ("logs", "DescribeLogStreams"): _on("logs:DescribeLogStreams", _log_group),
    ("logs", "FilterLogEvents"): _on("logs:FilterLogEvents", _log_group),
    ("logs", "GetLogEvents"): _on("logs:GetLogEvents", _log_stream),
    ("lambda", "Invoke"): _on("lambda:InvokeFunction", _function),
    ("lambda", "GetFunction"): _on("lambda:GetFunction", _function),
    ("lambda", "GetFunctionConfiguration"): _on("lambda:GetFunctionConfiguration", _function),
    ("lambda", "ListFunctions"): _any("lambda:ListFunctions"),
    ("bedrock-runtime", "Converse"): _invoke("bedrock:InvokeModel"),
    ("bedrock-runtime", "InvokeModel"): _invoke("bedrock:InvokeModel"),
    ("bedrock-runtime", "ConverseStream"): _invoke("bedrock:InvokeModelWithResponseStream"),
    ("bedrock-runtime", "InvokeModelWithResponseStream"): _invoke("bedrock:InvokeModelWithResponseStream"),
    ("bedrock-runtime", "CountTokens"): _count,
    ("ecr", "GetAuthorizationToken"): _any("ecr:GetAuthorizationToken"),
    ("ecr", "BatchGetImage"): _on("ecr:BatchGetImage", _repository),
    ("ecs", "UpdateService"): _on("ecs:UpdateService", _service),
    ("ecs", "DescribeServices"): _services,
    ("ecs", "DescribeClusters"): _clusters,
    ("ecs", "DescribeTasks"): _tasks,
    ("ecs", "ListTasks"): lambda call: [Need("ecs:ListTasks", ANY, _of_cluster(call))],
    ("ecs", "ListServices"): _any("ecs:ListServices"),
    ("ecs", "DescribeTaskDefinition"): _any("ecs:DescribeTaskDefinition"),
    ("rds", "StartDBInstance"): _on("rds:StartDBInstance", _database),
    ("rds", "StopDBInstance"): _on("rds:StopDBInstance", _database),
    ("rds", "DescribeDBInstances"): _on("rds:DescribeDBInstances", _database),
    ("rds", "StartDBCluster"): _on("rds:StartDBCluster", _database_cluster),
    ("rds", "StopDBCluster"): _on("rds:StopDBCluster", _database_cluster),
    ("rds", "DescribeDBClusters"): _on("rds:DescribeDBClusters", _database_cluster),
    ("rds-data", "ExecuteStatement"): _on("rds-data:ExecuteStatement", lambda call: call.params["resourceArn"]),
    ("rds", "DescribeEvents"): _any("rds:DescribeEvents"),
    ("cloudwatch", "PutMetricData"): _any("cloudwatch:PutMetricData"),
    ("cloudwatch", "GetMetricData"): _any("cloudwatch:GetMetricData"),
    ("cloudwatch", "DescribeAlarms"): _any("cloudwatch:DescribeAlarms"),
    ("sns", "Publish"): _on("sns:Publish", lambda call: call.params.get("TopicArn") or ANY),
    ("cloudfront", "GetDistribution"): _on(
        "cloudfront:GetDistribution",
        lambda call: f"arn:aws:cloudfront::{call.account.account_id}:distribution/{call.params['Id']}",
    ),
    ("service-quotas", "GetServiceQuota"): _on(
        "servicequotas:GetServiceQuota",
        lambda call: _arn(call, "servicequotas", f"{call.params['ServiceCode']}/{call.params['QuotaCode']}"),
    ),
    # A function's interfaces are made by its role, which Lambda wants allowed on all resources.
    ("ec2", "CreateNetworkInterface"): _any("ec2:CreateNetworkInterface"),
    ("ec2", "DeleteNetworkInterface"): _any("ec2:DeleteNetworkInterface"),
    ("ec2", "AssignPrivateIpAddresses"): _any("ec2:AssignPrivateIpAddresses"),
    ("ec2", "UnassignPrivateIpAddresses"): _any("ec2:UnassignPrivateIpAddresses"),
}


KNOWN = frozenset(_ROWS)
"""The operations that have a row."""
