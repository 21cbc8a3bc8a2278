"""AWS's own tables (sizes, versions), read from cfn-lint's data files; nothing of them is written down by hand here.

The files are found without importing cfn-lint, which would cost seconds and memory.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def _load(*parts: str) -> Any:
    spec = find_spec("cfnlint")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(
            "The simulated AWS API reads AWS's tables from cfn-lint: install the development requirements."
        )
    root = Path(spec.submodule_search_locations[0])
    return json.loads(root.joinpath("data", "schemas", "extensions", *parts).read_text())


@cache
def fargate_memory(cpu: int) -> tuple[int, ...]:
    """The memory sizes (MiB) that go with ``cpu`` units (1024 a vCPU) on Fargate; none when there is no such size."""
    for pair in _load("aws_ecs_taskdefinition", "fargate_cpu_memory.json")["then"]["anyOf"]:
        sizes, memory = (pair["properties"][name]["then"] for name in ("Cpu", "Memory"))
        if str(cpu) in sizes["enum"]:
            if "enum" in memory:
                return tuple(memory["enum"])
            return tuple(range(memory["minimum"], memory["maximum"] + 1, memory["multipleOf"]))
    return ()


@cache
def fargate_cpus() -> tuple[int, ...]:
    """The cpu sizes (units) of Fargate."""
    pairs = _load("aws_ecs_taskdefinition", "fargate_cpu_memory.json")["then"]["anyOf"]
    return tuple(int(size) for pair in pairs for size in pair["properties"]["Cpu"]["then"]["enum"])


@cache
def engine_versions(engine: str) -> tuple[str, ...]:
    """The versions of an RDS engine, major ones ("15") among them; none for an unknown engine."""
    for rule in _load("aws_rds_dbinstance", "engine_version.json")["allOf"]:
        if rule["if"]["properties"]["Engine"].get("const") == engine:
            return tuple(str(version) for version in rule["then"]["properties"]["EngineVersion"]["enum"])
    return ()


@cache
def cluster_versions(engine: str) -> tuple[str, ...]:
    """The versions of a cluster's engine, major ones ("15") among them; none for an unknown engine."""
    for rule in _load("aws_rds_dbcluster", "engine_version.json")["allOf"]:
        if rule["if"]["properties"]["Engine"].get("const") == engine:
            return tuple(str(version) for version in rule["then"]["properties"]["EngineVersion"]["enum"])
    return ()


@cache
def instance_classes(region: str, engine: str) -> frozenset[str]:
    """The instance classes that RDS offers for ``engine`` in ``region``, in any version."""
    rules = _load("aws_rds_dbinstance", "dbinstanceclass_enum.json").get(region, {}).get("allOf", [])
    return frozenset(
        name
        for rule in rules
        if rule["if"]["properties"]["Engine"].get("const") == engine
        for name in rule["then"]["properties"]["DBInstanceClass"]["enum"]
    )


@cache
def classes_of_version(engine: str, version: str) -> frozenset[str] | None:
    """The instance classes that take one version of an engine; None when the table doesn't know the version."""
    found: set[str] = set()
    for rule in _load("aws_rds_dbinstance", "db_instance_class.json")["allOf"]:
        properties = rule["if"]["properties"]
        if properties["Engine"].get("const") == engine and re.match(properties["EngineVersion"]["pattern"], version):
            found.update(rule["then"]["properties"]["DBInstanceClass"]["enum"])
    return frozenset(found) or None


@cache
def cache_versions(engine: str) -> tuple[str, ...]:
    """The versions of an ElastiCache engine; none for an unknown engine."""
    for rule in _load("aws_elasticache_cachecluster", "engine_version.json")["allOf"]:
        if rule["if"]["properties"]["Engine"].get("const") == engine:
            return tuple(str(version) for version in rule["then"]["properties"]["EngineVersion"]["enum"])
    return ()


@cache
def cache_node_types(region: str) -> frozenset[str]:
    """The node types that ElastiCache offers in ``region``."""
    return frozenset(_load("aws_elasticache_cachecluster", "cachenodetype_enum.json").get(region, {}).get("enum", ()))
