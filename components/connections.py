"""How many connections a database takes, and how many LiteLLM may open. Pure."""

from __future__ import annotations

GIB = 1024**3
# LEAST({DBInstanceClassMemory/9531392}, 5000).
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html#RDS_Limits.MaxConnections
_BYTES_A_CONNECTION = 9_531_392
_MOST = 5_000
# GiB by size, of the classes t, m and r that Postgres takes (m and r have more memory a size than t).
_MEMORY = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32, "4xlarge": 64, "8xlarge": 128}
# The operating system and Postgres itself take their part before the formula is applied.
_FOR_THE_CLASS = 0.85
# Aurora Serverless v2 goes by the most memory that a cluster may have; with half a unit as the least it is capped.
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.setting-capacity.html#aurora-serverless-v2.max-connections
_AURORA = ((1, 189), (4, 823), (8, 1_669), (16, 3_360), (32, 5_000))
_CAPPED = 2_000
# Kept back: RDS's own superuser and monitoring, and somebody who looks at it.
RESERVED = 10
# A rolling update runs the old tasks and the new ones at the same time (deployment_maximum_percent).
ROLLING = 2


def limit(instance_class: str) -> int | None:
    """Connections that an RDS instance of this class takes; None for a size that isn't known here."""
    memory = _MEMORY.get(instance_class.rpartition(".")[2])
    return None if memory is None else min(int(memory * GIB * _FOR_THE_CLASS / _BYTES_A_CONNECTION), _MOST)


def aurora_limit(least: float, most: float) -> int:
    """Connections that a serverless cluster takes between `least` and `most` capacity units: AWS's figure for the next
    lower size that it states."""
    found = max(connections for units, connections in _AURORA if units <= max(most, 1))
    return min(found, _CAPPED) if least <= 0.5 else found


def needed(tasks: int, pool: int, workers: int = 1) -> int:
    """Connections while a deployment rolls: tasks × workers × pool, twice."""
    return tasks * workers * pool * ROLLING
