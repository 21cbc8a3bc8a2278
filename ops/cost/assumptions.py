"""What the usage-based part is computed from: a small team that tries the gateway out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Assumptions:
    """A month's use. Each is said in the estimate where it counts."""

    nat_gb: float = 5
    """Through the NAT gateway (or an endpoint): what Bedrock answers, a gigabyte of image at each new task, logs."""
    load_balancer_units: float = 0.05
    """Capacity units on average; one carries 25 new connections a second."""
    log_gb: float = 0.25
    """Written to each log group."""
    relay_calls: int = 2_000
    relay_seconds: float = 0.5
    requests: int = 200_000
    """At the edge, each of which runs one Function."""
    bucket_gb: float = 0.01
    image_gb: float = 1.5
    """Of LiteLLM's image, stored in ECR where there is no internet."""
    aurora_units: float = 0.75
    """Capacity of Aurora on average, where it may be more than its least."""
    database_gb: float = 5
    """Stored in Aurora, which bills what is used; RDS bills what is allocated."""
