"""The stack: settings → components → outputs."""

from __future__ import annotations

from pathlib import Path

import pulumi
import pulumi_aws as aws

from components import settings
from components.access import Access, AccessArgs
from components.access_logs import AccessLogs, AccessLogsArgs
from components.admin_access import AdminAccess, AdminAccessArgs
from components.aurora import Aurora, AuroraArgs
from components.bedrock import look_up
from components.cache import Cache, CacheArgs
from components.concurrency import reservable
from components.database import Database, DatabaseArgs
from components.domain import EDGE_REGION, Certificate, CertificateArgs, lead
from components.doors import Doors, DoorsArgs
from components.edge import Edge, EdgeArgs
from components.firewall import Firewall, FirewallArgs
from components.gateway import Gateway, GatewayArgs
from components.image_cache import ImageCache, ImageCacheArgs, is_own, own_arn
from components.lifetime import Lifetime
from components.network import Network, NetworkArgs
from components.observability import Observability, ObservabilityArgs
from components.relay import AdminRelay, AdminRelayArgs
from components.scaling import Scaling, ScalingArgs
from components.sleep import Sleep, SleepArgs
from components.tags import bound_roles, tag_everything
from components.zones import Zone, choose_zones

stack = settings.load(
    pulumi.get_project(), pulumi.get_stack(), pulumi.runtime.config.CONFIG.get(), Path(__file__).parent
)
config = stack.settings
tag_everything(stack.project, stack.stack, config.tags or {})
if config.permissions_boundary_arn:
    bound_roles(config.permissions_boundary_arn)

reaches, unknown = look_up(config.models, stack.region)
if unknown:
    raise settings.SettingsError([f"Pulumi.{stack.stack}.yaml: {stack.project}:{problem}" for problem in unknown])

lifetime = None
if config.ttl or config.expires_at:
    lifetime = Lifetime("lifetime", config.ttl, config.expires_at, config.renewal)

# opt-in-not-required leaves out local zones, which have neither RDS nor load balancers for the asking
zones: tuple[Zone, ...] = ()
if config.network is None:
    seen = aws.get_availability_zones(
        state="available", filters=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}]
    )
    zones = choose_zones([Zone(*pair) for pair in zip(seen.names, seen.zone_ids, strict=True)], config.zones)

network = Network(
    "network",
    NetworkArgs(
        prefix=stack.prefix,
        region=stack.region,
        vpc_cidr=config.vpc_cidr,
        zones=zones,
        admin_cidrs=config.admin_cidrs,
        has_database=config.database != "none",
        has_cache=config.cache == "valkey",
        egress=config.egress,
        own=config.network,
        own_database_group_id=config.database_security_group_id,
    ),
)

database: Database | Aurora | None = None
if network.database_group_id is not None and config.database == "aurora":
    database = Aurora(
        "database",
        AuroraArgs(
            prefix=stack.prefix,
            subnet_ids=network.database_subnet_ids,
            security_group_id=network.database_group_id,
            engine_version=config.database_engine_version,
            capacity=config.capacity,
            standby=config.database_standby,
            protect=config.protect,
        ),
    )
elif network.database_group_id is not None:
    database = Database(
        "database",
        DatabaseArgs(
            prefix=stack.prefix,
            subnet_ids=network.database_subnet_ids,
            security_group_id=network.database_group_id,
            instance_class=config.database_instance_class,
            engine_version=config.database_engine_version,
            storage=config.database_storage,
            standby=config.database_standby,
            protect=config.protect,
        ),
    )

cache = None
if network.cache_group_id is not None:
    cache = Cache(
        "cache",
        CacheArgs(
            prefix=stack.prefix,
            subnet_ids=network.database_subnet_ids,
            security_group_id=network.cache_group_id,
            node_type=config.cache_node_type,
            engine_version=config.cache_engine_version,
            replicas=config.cache_replicas,
            protect=config.protect,
        ),
    )

doors_certificate: pulumi.Input[str] | None = config.doors_certificate_arn or None
if config.doors_domain_name and not doors_certificate:
    doors_certificate = Certificate(
        "doors-name", CertificateArgs(config.doors_domain_name, config.hosted_zone_id, stack.region)
    ).arn

doors = Doors(
    "doors",
    DoorsArgs(
        prefix=stack.prefix,
        vpc_id=network.vpc_id,
        subnet_ids=network.private_subnet_ids,
        security_group_id=network.load_balancer_group_id,
        allowed_paths=config.public_paths,
        protect=config.protect,
        domain_name=config.doors_domain_name,
        certificate_arn=doors_certificate,
        log_bucket=config.log_bucket,
    ),
)
named: list[pulumi.Resource] = []
if config.doors_domain_name and config.hosted_zone_id:
    named = lead("doors-name", config.doors_domain_name, config.hosted_zone_id, (doors.dns_name, doors.zone_id))

image, image_repository, image_ready = pulumi.Output.from_input(config.image), None, []
if config.egress == "endpoints" and not is_own(config.image):
    images = ImageCache("image", ImageCacheArgs(stack.prefix, config.image, config.registry_credential_arn))
    image, image_repository, image_ready = images.image, images.repository_arn, images.ready
elif is_own(config.image):
    image_repository = own_arn(config.image)

gateway = Gateway(
    "gateway",
    GatewayArgs(
        prefix=stack.prefix,
        region=stack.region,
        subnet_ids=network.task_subnet_ids,
        security_group_id=network.task_group_id,
        target_group_arn=doors.target_group_arn,
        image=image,
        repository_arn=image_repository,
        cpu=config.task_cpu,
        memory=config.task_memory,
        models=config.models,
        reaches=reaches,
        database_url_from=database.url_from if database else config.database_url_secret_arn or None,
        database_generation=database.secret_version_id if database else config.database_url_secret_arn or None,
        log_retention_days=config.log_retention_days,
        protect=config.protect,
        public_address=config.egress == "public",
        tasks=config.tasks,
        scaled=config.autoscaling is not None,
        spot_percent=config.spot_percent,
        database_pool=config.database_pool,
        cache=cache.access if cache else None,
        answers_seconds=config.response_cache_seconds,
        migrate=config.migrations == "task",
        ready=[*network.egress, *network.rules, *doors.ready, *(database.ready if database else []), *image_ready],
    ),
)

if config.autoscaling is not None:
    Scaling(
        "scaling",
        ScalingArgs(
            prefix=stack.prefix,
            cluster=stack.prefix,
            service=stack.prefix,
            least=config.tasks,
            limits=config.autoscaling,
            resource_label=pulumi.Output.format("{0}/{1}", doors.arn_suffix, doors.target_group_arn_suffix),
            ready=[gateway.service],
        ),
    )

certificate: pulumi.Input[str] = config.certificate_arn
if config.domain_name and not certificate:
    certificate = Certificate("name", CertificateArgs(config.domain_name, config.hosted_zone_id, EDGE_REGION)).arn

firewall = Firewall("firewall", FirewallArgs(stack.prefix, config.waf_rate_limit)) if config.waf else None

edge = Edge(
    "edge",
    EdgeArgs(
        prefix=stack.prefix,
        vpc_id=network.vpc_id,
        load_balancer_arn=doors.arn,
        load_balancer_name=doors.host,
        load_balancer_group_id=network.load_balancer_group_id,
        internet_gateway=network.internet_gateway,
        public_listener=doors.public_listener,
        allowed_paths=config.public_paths,
        domain_name=config.domain_name,
        certificate_arn=certificate,
        secure=doors_certificate is not None,
        web_acl_arn=firewall.arn if firewall else None,
    ),
)
if config.domain_name and config.hosted_zone_id:
    answers = (edge.distribution.domain_name, edge.distribution.hosted_zone_id)
    lead("name", config.domain_name, config.hosted_zone_id, answers, over_ipv6=True)

if config.access_logs:
    AccessLogs("access-logs", AccessLogsArgs(stack.prefix, edge.distribution.arn, config.log_retention_days))

relay = AdminRelay(
    "relay",
    AdminRelayArgs(
        prefix=stack.prefix,
        subnet_ids=network.private_subnet_ids,
        security_group_id=network.relay_group_id,
        admin_url=doors.admin_url,
        master_key_secret_arn=gateway.master_key_secret_arn,
        log_retention_days=config.log_retention_days,
        egress=[*network.egress, *network.rules, *named],
        over_ipv6=config.egress == "public",
        holds_key=config.relay_holds_key,
        concurrency=reservable(config.relay_concurrency),
    ),
)

admin_access = AdminAccess(
    "admin",
    AdminAccessArgs(
        project=stack.project,
        stack=stack.stack,
        prefix=stack.prefix,
        region=stack.region,
        relay=relay.function,
        reader=relay.reader,
        relay_holds_key=config.relay_holds_key,
        admin_url=doors.admin_url,
        gateway_url=edge.url,
        master_key_secret_arn=gateway.master_key_secret_arn,
        service=gateway.service,
        target_group_arn=doors.target_group_arn,
        database=database.first if database else None,
        log_group=gateway.log_group,
    ),
)

access = None
if config.database != "none":
    access = Access(
        "access",
        AccessArgs(
            spec=stack.access,
            relay=relay.function_name,
            region=stack.region,
            managed_by=f"{stack.project}/{stack.stack}",
            prefix=stack.prefix,
            database=database.instance if database else None,
            ready=[gateway.service, *relay.ready],
            roster_above=config.roster_above,
            protect=config.protect,
        ),
    )

Sleep(
    "sleep",
    SleepArgs(
        prefix=stack.prefix,
        cluster=stack.prefix,
        service=stack.prefix,
        service_arn=gateway.service_arn,
        tasks=gateway.tasks,
        database=stack.prefix if database else None,
        database_arn=database.instance.arn if database else None,
        hours=config.office_hours,
        aurora=config.database == "aurora",
    ),
)

Observability(
    "observability",
    ObservabilityArgs(
        prefix=stack.prefix,
        region=stack.region,
        stack_tag=stack.stack,
        email=config.alarm_email,
        monthly_budget=config.monthly_budget,
        load_balancer=doors.arn_suffix,
        target_group=doors.target_group_arn_suffix,
        cluster=stack.prefix,
        cluster_arn=gateway.cluster_arn,
        service=stack.prefix,
        relay=relay.function_name,
        distribution=edge.distribution.id,
        database=stack.prefix if database else None,
        instance_class=config.database_instance_class,
        storage=config.database_storage,
        capacity=(config.capacity.min, config.capacity.max) if config.database == "aurora" else None,
    ),
)

pulumi.export("gatewayUrl", edge.url)
pulumi.export("adminUrl", doors.admin_url)
pulumi.export("relayFunctionName", relay.function_name)
pulumi.export("masterKeySecretArn", gateway.master_key_secret_arn)
pulumi.export("adminPolicyArn", admin_access.admin_policy_arn)
pulumi.export("viewerPolicyArn", admin_access.viewer_policy_arn)
if lifetime is not None:
    pulumi.export("expiresAt", lifetime.expires)
pulumi.export("users", access.users if access else {})
pulumi.export("teams", access.teams if access else {})
pulumi.export("keys", access.keys if access else {})
pulumi.export("publishedKeys", access.published if access else {})
