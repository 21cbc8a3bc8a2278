"""What is left in an account, service by service."""

from __future__ import annotations

from typing import Any

from localcloud.aws.account import Account


def left_over(account: Account) -> dict[str, list[str]]:
    """Resources that someone made and nobody deleted; what AWS has in every account doesn't count."""
    ec2, rds, ecs = (account.client(name) for name in ("ec2", "rds", "ecs"))
    elb, iam, s3 = (account.client(name) for name in ("elbv2", "iam", "s3"))
    edge = account.client("cloudfront")
    ours = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]
    default = [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"] if vpc["IsDefault"]]
    found: dict[str, list[Any]] = {
        "vpc": ours,
        "subnet": [item["SubnetId"] for item in ec2.describe_subnets()["Subnets"] if item["VpcId"] not in default],
        "internet gateway": [
            item["InternetGatewayId"]
            for item in ec2.describe_internet_gateways()["InternetGateways"]
            if not {attached["VpcId"] for attached in item["Attachments"]} & set(default)
        ],
        "egress-only gateway": ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"],
        "address": ec2.describe_addresses()["Addresses"],
        "nat gateway": [item for item in ec2.describe_nat_gateways()["NatGateways"] if item["State"] != "deleted"],
        "route table": [
            item["RouteTableId"] for item in ec2.describe_route_tables()["RouteTables"] if item["VpcId"] not in default
        ],
        "endpoint": [item for item in ec2.describe_vpc_endpoints()["VpcEndpoints"] if item["State"] != "deleted"],
        "security group": [
            item["GroupId"]
            for item in ec2.describe_security_groups()["SecurityGroups"]
            if item["GroupName"] != "default" or item["VpcId"] not in default
        ],
        "network interface": ec2.describe_network_interfaces()["NetworkInterfaces"],
        "database": rds.describe_db_instances()["DBInstances"],
        "database cluster": rds.describe_db_clusters()["DBClusters"],
        "cluster parameter group": [
            item["DBClusterParameterGroupName"]
            for item in rds.describe_db_cluster_parameter_groups()["DBClusterParameterGroups"]
            if not item["DBClusterParameterGroupName"].startswith("default.")
        ],
        "cache": account.client("elasticache").describe_replication_groups()["ReplicationGroups"],
        "cache subnet group": account.client("elasticache").describe_cache_subnet_groups()["CacheSubnetGroups"],
        "scalable target": account.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")[
            "ScalableTargets"
        ],
        "database subnet group": rds.describe_db_subnet_groups()["DBSubnetGroups"],
        "parameter group": [
            item["DBParameterGroupName"]
            for item in rds.describe_db_parameter_groups()["DBParameterGroups"]
            if not item["DBParameterGroupName"].startswith("default.")
        ],
        "cluster": ecs.list_clusters()["clusterArns"],
        "task definition": ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"],
        "load balancer": elb.describe_load_balancers()["LoadBalancers"],
        "target group": elb.describe_target_groups()["TargetGroups"],
        "role": [
            item["RoleName"] for item in iam.list_roles()["Roles"] if not item["Path"].startswith("/aws-service-role/")
        ],
        "policy": iam.list_policies(Scope="Local")["Policies"],
        "bucket": s3.list_buckets()["Buckets"],
        "secret": account.client("secretsmanager").list_secrets()["SecretList"],
        "parameter": account.client("ssm").describe_parameters()["Parameters"],
        "alarm": account.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "dashboard": account.client("cloudwatch").list_dashboards()["DashboardEntries"],
        "topic": account.client("sns").list_topics()["Topics"],
        "subscription": account.client("sns").list_subscriptions()["Subscriptions"],
        "event rule": account.client("events").list_rules()["Rules"],
        "budget": account.client("budgets").describe_budgets(AccountId=account.account_id).get("Budgets") or [],
        "schedule": account.client("scheduler").list_schedules()["Schedules"],
        "schedule group": [
            group
            for group in account.client("scheduler").list_schedule_groups()["ScheduleGroups"]
            if group["Name"] != "default"
        ],
        "log group": account.client("logs").describe_log_groups()["logGroups"],
        "function": account.client("lambda").list_functions()["Functions"],
        "distribution": edge.list_distributions()["DistributionList"].get("Items") or [],
        "vpc origin": edge.list_vpc_origins()["VpcOriginList"].get("Items") or [],
        "repository": account.client("ecr").describe_repositories()["repositories"],
        "pull-through cache rule": account.client("ecr").describe_pull_through_cache_rules()["pullThroughCacheRules"],
        "hosted zone": account.client("route53").list_hosted_zones()["HostedZones"],
        "edge function": edge.list_functions()["FunctionList"].get("Items") or [],
    }
    return {what: [str(item) for item in items] for what, items in found.items() if items}
