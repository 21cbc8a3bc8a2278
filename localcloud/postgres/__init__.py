"""Postgres for simulated RDS instances: real server processes on loopback with TLS, no container."""

from localcloud.postgres.binaries import PostgresMissing, binaries, version
from localcloud.postgres.cluster import IAM_ROLE, Cluster, PostgresError

__all__ = ["IAM_ROLE", "Cluster", "PostgresError", "PostgresMissing", "binaries", "version"]
