"""What ECS, the load balancer, RDS and Secrets Manager say of the gateway's parts, judged. Pure: takes the answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from litellm_admin.cli.doctor.findings import REPAIR, Finding, note
from litellm_admin.stack import StackFacts

Answer = Mapping[str, Any]

# What ECS writes in a stopped task's reason (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/
# stopped-task-error-codes.html), and what to do about it.
_REASONS = (
    (
        r"CannotPullContainer|CannotPullImage|pull image manifest",
        "ECS can't pull the image",
        "Look at `image` in the stack's config: does that version exist, and may the account pull it? And do the "
        "tasks' subnets have their route out (NAT gateway, or internet gateway with `egress: public`)?",
    ),
    (
        r"ResourceInitializationError.*(secret|asm)|unable to (pull|retrieve) secret",
        "ECS can't read a secret that the task needs",
        f"`{REPAIR}` makes the secret and the role's permission anew.",
    ),
    (
        r"OutOfMemory|exit code:? 137",
        "LiteLLM ran out of memory",
        "Raise `taskMemory` in the stack's config.",
    ),
    (
        r"failed (ELB|container) health checks|Health checks failed|failed.*health check",
        "ECS ended tasks that didn't get healthy",
        "The task's log says why LiteLLM isn't ready: {logs}",
    ),
    (
        r"Essential container in task exited",
        "LiteLLM ended by itself",
        "The task's log says why: {logs}",
    ),
)


def service(answer: Answer, stopped: Sequence[Answer], facts: StackFacts) -> list[Finding]:
    """`answer` is one service of DescribeServices, `stopped` are its tasks that ended of late."""
    found: list[Finding] = []
    desired, running = int(answer.get("desiredCount", 0)), int(answer.get("runningCount", 0))
    if desired == 0:
        found.append(
            Finding(
                "The service is scaled to no tasks, so nothing answers: the gateway is asleep.",
                f"`make wake STACK={facts.short}` wakes it, and so do its office hours if it has any. "
                "(`pulumi up` leaves the number of tasks alone.)",
            )
        )
    elif running == 0:
        found.append(Finding(f"None of {desired} wanted tasks runs."))
    elif running < desired:
        found.append(Finding(f"{running} of {desired} wanted tasks run."))
    failing = [item for item in answer.get("deployments", ()) if _failing(item)]
    if failing:
        reason = failing[0].get("rolloutStateReason") or f"{failing[0].get('failedTasks')} tasks failed to start"
        found.append(Finding(f"The latest deployment doesn't get through: {_line(reason)}."))
    if found and desired:
        found += _causes(answer, stopped, facts)
    return found or [note(f"{running} of {desired} tasks run")]


def _failing(deployment: Answer) -> bool:
    state = deployment.get("rolloutState")
    return state == "FAILED" or (state == "IN_PROGRESS" and int(deployment.get("failedTasks") or 0) > 0)


def _causes(answer: Answer, stopped: Sequence[Answer], facts: StackFacts) -> list[Finding]:
    """Why tasks ended, each reason once, the newest first; else what the service's events say."""
    texts = [text for task in stopped for text in _reasons(task)]
    texts += [str(event.get("message", "")) for event in list(answer.get("events", ()))[:10]]
    found: dict[str, Finding] = {}
    for text in texts:
        for pattern, what, remedy in _REASONS:
            if what not in found and re.search(pattern, text, re.IGNORECASE | re.DOTALL):
                found[what] = Finding(f"{what}: {_line(text)}", remedy.format(logs=logs(facts)))
                break
    return list(found.values())[:3]


def _reasons(task: Answer) -> list[str]:
    texts = [str(task.get("stoppedReason") or "")]
    for container in task.get("containers", ()):
        code = f" (exit code: {container['exitCode']})" if container.get("exitCode") is not None else ""
        texts.append(f"{container.get('reason') or task.get('stoppedReason') or ''}{code}")
    return [text for text in reversed(texts) if text]


def targets(answer: Sequence[Answer]) -> list[Finding]:
    """`answer` are the descriptions of DescribeTargetHealth."""
    healthy = [item for item in answer if item["TargetHealth"]["State"] == "healthy"]
    if not answer:
        return [Finding("The load balancer has no target: no task is registered with it.")]
    if healthy:
        return [note(f"{len(healthy)} of {len(answer)} targets are healthy")]
    found: list[Finding] = []
    for item in answer:
        health = item["TargetHealth"]
        reason, text = health.get("Reason", ""), health.get("Description", "")
        place = f"{item['Target']['Id']}:{item['Target'].get('Port', '')}"
        what = f"The target {place} is {health['State']}" + (f" ({reason}: {text})" if reason else "")
        found.append(Finding(f"{what}.", _target_remedy(reason)))
    return found[:3]


def _target_remedy(reason: str) -> str:
    """https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html"""
    match reason:
        case "Target.Timeout":
            return "Nothing comes back from it: look at the security groups between load balancer and task."
        case "Target.ResponseCodeMismatch":
            return (
                "LiteLLM answers the health check with another code: 503 means that it can't reach its database; 404, "
                f"that the target group asks for a path that isn't there (`{REPAIR}` puts it right)."
            )
        case "Target.FailedHealthChecks":
            return "The task takes no connection on that port: is LiteLLM still starting, or did it end?"
        case "Elb.InitialHealthChecking" | "Elb.RegistrationInProgress":
            return "It has just started: wait a minute."
        case _:
            return ""


def database(answer: Answer | None, facts: StackFacts) -> list[Finding]:
    """`answer` is one instance of DescribeDBInstances; None: there is none of that name."""
    name = facts.database
    if answer is None:
        return [Finding(f"There is no database {name}.", f"`{REPAIR}` makes it anew, empty.")]
    status = str(answer.get("DBInstanceStatus"))
    match status:
        case "available" | "backing-up" | "modifying" | "configuring-enhanced-monitoring" | "storage-optimization":
            return [note(f"RDS says {status}")]
        case "stopped" | "stopping":
            return [
                Finding(
                    f"The database {name} is {status}.",
                    f"Start it: aws rds start-db-instance --db-instance-identifier {name} --region {facts.region} "
                    "(a few minutes).",
                )
            ]
        case "starting" | "creating" | "rebooting" | "upgrading" | "renaming" | "maintenance":
            return [Finding(f"The database {name} is {status}.", "Wait until it is available.")]
        case "storage-full":
            return [
                Finding(f"The database {name} has no storage left.", "Raise `databaseStorage` in the stack's config.")
            ]
        case _:
            return [Finding(f"The database {name} is in the state {status}.", "Look at its events in the RDS console.")]


def secret(answer: Answer | None, facts: StackFacts) -> list[Finding]:
    """`answer` is DescribeSecret's; None: there is no such secret."""
    if answer is None:
        return [Finding("The master key's secret is gone.", f"`{REPAIR}` makes it anew.")]
    if answer.get("DeletedDate"):
        return [
            Finding(
                "The master key's secret is on its way out.",
                f"Restore it: aws secretsmanager restore-secret --secret-id {facts.master_key_secret} "
                f"--region {facts.region}",
            )
        ]
    return []


def logs(facts: StackFacts) -> str:
    """The command that shows what LiteLLM says."""
    return f"aws logs tail {facts.log_group} --since 30m --region {facts.region}"


def _line(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= 300 else line[:299] + "…"
