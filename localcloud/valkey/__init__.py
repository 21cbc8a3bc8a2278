"""A real Valkey server: what stands behind a simulated ElastiCache replication group."""

from localcloud.valkey.server import Server, ValkeyError

__all__ = ["Server", "ValkeyError"]
