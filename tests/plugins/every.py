"""A program with at least one resource of every type of the table, in a first and a changed form."""

from __future__ import annotations

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from tests.plugins.every_edge import edge
from tests.plugins.every_naming import naming
from tests.plugins.every_network import Form, cache, database, firewall, network
from tests.plugins.every_watching import scheduling, watching

SECRET = "a-secret-that-no-plain-state-may-show"


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(action: str, resource: Any) -> Any:
    return pulumi.Output.json_dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": [action], "Resource": resource}]}
    )


def program(form: Form) -> None:
    net = network(form)
    firewall(form, net)
    database(form, net)
    cache(form, net)
    secret = secrets(form)
    bucket = storage(form)
    identity(form, bucket)
    balancing = balance(form, net)
    containers(form, net, balancing, secret)
    distribution = edge(form, balancing)
    naming(form, balancing["balancer"])
    watching(form, distribution)
    scheduling(form)
    randoms()


def secrets(form: Form) -> aws.secretsmanager.Secret:
    secret = aws.secretsmanager.Secret(
        "secret", name="every/secret", description=form.pick("one", "two"), recovery_window_in_days=0, tags={"a": "b"}
    )
    value = pulumi.Output.secret(SECRET + form.pick("", "-then"))
    aws.secretsmanager.SecretVersion("value", secret_id=secret.id, secret_string=value)
    aws.ssm.Parameter(
        "parameter", name="/every/parameter", type="SecureString", value=value, tags={"a": form.pick("b", "c")}
    )
    aws.cloudwatch.LogGroup("log", name="/every/log", retention_in_days=form.pick(7, 14), tags={"a": "b"})
    return secret


def storage(form: Form) -> aws.s3.Bucket:
    bucket = aws.s3.Bucket("bucket", force_destroy=True, tags={"Name": form.pick("one", "two")})
    aws.s3.BucketPublicAccessBlock(
        "block", bucket=bucket.id, block_public_acls=True, block_public_policy=form.pick(True, False)
    )
    aws.s3.BucketOwnershipControls("owner", bucket=bucket.id, rule={"object_ownership": "BucketOwnerEnforced"})
    aws.s3.BucketVersioning(
        "versions", bucket=bucket.id, versioning_configuration={"status": form.pick("Enabled", "Suspended")}
    )
    aws.s3.BucketServerSideEncryptionConfiguration(
        "encryption",
        bucket=bucket.id,
        rules=[{"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}, "bucket_key_enabled": True}],
    )
    aws.s3.BucketLifecycleConfiguration(
        "lifecycle",
        bucket=bucket.id,
        rules=[
            {
                "id": "old",
                "status": "Enabled",
                "filter": {"prefix": "logs/"},
                "expiration": {"days": form.pick(30, 60)},
                "noncurrent_version_expiration": {"noncurrent_days": 7},
            }
        ],
    )
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [bucket.arn, pulumi.Output.concat(bucket.arn, "/*")],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
    aws.s3.BucketPolicy("policy", bucket=bucket.id, policy=pulumi.Output.json_dumps(policy))
    aws.s3.BucketObjectv2(
        "object",
        bucket=bucket.id,
        key="config.yaml",
        content=form.pick("a: 1", "a: 2"),
        content_type="text/yaml",
        tags={"x": "y"},
    )
    aws.s3.BucketObjectv2(
        "asset", bucket=bucket.id, key="asset", source=pulumi.StringAsset(form.pick("text", "other text"))
    )
    return bucket


def identity(form: Form, bucket: aws.s3.Bucket) -> None:
    role = aws.iam.Role(
        "role",
        name="every-role",
        description=form.pick("one", "two"),
        assume_role_policy=trust("ecs-tasks.amazonaws.com"),
        tags={"a": form.pick("b", "c")},
    )
    aws.iam.RolePolicy("inline", role=role.id, policy=allow(form.pick("s3:GetObject", "s3:PutObject"), bucket.arn))
    policy = aws.iam.Policy(
        "policy", name="every-policy", policy=allow(form.pick("s3:GetObject", "s3:PutObject"), bucket.arn)
    )
    aws.iam.RolePolicyAttachment("attachment", role=role.name, policy_arn=policy.arn)
    managed = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
    aws.iam.RolePolicyAttachment("managed", role=role.name, policy_arn=managed)


def balance(form: Form, net: dict[str, Any]) -> dict[str, Any]:
    balancer = aws.lb.LoadBalancer(
        "balancer",
        name="every-balancer",
        internal=True,
        load_balancer_type="application",
        security_groups=[net["group"].id],
        subnets=[subnet.id for subnet in net["subnets"]],
        idle_timeout=form.pick(120, 300),
        drop_invalid_header_fields=True,
        tags={"Name": "balancer"},
    )
    targets = aws.lb.TargetGroup(
        "targets",
        name_prefix="every-",
        port=4000,
        protocol="HTTP",
        target_type="ip",
        vpc_id=net["vpc"].id,
        deregistration_delay=form.pick(15, 20),
        health_check={
            "path": "/health/readiness",
            "port": "traffic-port",
            "matcher": "200",
            "interval": form.pick(15, 20),
            "timeout": 5,
            "healthy_threshold": 2,
            "unhealthy_threshold": 3,
        },
    )
    refuse = {
        "type": "fixed-response",
        "fixed_response": {"content_type": "application/json", "message_body": '{"error":"no"}', "status_code": "403"},
    }
    listener = aws.lb.Listener(
        "listener", load_balancer_arn=balancer.arn, port=form.pick(80, 8080), protocol="HTTP", default_actions=[refuse]
    )
    forward = {"type": "forward", "target_group_arn": targets.arn}
    weighed = {"type": "forward", "forward": {"target_groups": [{"arn": targets.arn, "weight": 2}]}}
    rule = aws.lb.ListenerRule(
        "rule",
        listener_arn=listener.arn,
        priority=form.pick(10, 20),
        actions=[form.pick(forward, weighed)],
        conditions=[
            {"path_pattern": {"values": form.pick(["/v1/models"], ["/v1/models", "/v1/chat"])}},
            {"http_request_method": {"values": ["GET", "POST"]}},
        ],
        transforms=[
            {
                "type": "url-rewrite",
                "url_rewrite_config": {"rewrite": {"regex": form.pick("^[^?]*", "^/v1"), "replace": "/v1/models"}},
            }
        ],
    )
    return {"balancer": balancer, "targets": targets, "rule": rule}


def containers(form: Form, net: dict[str, Any], balancing: dict[str, Any], secret: aws.secretsmanager.Secret) -> None:
    cluster = aws.ecs.Cluster(
        "cluster",
        name="every-cluster",
        settings=[{"name": "containerInsights", "value": form.pick("disabled", "enabled")}],
    )
    role = aws.iam.Role("execution", assume_role_policy=trust("ecs-tasks.amazonaws.com"))
    definition = pulumi.Output.json_dumps(
        [
            {
                "name": "app",
                "image": form.pick("example/app:1", "example/app:2"),
                "essential": True,
                "portMappings": [{"containerPort": 4000, "protocol": "tcp"}],
                "environment": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
                "secrets": [{"name": "KEY", "valueFrom": secret.arn}],
            }
        ]
    )
    task = aws.ecs.TaskDefinition(
        "task",
        family="every-task",
        cpu="1024",
        memory="4096",
        network_mode="awsvpc",
        requires_compatibilities=["FARGATE"],
        execution_role_arn=role.arn,
        runtime_platform={"cpu_architecture": "ARM64", "operating_system_family": "LINUX"},
        container_definitions=definition,
        tags={"a": "b"},
    )
    providers = aws.ecs.ClusterCapacityProviders(
        "capacity",
        cluster_name=cluster.name,
        capacity_providers=form.pick(["FARGATE", "FARGATE_SPOT"], ["FARGATE"]),
        default_capacity_provider_strategies=[{"capacity_provider": "FARGATE", "weight": form.pick(1, 2)}],
    )
    service = aws.ecs.Service(
        "service",
        name="every-service",
        cluster=cluster.arn,
        task_definition=task.arn,
        desired_count=form.pick(1, 2),
        launch_type="FARGATE",
        platform_version="LATEST",
        deployment_minimum_healthy_percent=100,
        deployment_maximum_percent=200,
        deployment_circuit_breaker={"enable": True, "rollback": True},
        health_check_grace_period_seconds=form.pick(60, 90),
        network_configuration={
            "subnets": [subnet.id for subnet in net["subnets"]],
            "security_groups": [net["group"].id],
            "assign_public_ip": False,
        },
        load_balancers=[
            {"target_group_arn": balancing["targets"].arn, "container_name": "app", "container_port": 4000}
        ],
        propagate_tags="SERVICE",
        wait_for_steady_state=True,
        opts=pulumi.ResourceOptions(depends_on=[balancing["rule"], providers]),
    )
    scaling(form, service)
    worker = aws.iam.Role("worker", assume_role_policy=trust("lambda.amazonaws.com"))
    in_vpc = aws.iam.RolePolicyAttachment(
        "in-vpc", role=worker.name, policy_arn="arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole"
    )
    source = f"def handler(event, context):\n    return {form.pick(1, 2)}\n"
    aws.lambda_.Function(
        "function",
        name="every-function",
        role=worker.arn,
        handler="index.handler",
        runtime="python3.13",
        architectures=["arm64"],
        timeout=form.pick(10, 20),
        memory_size=256,
        code=pulumi.AssetArchive({"index.py": pulumi.StringAsset(source)}),
        environment={"variables": {"WHERE": form.pick("here", "there"), "TOKEN": pulumi.Output.secret(SECRET)}},
        vpc_config={"subnet_ids": [subnet.id for subnet in net["subnets"]], "security_group_ids": [net["group"].id]},
        tags={"a": form.pick("b", "c")},
        opts=pulumi.ResourceOptions(depends_on=[in_vpc]),
    )


def scaling(form: Form, service: aws.ecs.Service) -> None:
    target = aws.appautoscaling.Target(
        "scaled",
        service_namespace="ecs",
        scalable_dimension="ecs:service:DesiredCount",
        resource_id="service/every-cluster/every-service",
        min_capacity=1,
        max_capacity=form.pick(3, 4),
        tags={"a": form.pick("b", "c")},
        opts=pulumi.ResourceOptions(depends_on=[service]),
    )
    aws.appautoscaling.Policy(
        "scaled-by-cpu",
        name="every-cpu",
        policy_type="TargetTrackingScaling",
        service_namespace=target.service_namespace,
        scalable_dimension=target.scalable_dimension,
        resource_id=target.resource_id,
        target_tracking_scaling_policy_configuration={
            "target_value": form.pick(60, 50),
            "predefined_metric_specification": {"predefined_metric_type": "ECSServiceAverageCPUUtilization"},
            "scale_in_cooldown": 300,
        },
    )


def randoms() -> None:
    keepers = {"a": "b"}
    random.RandomString("string", length=8, keepers=keepers)
    random.RandomId("id", byte_length=4, prefix="p-")
    random.RandomUuid("uuid")
    random.RandomBytes("bytes", length=16)
