"""Waiting for an ECS service, and telling why it doesn't come up."""

from __future__ import annotations

from typing import Any

from localcloud.plugins.aws.operation import Operation, TimedOut
from localcloud.plugins.serve import Refusal

_SECONDS = 1200  # terraform-provider-aws waits 20 minutes
_SAID = 3  # events, and stopped tasks, that a failure quotes


async def wait_until_steady(op: Operation) -> None:
    """With `waitForSteadyState`, waits until ECS calls the service's only deployment complete.

    Raises Refusal with ECS's reason, the last events and why tasks stopped, when the deployment fails or rolls back.
    """
    if op.inputs.get("waitForSteadyState") is not True:
        return
    first: str | None = None
    seen = "not there yet"

    async def look() -> bool | None:
        nonlocal first, seen
        service = await _service(op)
        deployments = service.get("deployments") or []
        primary = next((item for item in deployments if item["status"] == "PRIMARY"), None)
        if primary is None:
            return None
        first = first or primary["id"]
        watched = next((item for item in deployments if item["id"] == first), None)
        if watched is None or watched.get("rolloutState") == "FAILED":
            raise Refusal(await _why(op, service, watched))
        running, wanted = primary.get("runningCount", 0), primary.get("desiredCount", 0)
        seen = f"{running} of {wanted} tasks, rollout {str(primary.get('rolloutState', 'unknown')).lower()}"
        steady = len(deployments) == 1 and service["runningCount"] == service["desiredCount"]
        # Without the circuit breaker's rollout state (another deployment controller) the counts decide.
        return True if steady and primary.get("rolloutState", "COMPLETED") == "COMPLETED" else None

    try:
        await op.until(look, lambda: f"{op.label} isn't steady: {seen}", _SECONDS)
    except TimedOut as late:
        raise Refusal(f"{late}. {await _why(op, await _service(op), None)}") from None


async def _service(op: Operation) -> dict[str, Any]:
    cluster = str(op.value("cluster") or "default")
    found: dict[str, Any] = (await op.call("DescribeServices", cluster=cluster, services=[op.id]))["services"][0]
    return found


async def _why(op: Operation, service: dict[str, Any], deployment: dict[str, Any] | None) -> str:
    parts = [f"{op.label} did not come up"]
    reason = (deployment or {}).get("rolloutStateReason")
    if reason:
        parts[0] += f": {reason.rstrip('.')}"
    stopped = await _stopped(op, service)
    if stopped:
        parts.append("Stopped tasks: " + "; ".join(stopped))
    events = [event["message"].rstrip(".") for event in (service.get("events") or [])[:_SAID]]
    if events:
        parts.append("Last events: " + "; ".join(events))
    return ". ".join(parts)


async def _stopped(op: Operation, service: dict[str, Any]) -> list[str]:
    """Why the last tasks stopped, each reason once."""
    cluster = service["clusterArn"]
    listed = await op.call("ListTasks", cluster=cluster, serviceName=service["serviceName"], desiredStatus="STOPPED")
    arns = listed.get("taskArns") or []
    if not arns:
        return []
    tasks = (await op.call("DescribeTasks", cluster=cluster, tasks=arns[:20]))["tasks"]
    reasons: dict[str, None] = {}
    for task in tasks:
        inner = [
            f"{container['name']}: {container.get('reason') or 'exit code ' + str(container.get('exitCode'))}"
            for container in task.get("containers") or []
            if container.get("reason") or container.get("exitCode") not in (None, 0)
        ]
        said = task.get("stoppedReason") or "no reason given"
        reasons[f"{said.rstrip('.')}{' (' + ', '.join(inner) + ')' if inner else ''}"] = None
    return list(reasons)[:_SAID]
