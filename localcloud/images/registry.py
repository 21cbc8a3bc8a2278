"""Which images there are."""

from __future__ import annotations

from localcloud.images import litellm, python
from localcloud.images.contract import CannotPullContainer, Image
from localcloud.images.reference import Reference, parse


def resolve(image: str) -> Image:
    """The image behind a task definition's ``image``. Raises ``CannotPullContainer``, which names those there are."""
    try:
        reference = parse(image)
    except ValueError as error:
        raise CannotPullContainer(f"{error}: {_carried()}") from None
    for candidate in (litellm.find, python.find):
        found = candidate(reference)
        if found is not None:
            return found
    raise CannotPullContainer(f"{_told(reference)} not found: {_carried()}")


def _told(reference: Reference) -> str:
    return (
        reference.name
        + (f":{reference.tag}" if reference.tag else "")
        + (f"@{reference.digest}" if reference.digest else "")
    )


def _carried() -> str:
    return f"this machine carries {litellm.REFERENCE} and {python.REFERENCE}"
