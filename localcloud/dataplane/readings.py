"""How the local load balancer and CloudFront read a request where AWS's documentation is silent.

Each field has a default (the documented reading, or the stricter one) and others that are run to prove that what is
deployed holds under every reading. Set for a whole daemon by the environment, for example
``LOCALCLOUD_READINGS="edge_match=raw,alb_match=decoded"``.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

VARIABLE = "LOCALCLOUD_READINGS"
CHOICES = {
    "edge_match": ("rfc3986", "raw", "decoded"),
    "edge_function_uri": ("raw", "rfc3986"),
    "edge_absolute": ("rfc", "raw", "refuse"),
    "edge_fragment": ("pass", "refuse", "cut"),
    "alb_match": ("rfc3986", "raw", "decoded"),
    "alb_absolute": ("rfc", "raw", "refuse"),
}


@dataclass(frozen=True)
class Readings:
    """One choice a question; ``CHOICES`` lists what there is to choose from. Raises ValueError for any other.

    - ``edge_match``: the path that CloudFront matches behaviours with. Documented: normalised as RFC 3986 says
      (DownloadDistValuesCacheBehavior.html, "Path normalization"). "decoded" also decodes reserved characters.
    - ``edge_function_uri``: what a Function sees as ``request.uri``. The raw path, as the origin does
      (edge-function-restrictions-all.html, "URI and query string encoding": forwarded without changing them).
    - ``edge_absolute``: a request target with scheme and authority, see ``http_head.split_target``. Not documented.
    - ``edge_fragment``: a "#" in a request target. Not documented: part of the path, refused, or cut off with what
      follows.
    - ``alb_match``: the path that load balancer rules are compared with. Documented: rules are evaluated "only after
      URI normalization occurs", and the path is forwarded as it came (rule-condition-types.html, "Path conditions").
      Which normalisation is not: RFC 3986's, none that matters, or one that decodes reserved characters, too.
    - ``alb_absolute``: as ``edge_absolute``; the default is documented ("Host header preservation").
    """

    edge_match: str = "rfc3986"
    edge_function_uri: str = "raw"
    edge_absolute: str = "rfc"
    edge_fragment: str = "pass"
    alb_match: str = "rfc3986"
    alb_absolute: str = "rfc"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value not in CHOICES[field.name]:
                raise ValueError(f"{VARIABLE}: {field.name} is one of {', '.join(CHOICES[field.name])}, not {value!r}")

    @classmethod
    def from_environment(cls) -> Readings:
        """The readings that the environment asks for. Raises ValueError when it asks for something unknown."""
        chosen: dict[str, str] = {}
        for item in filter(None, os.environ.get(VARIABLE, "").replace(" ", "").split(",")):
            name, equals, value = item.partition("=")
            if not equals or name not in CHOICES:
                raise ValueError(f"{VARIABLE}: {item!r} isn't NAME=READING with a name among {', '.join(CHOICES)}")
            chosen[name] = value
        return cls(**chosen)
