"""LiteLLM's `config.yaml`, as the stack writes it to S3."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import yaml

from components.models import Model

# LiteLLM's own default (proxy_cli.py, LiteLLMDatabaseConnectionPool): connections of a worker to the database.
POOL = 10


def render(models: Sequence[Model], has_database: bool, pool: int = POOL) -> str:
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
    config = {
        "model_list": [{"model_name": model.name, "litellm_params": model.litellm_params()} for model in models],
        "litellm_settings": {"telemetry": False, "json_logs": True},
        "general_settings": general,
    }
    return yaml.safe_dump(config, sort_keys=False, width=120)


def object_key(text: str) -> str:
    """The S3 key for `text`: it changes with the content, so a changed config is a new task definition and rolls the
    service, while running tasks and a rollback still find the old file."""
    return f"litellm-{hashlib.sha256(text.encode()).hexdigest()[:12]}.yaml"
