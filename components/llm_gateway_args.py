"""What the component `LlmGateway` takes. Generated from Pulumi.yaml: `python -m ops reference`."""

# No `from __future__ import annotations`: a component's host reads the types.
from typing import Any, NotRequired, TypedDict


class LlmGatewayArgs(TypedDict):
    """As the stack's config; plain values, since all of them are checked before anything is created."""

    prefix: NotRequired[str]
    """Starts every physical name, in place of the component's own; at most 32 letters, digits and hyphens."""
    vpc_cidr: NotRequired[str]
    """The VPC's IPv4 range, /16 to /23. It must not overlap the networks that it is to be joined with."""

    egress: NotRequired[str]
    """How tasks reach AWS and the image registry: nat (private subnets, one NAT gateway), or public (half the fixed
    cost: tasks in public subnets with public addresses, which no security group lets anybody reach)."""

    admin_cidrs: NotRequired[list[str]]
    """IPv4 networks (a VPN's, say) that may reach the admin door directly. The relay needs none."""

    database: NotRequired[str]
    """Where users and keys live: rds (Postgres on RDS), or none (master key only; no users, keys or spend)."""

    database_instance_class: NotRequired[str]
    """The RDS instance class, such as db.t4g.micro."""

    database_engine_version: NotRequired[str]
    """Postgres' version, a major one such as 15 (RDS picks the minor) or an exact one such as 15.14."""

    database_storage: NotRequired[int]
    """The database's storage in GB (gp3); 20 is the least."""

    image: NotRequired[str]
    """LiteLLM's image with an exact version or a digest. Versions below 1.84.0 are refused for their known holes."""

    task_cpu: NotRequired[int]
    """CPU units of a task; 1024 is one vCPU, which is what one LiteLLM worker uses."""

    task_memory: NotRequired[int]
    """Memory of a task in MiB, a size that Fargate has for taskCpu."""

    models: list[dict[str, Any]]
    """The models that the gateway serves. Each has a name (what clients ask for) and bedrock (a model or
    inference-profile id); regions lists where a profile may route to (known for us. profiles); params are further
    litellm_params."""

    allowed_paths: NotRequired[list[str]]
    """The literal paths that the public may call; everything else answers 403. default stands for the shipped list
    (components/allow_list.py) of inference paths; add further ones such as /v1/batches beside it, or list your own
    in its place. A path that would open management is refused."""

    domain_name: NotRequired[str]
    """A domain of your own for the gateway, such as llm.example.com; point a CNAME or alias at the distribution. Needs
    certificateArn."""

    certificate_arn: NotRequired[str]
    """The ACM certificate for domainName, in us-east-1 as CloudFront wants it. With it the edge takes TLS 1.2 or newer
    only."""

    waf: NotRequired[bool]
    """AWS WAF before the distribution - a limit for each address and AWS's managed rule groups; those of their rules
    that look into or measure the body only count, so that prompts pass. About $9 a month and $0.60 a million
    requests."""

    waf_rate_limit: NotRequired[int]
    """With waf, how many requests one address may make within five minutes; more answer 429. An office behind one
    address shares it."""

    access_logs: NotRequired[bool]
    """A line in CloudWatch Logs (us-east-1) for each request at the edge, kept logRetentionDays; without query,
    cookies and referrer, in which a key may be by mistake. About $0.50 a GB."""

    relay_holds_key: NotRequired[bool]
    """Whether the relay itself presents the master key to LiteLLM. If not, its callers bring it
    (scripts/litellm-users.sh reads it from Secrets Manager)."""

    relay_concurrency: NotRequired[int]
    """Lambda executions reserved for the relay, and as many for its reader; the most that run at a time. 0 reserves
    none. A new AWS account has no room for it; then none are reserved, with a warning."""

    log_retention_days: NotRequired[int]
    """Days that CloudWatch keeps the logs; one of the numbers that CloudWatch takes."""

    roster_above: NotRequired[int]
    """With more teams, users and keys than this in the access file, they are one resource (a Roster) rather than a
    resource each. Nothing is lost when they change from one to the other."""

    office_hours: NotRequired[dict[str, Any]]
    """When the gateway is awake - start and stop (such as 08:00 and 18:00, on one day), timezone (such as
    Europe/Berlin; UTC) and days (a list of MON to SUN; MON to FRI). Outside of it no task runs and the database is
    stopped. Without it the gateway is always awake."""

    alarm_email: NotRequired[str]
    """Who is told when something is wrong. With it come the alarms and a budget; AWS asks the address to confirm."""

    monthly_budget: NotRequired[int]
    """Dollars a month for what carries the stack's tag, of which alarmEmail hears at 80 % and at 100 %."""

    protect: NotRequired[bool]
    """Keeps what must not be lost - deletion protection, a final snapshot, a week of backups. A POC leaves nothing
    behind."""
