"""What the component `LlmGateway` takes. Generated from Pulumi.yaml: `python -m ops reference`."""

# No `from __future__ import annotations`: a component's host reads the types.
from typing import Any, NotRequired, TypedDict


class LlmGatewayArgs(TypedDict):
    """As the stack's config; plain values, since all of them are checked before anything is created."""

    name_prefix: NotRequired[str]
    """What every physical name starts with, in place of llm-gateway-<stack>; at most 32 lower-case letters, digits and
    single hyphens."""

    tags: NotRequired[dict[str, Any]]
    """Tags for everything that can carry them, beside Project, Stack and ManagedBy, which the stack sets."""

    permissions_boundary_arn: NotRequired[str]
    """The IAM policy that bounds every role that the stack makes, where your organisation demands one."""

    log_bucket: NotRequired[str]
    """An S3 bucket that you have, in the stack's region, for the load balancer's access logs. Its policy must let
    Elastic Load Balancing write there."""

    network: NotRequired[dict[str, Any]]
    """A VPC that you have - vpcId, privateSubnetIds (two or three, with a way out) and databaseSubnetIds (for a
    database or cache that the stack makes). It needs an internet gateway, DNS names and DNS support; vpcCidr, zones
    and egress say nothing then."""

    vpc_cidr: NotRequired[str]
    """The VPC's IPv4 range, /16 to /23. It must not overlap the networks that it is to be joined with."""

    egress: NotRequired[str]
    """How tasks reach AWS and the image registry: nat (private subnets, one NAT gateway), public (half the fixed cost:
    tasks in public subnets with public addresses, which no security group lets anybody reach), or endpoints (no
    internet at all: AWS's services by endpoints in the VPC, the image by ECR's pull-through cache)."""

    registry_credential_arn: NotRequired[str]
    """With egress endpoints, the Secrets Manager secret (ecr-pullthroughcache/…, with username and accessToken) with
    which ECR asks the image's registry; ghcr.io gives it nothing without."""

    admin_cidrs: NotRequired[list[str]]
    """IPv4 networks (a VPN's, say) that may reach the admin door directly. The relay needs none."""

    database: NotRequired[str]
    """Where users and keys live - rds (Postgres on RDS), aurora (Aurora Serverless v2), existing (a Postgres that you
    have, in `network`), or none (master key only; no users, keys or spend)."""

    database_url_secret_arn: NotRequired[str]
    """With database existing, the Secrets Manager secret that holds its URL (postgresql://…?sslmode=require), with
    :key:: behind it for one value of a JSON."""

    database_security_group_id: NotRequired[str]
    """With database existing, its security group; the tasks are let in on port 5432."""

    database_capacity: NotRequired[dict[str, Any]]
    """With database aurora - min and max Aurora capacity units (0.5 and 4), in halves. max also decides how many
    connections it takes."""

    database_authentication: NotRequired[str]
    """How LiteLLM connects - by password (in Secrets Manager), or with database aurora by iam, tokens that its role
    signs and that last fifteen minutes. Switches the cluster's Data API on."""

    database_standby: NotRequired[bool]
    """Keeps a copy of the database in another zone that takes over; it costs as much again."""

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

    zones: NotRequired[int]
    """Availability zones that the stack spreads over, 2 or 3."""

    tasks: NotRequired[int]
    """How many tasks run, or with autoscaling, how many at least."""

    autoscaling: NotRequired[dict[str, Any]]
    """More tasks under load - maxTasks (how many at most), cpuPercent (the CPU that they are kept at; 60) and
    requestsPerTask (requests a minute that each shall answer; 0 lets CPU alone decide). Without it `tasks` run."""

    spot_percent: NotRequired[int]
    """How many of a hundred tasks beyond the first run on Fargate Spot, which costs a third and may be taken back by
    AWS with two minutes' notice."""

    limits_per_process: NotRequired[bool]
    """Says that every task may count rate limits by itself, so that three tasks let three times as much pass."""

    cache: NotRequired[str]
    """Where tasks count limits together - valkey (ElastiCache, with TLS and a token), or none (one task, or limits of
    each task's own)."""

    cache_node_type: NotRequired[str]
    """The ElastiCache node type, such as cache.t4g.micro."""

    cache_engine_version: NotRequired[str]
    """Valkey's version, major and minor."""

    cache_replicas: NotRequired[int]
    """Nodes in other zones that take over when the primary one fails; 0 to 5."""

    response_cache_seconds: NotRequired[int]
    """How long the answer to a request is kept in the cache for whoever asks exactly the same of the same model, in
    seconds; 0 keeps none."""

    migrations: NotRequired[str]
    """Who brings the database's schema up to date - start (each task when it starts; fine for one), or task (one task
    of its own before the service rolls, so that a migration that fails stops the update)."""

    database_pool: NotRequired[int]
    """Connections that each task may open to the database; LiteLLM's own default is 10."""

    models: list[dict[str, Any]]
    """The models that the gateway serves. Each has a name (what clients ask for) and either bedrock (a model or
    inference-profile id, which Bedrock is asked about before anything is created) or provider (another provider's
    model as LiteLLM writes it, such as openai/gpt-5.1) with secrets (a litellm_param such as api_key, and the ARN
    of the Secrets Manager secret that holds it, with :key:: behind it for one value of a JSON). aliases are further
    names; fallbacks are names of models that are asked when this one gives no answer; params are further
    litellm_params."""

    allowed_paths: NotRequired[list[str]]
    """The literal paths that the public may call; everything else answers 403. default stands for the shipped list
    (components/allow_list.py) of inference paths; add further ones such as /v1/batches beside it, or list your own
    in its place. A path that would open management is refused."""

    domain_name: NotRequired[str]
    """A domain of your own for the gateway, such as llm.example.com. With hostedZoneId its records and its certificate
    are made; else it needs certificateArn, and you point a CNAME or alias at the distribution."""

    certificate_arn: NotRequired[str]
    """An ACM certificate that you have for domainName, in us-east-1 as CloudFront wants it. With a domain of your own
    the edge takes TLS 1.2 or newer only."""

    hosted_zone_id: NotRequired[str]
    """The Route 53 hosted zone (Z…) of domainName and doorsDomainName, which Route 53 is asked about before anything
    is created. Their records, and the certificates that they lack, are made there."""

    doors_domain_name: NotRequired[str]
    """A name for the internal load balancer, such as doors.llm.example.com. With it both doors speak HTTPS,
    CloudFront's way to the public one included, and the relay calls the admin door by it. Without hostedZoneId its
    record is yours to make, as soon as the first update has made the load balancer."""

    doors_certificate_arn: NotRequired[str]
    """An ACM certificate that you have for doorsDomainName, in the stack's region. Without it one is made in
    hostedZoneId."""

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
