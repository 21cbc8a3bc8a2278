"""May this task pull its image? Over its own interface, and from a private registry with its execution role.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ECR_on_ECS.html
"""

from __future__ import annotations

import asyncio

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.dataplane.ecs_environment import RoleClients
from localcloud.dataplane.ecs_model import TaskSpec
from localcloud.dataplane.roles import TASKS, RoleError
from localcloud.dataplane.site import Site
from localcloud.images import reference
from localcloud.net.model import Interface
from localcloud.net.verdict import Verdict, judge, judge_aws

# Of ghcr.io; any address outside of AWS and the VPC has the same way.
_REGISTRY_ADDRESS = "140.82.112.33"
_HTTPS = 443


class CannotPull(Exception):
    """The task can't have its image; the message is ECS's, and says what is missing."""


async def check(site: Site, task: TaskSpec, interface: Interface, task_id: str) -> None:
    """On Fargate images are pulled over the task's own interface. Raises ``CannotPull``."""
    topology = await site.fabric.topology.get()
    for image in [container.image for container in task.containers]:
        if ".dkr.ecr." not in image.partition("/")[0]:
            _through(site, image, judge(topology, interface, _REGISTRY_ADDRESS, _HTTPS))
            continue
        # the registry's API, and S3, where the layers are
        for service in ("ecr", "s3"):
            _through(site, image, judge_aws(topology, interface, service))
        port = await site.fabric.listen_aws(interface)
        await asyncio.to_thread(_ask, site, task, image, port, task_id)


def _through(site: Site, image: str, verdict: Verdict) -> None:
    if not verdict:
        site.fabric.block(verdict.reason)
        raise CannotPull(
            f"pull image manifest has been retried 5 time(s): failed to resolve ref {image}: "
            f"dial tcp: i/o timeout: {verdict.reason}"
        )


def _ask(site: Site, task: TaskSpec, image: str, port: int, task_id: str) -> None:
    """As ECS asks a private registry: a token, then the image. Blocks."""
    if task.execution_role is None:
        raise CannotPull(f"Fargate requires task definition {task.family} to have an execution role ARN for ECR images")
    parsed = reference.parse(image)
    wanted = {"imageDigest": parsed.digest} if parsed.digest else {"imageTag": parsed.tag or "latest"}
    try:
        clients = RoleClients(site.account, port, site.roles.assume(task.execution_role, TASKS, task_id))
    except RoleError as error:
        raise CannotPull(f"ref pull has been retried 1 time(s): failed to resolve ref {image}: {error}") from None
    try:
        ecr = clients.client("ecr")
        ecr.get_authorization_token()
        answer = ecr.batch_get_image(repositoryName=parsed.name.partition("/")[2], imageIds=[wanted])
    except (ClientError, BotoCoreError) as error:
        raise CannotPull(f"ref pull has been retried 1 time(s): failed to resolve ref {image}: {error}") from None
    finally:
        clients.close()
    if not answer["images"]:
        raise CannotPull(f"failed to resolve ref {image}: not found")
