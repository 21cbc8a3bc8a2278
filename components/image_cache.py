"""ImageCache: LiteLLM's image in the account's own registry, for tasks that have no way to any other."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

# The registries that want credentials even for public images: theirs is the secret that the rule names.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html
WITH_CREDENTIALS = ("ghcr.io", "registry-1.docker.io", "registry.gitlab.com")
WITHOUT = ("public.ecr.aws", "quay.io", "registry.k8s.io")
SECRET_PREFIX = "ecr-pullthroughcache/"
_OWN = re.compile(r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com")


def registry_of(image: str) -> str:
    """The host that an image names."""
    return image.partition("/")[0]


def is_own(image: str) -> bool:
    """Whether the image is in a private ECR registry already."""
    return _OWN.fullmatch(registry_of(image)) is not None


def own_arn(image: str) -> str:
    """The ARN of the ECR repository that an image of one's own is in."""
    host, _, rest = image.partition("/")
    account, _, _, region, *_ = host.split(".")
    repository = rest.partition("@")[0].partition(":")[0]
    return f"arn:aws:ecr:{region}:{account}:repository/{repository}"


@dataclass(frozen=True)
class ImageCacheArgs:
    """`credential_arn` is the secret with which the registry is asked; empty for one that asks for none."""

    prefix: str
    image: str
    credential_arn: str


class ImageCache(pulumi.ComponentResource):
    """The pull-through cache rule and the repository that it fills. `image` is the image under its new name,
    `repository_arn` what a role must be allowed to pull from.

    The repository is made here, not by the first pull, so that it goes with the stack. The first pull of a version must
    come from somewhere with a way to the internet (`docker pull`, once, from a laptop or CI): ECR doesn't fetch for who
    comes by an interface endpoint. docs/scale.md has the command."""

    image: pulumi.Output[str]
    repository_arn: pulumi.Output[str]
    ready: list[pulumi.Resource]

    def __init__(self, name: str, args: ImageCacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("llm-gateway:gateway:ImageCache", name, None, opts)
        mine = pulumi.ResourceOptions(parent=self)
        rule = aws.ecr.PullThroughCacheRule(
            f"{name}-rule",
            ecr_repository_prefix=args.prefix,
            upstream_registry_url=registry_of(args.image),
            credential_arn=args.credential_arn or None,
            opts=mine,
        )
        path = args.image.partition("/")[2]
        tail = re.search(r"[:@].*$", path)
        repository = aws.ecr.Repository(
            f"{name}-repository",
            name=f"{args.prefix}/{path[: tail.start()] if tail else path}",
            image_scanning_configuration={"scan_on_push": True},
            force_delete=True,
            opts=mine,
        )
        self.image = pulumi.Output.format("{0}{1}", repository.repository_url, tail[0] if tail else "")
        self.repository_arn = repository.arn
        self.ready = [rule, repository]
        self.register_outputs({"image": self.image})
