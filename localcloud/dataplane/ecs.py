"""The ECS services of the account, each run by a ``Service``."""

from __future__ import annotations

import asyncio
from typing import Any

from localcloud import processes
from localcloud.dataplane.ecs_model import read_services
from localcloud.dataplane.ecs_service import Service
from localcloud.dataplane.site import Site


class Services:
    """Runs every service that the API holds. ``reconcile`` after changes, ``close`` at the end."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._services: dict[str, Service] = {}
        self._going: set[asyncio.Task[None]] = set()

    async def reconcile(self) -> None:
        """Make what is run equal to what the API holds. Repeatable; returns before tasks are up."""
        wanted = {spec.arn: spec for spec in await asyncio.to_thread(read_services, self._site.account)}
        for arn in [arn for arn, spec in wanted.items() if not spec.active and self._is_over(arn)]:
            del wanted[arn]
        for arn in [arn for arn in self._services if arn not in wanted]:
            self._let_go(arn)
        for arn, spec in wanted.items():
            if arn in self._services:
                self._services[arn].update(spec)
            else:
                self._services[arn] = Service(self._site, spec)

    def _is_over(self, arn: str) -> bool:
        return arn not in self._services or self._services[arn].empty

    async def close(self) -> None:
        """Stop every task and wait until all are gone. Repeatable."""
        for arn in list(self._services):
            self._let_go(arn)
        await asyncio.gather(*self._going, return_exceptions=True)

    def _let_go(self, arn: str) -> None:
        """A deleted service's tasks end while the next reconcile may go on."""
        service = self._services.pop(arn)
        task = asyncio.create_task(service.close())
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    def status(self) -> list[dict[str, Any]]:
        """For ``status``: each service with its tasks."""
        services = [service for service in self._services.values() if service.spec.active or not service.empty]
        return [_status(self._site, service) for service in services]


def _status(site: Site, service: Service) -> dict[str, Any]:
    fact = site.account.facts.services.get(service.spec.arn)
    return {
        "name": service.spec.name,
        "cluster": service.spec.cluster,
        "desired": service.spec.desired,
        "running": fact.running if fact else 0,
        "rollout": fact.rollout_state if fact else "IN_PROGRESS",
        "reason": fact.rollout_reason if fact else "",
        "tasks": [
            {
                "id": task.assignment.id[:8],
                "service": service.spec.name,
                "status": task.fact.last_status,
                "health": task.verdict.judgement.value,
                "reason": task.verdict.reason,
                "stopped_reason": task.fact.stopped_reason,
                "ip": task.fact.ip,
                "containers": [
                    {
                        "name": container.spec.name,
                        "pid": container.child.pid if container.child else None,
                        "memory_bytes": processes.resident(container.child.pid) if container.child else 0,
                        "log": container.sink.name,
                        "ports": {str(port): real for port, real in container.ports.items()},
                    }
                    for container in task.containers
                ],
            }
            for task in service.tasks
        ],
    }
