"""One simulated AWS account as the rest of the local cloud sees it: where its API answers, when it changed, and facts.

The API (``server.py``) writes what callers asked for; the data plane reads that with ``Account.client`` and reports
back, in ``Account.facts``, what became of it. The API merges the facts into its answers.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from localcloud.aws.bedrock.behaviour import Behaviours

ACCOUNT_ID = "123456789012"
REGION = "us-west-1"
# The administrator of the simulated account. Roles' sessions and users' keys are known besides; any other is refused.
ACCESS_KEY_ID = "AKIALOCALCLOUDADMIN0"
SECRET_ACCESS_KEY = "local-cloud-has-no-secret"
# AWS's own services, where the local cloud acts for them: it has checked by then what AWS would check.
SERVICE_KEY_ID = "AKIALOCALCLOUDSERVER"
BLOCKED_KEPT = 200


class Changes:
    """A counter that goes up after each mutating API call. Safe to use from any thread."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._version = 0
        self._subscribers: list[Callable[[], None]] = []

    @property
    def version(self) -> int:
        return self._version

    def bump(self) -> None:
        """Count one change, wake every waiter, then call the subscribers on this thread."""
        with self._condition:
            self._version += 1
            subscribers = tuple(self._subscribers)
            self._condition.notify_all()
        for subscriber in subscribers:
            subscriber()

    def wait(self, after: int, timeout: float | None = None) -> int:
        """Block until the version exceeds ``after`` or ``timeout`` seconds have passed; return the version then."""
        with self._condition:
            self._condition.wait_for(lambda: self._version > after, timeout)
            return self._version

    def subscribe(self, subscriber: Callable[[], None]) -> Callable[[], None]:
        """Call ``subscriber`` after each change, on the API's thread: it must be quick and not raise.

        Returns a function that ends the subscription.
        """
        with self._condition:
            self._subscribers.append(subscriber)

        def unsubscribe() -> None:
            with self._condition:
                if subscriber in self._subscribers:
                    self._subscribers.remove(subscriber)

        return unsubscribe


@dataclass(frozen=True)
class DatabaseFact:
    """``status`` is RDS's word: creating, available, modifying, stopping, stopped, starting, failed…"""

    status: str
    reason: str | None = None


@dataclass(frozen=True)
class ContainerFact:
    """One container of a task. ``health`` is HEALTHY, UNHEALTHY or UNKNOWN."""

    name: str
    last_status: str
    health: str = "UNKNOWN"
    exit_code: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class TaskFact:
    """One ECS task. Statuses are ECS's: PROVISIONING, PENDING, ACTIVATING, RUNNING, DEACTIVATING, STOPPING, STOPPED."""

    arn: str
    last_status: str
    desired_status: str = "RUNNING"
    health: str = "UNKNOWN"
    stopped_reason: str | None = None
    stop_code: str | None = None  # TaskFailedToStart, EssentialContainerExited, ServiceSchedulerInitiated…
    containers: tuple[ContainerFact, ...] = ()
    eni_id: str | None = None
    ip: str | None = None
    task_definition: str | None = None  # ARN; None: the service's own
    deployment: str | None = None  # id of the deployment that started it ("ecs-svc/…")
    created: datetime | None = None
    started: datetime | None = None
    stopped: datetime | None = None


@dataclass(frozen=True)
class DeploymentFact:
    """One deployment of a service. ``status`` is PRIMARY or ACTIVE; ``rollout_state`` as in ``ServiceFact``."""

    id: str
    status: str
    task_definition: str
    desired: int
    running: int
    pending: int = 0
    failed: int = 0
    rollout_state: str = "IN_PROGRESS"
    rollout_reason: str = ""
    created: datetime | None = None
    updated: datetime | None = None


@dataclass(frozen=True)
class ServiceFact:
    """What became of an ECS service. ``rollout_state``: IN_PROGRESS, COMPLETED or FAILED (of the primary deployment).

    Without ``deployments`` the API shows one primary deployment made from the other fields.
    """

    running: int = 0
    pending: int = 0
    rollout_state: str = "IN_PROGRESS"
    rollout_reason: str = ""
    deployments: tuple[DeploymentFact, ...] = ()
    # Id of the API's deployment that this fact speaks of, when ``deployments`` doesn't hold it. A fact that speaks of
    # an older deployment is not mistaken for news of the newest: that one then shows as IN_PROGRESS with 0 running.
    speaks_of: str | None = None
    events: tuple[tuple[datetime, str], ...] = ()  # newest first, as ECS lists them
    tasks: tuple[TaskFact, ...] = ()
    # Set by a rollback: the task definition that the service has gone back to (ECS then shows it as the service's own).
    task_definition: str | None = None


@dataclass(frozen=True)
class StandaloneTask:
    """A task that RunTask asked for: what DescribeTasks doesn't say of it, for whoever runs it."""

    arn: str
    family: str
    cluster: str
    task_definition: str
    subnets: tuple[str, ...]
    groups: tuple[str, ...]
    public: bool
    commands: dict[str, tuple[str, ...]]  # container → the command in place of its own
    environment: dict[str, dict[str, str]]  # container → variables over its own
    started_by: str | None
    created: datetime
    token: str | None = None  # the call's clientToken
    stop_reason: str | None = None  # StopTask's


@dataclass(frozen=True)
class TargetFact:
    """Health of one target: ``state`` initial, healthy, unhealthy, draining, unused; ``reason`` is AWS's code."""

    state: str
    reason: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class InvokeResult:
    """Answer of a Lambda function. ``function_error`` is "Unhandled" (or "Handled") when the code failed."""

    payload: bytes
    function_error: str | None = None
    log_tail: str = ""


@dataclass
class Facts:
    """What only the data plane knows.

    Safe to use from any thread under one rule: values are frozen and replaced whole, and whoever iterates does so
    over a copy (``dict(facts.services)``, which is atomic).
    """

    databases: dict[str, DatabaseFact] = field(default_factory=dict)  # by DBInstanceIdentifier; none yet: "creating"
    clusters: dict[str, DatabaseFact] = field(default_factory=dict)  # by DBClusterIdentifier; none yet: "creating"
    cluster_passwords: dict[str, str] = field(default_factory=dict, repr=False)
    caches: dict[str, DatabaseFact] = field(default_factory=dict)  # by replication group; none yet: "creating"
    auth_tokens: dict[str, str] = field(default_factory=dict, repr=False)  # of a replication group, as last given
    passwords: dict[str, str] = field(default_factory=dict, repr=False)  # master password as last given to the API
    services: dict[str, ServiceFact] = field(default_factory=dict)  # by service ARN
    tasks: dict[str, TaskFact] = field(default_factory=dict)  # standalone ones, by ARN
    targets: dict[str, dict[tuple[str, int], TargetFact]] = field(default_factory=dict)  # by target group ARN
    invoke: Callable[[str, bytes], InvokeResult] | None = None  # (function name or ARN, payload), blocking
    # (cluster, user, password, database, sql) → rows, blocking; raises an exception whose text is Postgres' own
    execute: Callable[[str, str, str, str, str], list[tuple[object, ...]]] | None = None
    # CloudFront distribution id → ETag of the version that the edge runs. None: no edge reports, and the API calls a
    # distribution deployed after a moment. Whoever plays the edge sets a dict first, then keeps it.
    deployed: dict[str, str] | None = None
    hosts: dict[str, str] = field(default_factory=dict)  # "scheme://awshost[:port]" → "http://127.0.0.1:port"
    # Asked before each call is carried out: (service, operation) → a sentence to refuse it with. For tests of what
    # happens when AWS fails in the middle of something.
    fault: Callable[[str, str], str | None] | None = None
    blocked: deque[str] = field(default_factory=lambda: deque(maxlen=BLOCKED_KEPT))  # sentences, newest last


_making_clients = threading.Lock()  # clients are safe to share between threads; sessions, which make them, are not


@cache
def _session() -> Any:
    """One for all accounts: it holds the services' models, which take long to load."""
    from boto3.session import Session

    return Session()


class Account:
    """The simulated account. ``endpoint`` is the one address of all its services."""

    def __init__(self, region: str, account_id: str, endpoint: str, on_stop: Callable[[], None] | None = None) -> None:
        self.region = region
        self.account_id = account_id
        self.endpoint = endpoint
        self.changes = Changes()
        self.facts = Facts()
        # moto's backends are plain Python objects, and a check must still hold when moto acts: one call at a time
        self.lock = threading.RLock()
        self.behaviours = Behaviours()
        self.on_stop = on_stop
        # what has network interfaces beyond what moto knows: each yields (what, its subnets, its security groups)
        self.standalone: dict[str, StandaloneTask] = {}  # by ARN, until it has stopped and an hour has passed
        self.users: list[Callable[[], Iterator[tuple[str, set[str], set[str]]]]] = []
        self._clients: dict[tuple[str, str, str], Any] = {}

    def client(self, service: str, region: str | None = None) -> Any:
        """The cached boto3 client of ``service`` with administrator's credentials (boto3 clients are thread-safe).
        ``region``: another one than the account's, such as CloudFront's us-east-1."""
        return self._client(service, ACCESS_KEY_ID, region)

    def service_client(self, service: str) -> Any:
        """The same for AWS itself, such as ECS where it assumes a task's role."""
        return self._client(service, SERVICE_KEY_ID)

    def _client(self, service: str, key: str, region: str | None = None) -> Any:
        with _making_clients:
            known = (service, key, region or self.region)
            if known not in self._clients:
                self._clients[known] = self._make_client(*known)
            return self._clients[known]

    def _make_client(self, service: str, key: str, region: str) -> Any:
        from botocore.config import Config  # 0.2 s and 30 MB that an importer of the facts need not pay

        # proxies={}: a proxy of the machine's environment must never see a loopback call.
        config = Config(proxies={}, max_pool_connections=32, retries={"mode": "standard", "max_attempts": 2})
        return _session().client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            config=config,
            aws_access_key_id=key,
            aws_secret_access_key=SECRET_ACCESS_KEY,
        )

    def stop(self) -> None:
        """Close the API's port and end its threads. Repeatable."""
        with _making_clients:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
        on_stop, self.on_stop = self.on_stop, None
        if on_stop is not None:
            on_stop()
