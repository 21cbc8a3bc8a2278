"""A whole gateway: which component gets what from which others. The program and the component `LlmGateway` share it."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from components.access_logs import AccessLogs, AccessLogsArgs
from components.admin_access import AdminAccess, AdminAccessArgs
from components.aurora import Aurora, AuroraArgs
from components.bedrock import Reach, look_up
from components.cache import Cache, CacheArgs
from components.concurrency import reservable
from components.database import Database, DatabaseArgs
from components.domain import EDGE_REGION, Certificate, CertificateArgs, lead, misplaced
from components.doors import Doors, DoorsArgs
from components.edge import Edge, EdgeArgs
from components.firewall import Firewall, FirewallArgs
from components.gateway import Gateway, GatewayArgs
from components.image_cache import ImageCache, ImageCacheArgs, is_own, own_arn
from components.network import Network, NetworkArgs
from components.observability import Observability, ObservabilityArgs
from components.relay import AdminRelay, AdminRelayArgs
from components.scaling import Scaling, ScalingArgs
from components.settings import SettingsError, Stack
from components.sleep import Sleep, SleepArgs
from components.zones import Zone, choose_zones


class Composition:
    """Everything but users and keys: those are made once it serves (components/access.py).

    With a `parent` it is below that resource, and every name begins with the parent's.

    Raises:
        SettingsError: Bedrock doesn't have a model in the region, or a name isn't in the hosted zone.
        ValueError: the region has too few zones with CloudFront VPC origins.
    """

    def __init__(self, stack: Stack, parent: pulumi.Resource | None = None) -> None:
        self._stack, self._config = stack, stack.settings
        self._opts = pulumi.ResourceOptions(parent=parent) if parent else None
        self._start = f"{parent.pulumi_resource_name}-" if parent else ""
        reaches = self._looked_up()
        self.network = self._network()
        self.database = self._database()
        self.cache = self._cache()
        self.doors = self._doors()
        self.gateway = self._gateway(reaches)
        self._scaling()
        self.edge = self._edge()
        self.relay = self._relay()
        self.admin_access = self._admin_access()
        self._sleep()
        self._observability()
        self.ready: list[pulumi.Resource] = [self.gateway.service, *self.relay.ready]
        """What must be there before LiteLLM can be asked through the relay."""

    def _named(self, role: str) -> str:
        return f"{self._start}{role}"

    def _looked_up(self) -> list[Reach]:
        """What models need, once AWS has been asked about all that it alone knows of the settings."""
        reaches, problems = look_up(self._config.models, self._stack.region)
        if zone := self._config.hosted_zone_id:
            names = {"domainName": self._config.domain_name, "doorsDomainName": self._config.doors_domain_name}
            problems += misplaced(zone, names)
        if problems:
            raise SettingsError([f"{self._stack.where}{problem}" for problem in problems])
        return reaches

    def _zones(self) -> tuple[Zone, ...]:
        if self._config.network is not None:
            return ()
        # opt-in-not-required leaves out local zones, which have neither RDS nor load balancers for the asking
        seen = aws.get_availability_zones(
            state="available", filters=[{"name": "opt-in-status", "values": ["opt-in-not-required"]}]
        )
        available = [Zone(*pair) for pair in zip(seen.names, seen.zone_ids, strict=True)]
        return choose_zones(available, self._config.zones)

    def _network(self) -> Network:
        args = NetworkArgs(
            prefix=self._stack.prefix,
            region=self._stack.region,
            vpc_cidr=self._config.vpc_cidr,
            zones=self._zones(),
            admin_cidrs=self._config.admin_cidrs,
            has_database=self._config.database != "none",
            has_cache=self._config.cache == "valkey",
            egress=self._config.egress,
            own=self._config.network,
            own_database_group_id=self._config.database_security_group_id,
        )
        return Network(self._named("network"), args, self._opts)

    def _database(self) -> Database | Aurora | None:
        if self.network.database_group_id is None:
            return None
        if self._config.database == "aurora":
            aurora = AuroraArgs(
                prefix=self._stack.prefix,
                region=self._stack.region,
                subnet_ids=self.network.database_subnet_ids,
                security_group_id=self.network.database_group_id,
                engine_version=self._config.database_engine_version,
                capacity=self._config.capacity,
                standby=self._config.database_standby,
                protect=self._config.protect,
                tokens=self._config.database_authentication == "iam",
            )
            return Aurora(self._named("database"), aurora, self._opts)
        args = DatabaseArgs(
            prefix=self._stack.prefix,
            subnet_ids=self.network.database_subnet_ids,
            security_group_id=self.network.database_group_id,
            instance_class=self._config.database_instance_class,
            engine_version=self._config.database_engine_version,
            storage=self._config.database_storage,
            standby=self._config.database_standby,
            protect=self._config.protect,
        )
        return Database(self._named("database"), args, self._opts)

    def _cache(self) -> Cache | None:
        if self.network.cache_group_id is None:
            return None
        args = CacheArgs(
            prefix=self._stack.prefix,
            subnet_ids=self.network.database_subnet_ids,
            security_group_id=self.network.cache_group_id,
            node_type=self._config.cache_node_type,
            engine_version=self._config.cache_engine_version,
            replicas=self._config.cache_replicas,
            protect=self._config.protect,
        )
        return Cache(self._named("cache"), args, self._opts)

    def _doors(self) -> Doors:
        name, zone = self._config.doors_domain_name, self._config.hosted_zone_id
        certificate: pulumi.Input[str] | None = self._config.doors_certificate_arn or None
        if name and not certificate:
            wanted = CertificateArgs(name, zone, self._stack.region)
            certificate = Certificate(self._named("doors-name"), wanted, self._opts).arn
        args = DoorsArgs(
            prefix=self._stack.prefix,
            vpc_id=self.network.vpc_id,
            subnet_ids=self.network.private_subnet_ids,
            security_group_id=self.network.load_balancer_group_id,
            allowed_paths=self._config.public_paths,
            protect=self._config.protect,
            domain_name=name,
            certificate_arn=certificate,
            log_bucket=self._config.log_bucket,
        )
        doors = Doors(self._named("doors"), args, self._opts)
        self._records: list[pulumi.Resource] = []
        if name and zone:
            target = (doors.dns_name, doors.zone_id)
            self._records = lead(self._named("doors-name"), name, zone, target, opts=self._opts)
        return doors

    def _image(self) -> tuple[pulumi.Input[str], pulumi.Input[str] | None, list[pulumi.Resource]]:
        """The image, the repository that tasks must be allowed to pull from (None: no private one), and what must be
        there before."""
        image = self._config.image
        if is_own(image):
            return image, own_arn(image), []
        if self._config.egress != "endpoints":
            return image, None, []
        args = ImageCacheArgs(self._stack.prefix, image, self._config.registry_credential_arn)
        images = ImageCache(self._named("image"), args, self._opts)
        return images.image, images.repository_arn, images.ready

    def _gateway(self, reaches: list[Reach]) -> Gateway:
        database = self.database
        own_url = self._config.database_url_secret_arn or None
        image, repository, image_ready = self._image()
        args = GatewayArgs(
            prefix=self._stack.prefix,
            region=self._stack.region,
            subnet_ids=self.network.task_subnet_ids,
            security_group_id=self.network.task_group_id,
            target_group_arn=self.doors.target_group_arn,
            image=image,
            repository_arn=repository,
            cpu=self._config.task_cpu,
            memory=self._config.task_memory,
            models=self._config.models,
            reaches=reaches,
            database_url_from=database.url_from if database and not database.login else own_url,
            database_login=database.login if database else None,
            database_generation=database.secret_version_id if database else own_url,
            log_retention_days=self._config.log_retention_days,
            protect=self._config.protect,
            public_address=self._config.egress == "public",
            tasks=self._config.tasks,
            scaled=self._config.autoscaling is not None,
            spot_percent=self._config.spot_percent,
            database_pool=self._config.database_pool,
            cache=self.cache.access if self.cache else None,
            answers_seconds=self._config.response_cache_seconds,
            migrate=self._config.migrations == "task",
            ready=[
                *self.network.egress,
                *self.network.rules,
                *self.doors.ready,
                *(database.ready if database else []),
                *image_ready,
            ],
        )
        return Gateway(self._named("gateway"), args, self._opts)

    def _scaling(self) -> None:
        if self._config.autoscaling is None:
            return
        args = ScalingArgs(
            prefix=self._stack.prefix,
            cluster=self._stack.prefix,
            service=self._stack.prefix,
            least=self._config.tasks,
            limits=self._config.autoscaling,
            resource_label=pulumi.Output.format("{0}/{1}", self.doors.arn_suffix, self.doors.target_group_arn_suffix),
            ready=[self.gateway.service],
        )
        Scaling(self._named("scaling"), args, self._opts)

    def _edge(self) -> Edge:
        name, zone = self._config.domain_name, self._config.hosted_zone_id
        certificate: pulumi.Input[str] = self._config.certificate_arn
        if name and not certificate:
            certificate = Certificate(self._named("name"), CertificateArgs(name, zone, EDGE_REGION), self._opts).arn
        firewall = None
        if self._config.waf:
            limits = FirewallArgs(self._stack.prefix, self._config.waf_rate_limit)
            firewall = Firewall(self._named("firewall"), limits, self._opts)
        args = EdgeArgs(
            prefix=self._stack.prefix,
            vpc_id=self.network.vpc_id,
            load_balancer_arn=self.doors.arn,
            load_balancer_name=self.doors.host,
            load_balancer_group_id=self.network.load_balancer_group_id,
            internet_gateway=self.network.internet_gateway,
            public_listener=self.doors.public_listener,
            allowed_paths=self._config.public_paths,
            domain_name=name,
            certificate_arn=certificate,
            secure=bool(self._config.doors_domain_name),
            web_acl_arn=firewall.arn if firewall else None,
        )
        edge = Edge(self._named("edge"), args, self._opts)
        if name and zone:
            target = (edge.distribution.domain_name, edge.distribution.hosted_zone_id)
            lead(self._named("name"), name, zone, target, over_ipv6=True, opts=self._opts)
        if self._config.access_logs:
            logs = AccessLogsArgs(self._stack.prefix, edge.distribution.arn, self._config.log_retention_days)
            AccessLogs(self._named("access-logs"), logs, self._opts)
        return edge

    def _relay(self) -> AdminRelay:
        args = AdminRelayArgs(
            prefix=self._stack.prefix,
            subnet_ids=self.network.private_subnet_ids,
            security_group_id=self.network.relay_group_id,
            admin_url=self.doors.admin_url,
            master_key_secret_arn=self.gateway.master_key_secret_arn,
            log_retention_days=self._config.log_retention_days,
            egress=[*self.network.egress, *self.network.rules, *self._records],
            over_ipv6=self._config.egress == "public",
            holds_key=self._config.relay_holds_key,
            concurrency=reservable(self._config.relay_concurrency),
        )
        return AdminRelay(self._named("relay"), args, self._opts)

    def _admin_access(self) -> AdminAccess:
        args = AdminAccessArgs(
            project=self._stack.project,
            stack=self._stack.stack,
            prefix=self._stack.prefix,
            region=self._stack.region,
            relay=self.relay.function,
            reader=self.relay.reader,
            relay_holds_key=self._config.relay_holds_key,
            admin_url=self.doors.admin_url,
            gateway_url=self.edge.url,
            master_key_secret_arn=self.gateway.master_key_secret_arn,
            service=self.gateway.service,
            target_group_arn=self.doors.target_group_arn,
            database=self.database.first if self.database else None,
            log_group=self.gateway.log_group,
        )
        return AdminAccess(self._named("admin"), args, self._opts)

    def _sleep(self) -> None:
        args = SleepArgs(
            prefix=self._stack.prefix,
            cluster=self._stack.prefix,
            service=self._stack.prefix,
            service_arn=self.gateway.service_arn,
            tasks=self.gateway.tasks,
            database=self._stack.prefix if self.database else None,
            database_arn=self.database.instance.arn if self.database else None,
            hours=self._config.office_hours,
            aurora=self._config.database == "aurora",
        )
        Sleep(self._named("sleep"), args, self._opts)

    def _observability(self) -> None:
        capacity = self._config.capacity
        args = ObservabilityArgs(
            prefix=self._stack.prefix,
            region=self._stack.region,
            stack_tag=self._stack.stack,
            email=self._config.alarm_email,
            monthly_budget=self._config.monthly_budget,
            load_balancer=self.doors.arn_suffix,
            target_group=self.doors.target_group_arn_suffix,
            cluster=self._stack.prefix,
            cluster_arn=self.gateway.cluster_arn,
            service=self._stack.prefix,
            relay=self.relay.function_name,
            distribution=self.edge.distribution.id,
            database=self._stack.prefix if self.database else None,
            instance_class=self._config.database_instance_class,
            storage=self._config.database_storage,
            capacity=(capacity.min, capacity.max) if self._config.database == "aurora" else None,
        )
        Observability(self._named("observability"), args, self._opts)
