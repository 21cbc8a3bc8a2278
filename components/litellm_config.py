"""LiteLLM's `config.yaml`, as the stack writes it to S3."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import yaml

from components.models import Model

# LiteLLM's own default (proxy_cli.py, LiteLLMDatabaseConnectionPool): connections of a worker to the database.
POOL = 10
# Seconds of a model's silence after which a stream gets a comment, before the first token and between two. Well below
# what the edge waits (120 s), so that a slow model's stream lives as long as the model does.
KEEPALIVE_SECONDS = 20


REDIS = {
    "host": "os.environ/REDIS_HOST",
    "port": "os.environ/REDIS_PORT",
    "password": "os.environ/REDIS_PASSWORD",
    "ssl": True,
}
"""How LiteLLM connects to the cache; ECS fills the variables."""


def render(
    models: Sequence[Model], has_database: bool, pool: int = POOL, has_cache: bool = False, answers_seconds: int = 0
) -> str:
    """The file's text. It holds no secret: each is a reference to an environment variable that ECS fills."""
    general: dict[str, object] = {"master_key": "os.environ/LITELLM_MASTER_KEY"}
    if has_database:
        general |= {
            "database_url": "os.environ/DATABASE_URL",
            # models come from this file alone, so that what is deployed is what was reviewed
            "store_model_in_db": False,
        }
        if pool != POOL:
            general["database_connection_pool_limit"] = pool
    settings: dict[str, object] = {
        "telemetry": False,
        "json_logs": True,
        "sse_keepalive_ping_interval_seconds": KEEPALIVE_SECONDS,
    }
    if has_cache:
        # limits, spend and locks of all tasks together; by name, so that a cache that isn't there is an error and not
        # a quiet return to limits of each task's own
        general["coordination_redis"] = dict(REDIS)
        if answers_seconds:
            settings |= {"cache": True, "cache_params": {"type": "redis", **REDIS, "ttl": answers_seconds}}
    router: dict[str, object] = {}
    if any(model.aliases for model in models):
        router["model_group_alias"] = {alias: model.name for model in models for alias in model.aliases}
    if any(model.fallbacks for model in models):
        # LiteLLM looks for them under the name that was asked for, so each alias needs them, too
        router["fallbacks"] = [
            {name: list(model.fallbacks)}
            for model in models
            if model.fallbacks
            for name in (model.name, *model.aliases)
        ]
    config = {
        "model_list": [{"model_name": model.name, "litellm_params": model.litellm_params()} for model in models],
        "litellm_settings": settings,
        "general_settings": general,
        **({"router_settings": router} if router else {}),
    }
    return yaml.safe_dump(config, sort_keys=False, width=120)


def object_key(text: str) -> str:
    """The S3 key for `text`: it changes with the content, so a changed config is a new task definition and rolls the
    service, while running tasks and a rollback still find the old file."""
    return f"litellm-{hashlib.sha256(text.encode()).hexdigest()[:12]}.yaml"
