"""Postgres for simulated RDS instances: real server processes on loopback with TLS, no container."""

from localcloud.postgres.binaries import PostgresMissing, binaries, version
from localcloud.postgres.cluster import Cluster, PostgresError

__all__ = ["Cluster", "PostgresError", "PostgresMissing", "binaries", "version"]
