"""A container's ``awslogs`` driver: the stream that ECS makes before it starts, with the execution role's rights."""

from __future__ import annotations

from localcloud.dataplane.ecs_model import ContainerSpec, TaskSpec
from localcloud.dataplane.logs import NoLogGroup
from localcloud.dataplane.permissions import AccessDenied, require
from localcloud.dataplane.roles import TASKS, RoleError
from localcloud.dataplane.site import Site

_PREFIX = (
    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: "
    "failed to create Cloudwatch log stream: "
)


class LoggingError(Exception):
    """The stream can't be made; the message is ECS's, and names the group."""


def open_stream(site: Site, task: TaskSpec, container: ContainerSpec, task_id: str) -> tuple[str, str]:
    """Make the container's stream; returns its group and name ("" without awslogs). Raises ``LoggingError``. Blocks."""
    options = container.log_options
    group = options.get("awslogs-group", "")
    if not group:
        return "", ""
    stream = f"{options.get('awslogs-stream-prefix', 'ecs')}/{container.name}/{task_id}"
    account = site.account
    arn = f"arn:aws:logs:{account.region}:{account.account_id}:log-group:{group}:log-stream:{stream}"
    create_group = options.get("awslogs-create-group") == "true"
    try:
        if task.execution_role is None:
            raise RoleError("the awslogs driver needs an execution role (executionRoleArn)")
        site.roles.assume(task.execution_role, TASKS, task_id)
        for action in ("logs:CreateLogStream", *(["logs:CreateLogGroup"] if create_group else [])):
            require(account, task.execution_role, task_id, action, arn)
        site.shipper.open_stream(group, stream, create_group)
    except NoLogGroup as error:
        raise LoggingError(f"{_PREFIX}ResourceNotFoundException: {error}") from None
    except (AccessDenied, RoleError) as error:
        raise LoggingError(f"{_PREFIX}{error}") from None
    return group, stream
