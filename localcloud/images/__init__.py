"""Container images that this machine can run without containers: each one a program, started as its image starts it."""

from localcloud.images.contract import (
    CannotPullContainer,
    CannotStartContainer,
    ContainerContext,
    ContainerProcess,
    Image,
)
from localcloud.images.ports import rewrite_local
from localcloud.images.registry import resolve

__all__ = [
    "CannotPullContainer",
    "CannotStartContainer",
    "ContainerContext",
    "ContainerProcess",
    "Image",
    "resolve",
    "rewrite_local",
]
