"""Task sizes that Fargate takes."""

from __future__ import annotations

# CPU units → memory in MiB: smallest, largest, step.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
_MEMORY = {
    512: (1024, 4096, 1024),
    1024: (2048, 8192, 1024),
    2048: (4096, 16384, 1024),
    4096: (8192, 30720, 1024),
    8192: (16384, 61440, 4096),
    16384: (32768, 122880, 8192),
}
# LiteLLM wants 1 vCPU and 4 GB a worker in production and holds 0.8 GB at rest, so 256 units with at most 2 GB is
# left out.


def cpu_units() -> tuple[int, ...]:
    """CPU units (1024 = 1 vCPU) that a task may have."""
    return tuple(_MEMORY)


def memory_sizes(cpu: int) -> tuple[int, ...]:
    """Memory in MiB that go with `cpu` units; empty for a CPU size that Fargate doesn't have."""
    if cpu not in _MEMORY:
        return ()
    smallest, largest, step = _MEMORY[cpu]
    return tuple(range(smallest, largest + 1, step))
