"""ECR: repositories, and rules by which they fill themselves."""

from __future__ import annotations

from localcloud.plugins.aws.rows import (
    COMPUTED,
    HIDDEN,
    LOCAL,
    REPLACE,
    REQUIRED,
    Call,
    Row,
    Tagging,
    Update,
    flag,
    one,
    text,
)

REPOSITORY = Row(
    "aws:ecr/repository:Repository",
    "ecr",
    inputs={
        "name": text(REQUIRED | REPLACE, to="repositoryName"),
        "imageTagMutability": text(default="MUTABLE"),
        "imageScanningConfiguration": one({"scanOnPush": flag(REQUIRED)}, COMPUTED),
        "forceDelete": flag(LOCAL | HIDDEN),
    },
    outputs={"arn": "repositoryArn", "repositoryUrl": "repositoryUri", "registryId": "registryId"},
    create=Call("CreateRepository"),
    id="repository.repositoryName",
    read=Call("DescribeRepositories", {"repositoryNames": ["{id}"]}, "repositories[0]"),
    updates=(
        Update("imageTagMutability", Call("PutImageTagMutability", {"repositoryName": "{id}"})),
        Update("imageScanningConfiguration", Call("PutImageScanningConfiguration", {"repositoryName": "{id}"})),
    ),
    delete=Call("DeleteRepository", {"repositoryName": "{id}", "force": "{forceDelete}"}),
    gone=("RepositoryNotFoundException",),
    busy=(),
    tags=Tagging(
        Call("TagResource", {"resourceArn": "arn:aws:ecr:{region}:{account}:repository/{id}"}),
        Call("UntagResource", {"resourceArn": "arn:aws:ecr:{region}:{account}:repository/{id}"}),
        Call(
            "ListTagsForResource",
            {"resourceArn": "arn:aws:ecr:{region}:{account}:repository/{id}"},
            "tags",
            into="Tags",
        ),
        member="tags",
        keys="tagKeys",
    ),
)

CACHE_RULE = Row(
    "aws:ecr/pullThroughCacheRule:PullThroughCacheRule",
    "ecr",
    inputs={
        "ecrRepositoryPrefix": text(REQUIRED | REPLACE),
        "upstreamRegistryUrl": text(REQUIRED | REPLACE),
        "credentialArn": text(),
    },
    outputs={"registryId": "registryId"},
    create=Call("CreatePullThroughCacheRule"),
    id="ecrRepositoryPrefix",
    read=Call("DescribePullThroughCacheRules", {"ecrRepositoryPrefixes": ["{id}"]}, "pullThroughCacheRules[0]"),
    updates=(Update("credentialArn", Call("UpdatePullThroughCacheRule", {"ecrRepositoryPrefix": "{id}"})),),
    delete=Call("DeletePullThroughCacheRule", {"ecrRepositoryPrefix": "{id}"}),
    gone=("PullThroughCacheRuleNotFoundException",),
    busy=(),
)

ROWS = (REPOSITORY, CACHE_RULE)
