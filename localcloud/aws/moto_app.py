"""moto's server application, made lighter: less to load, and nothing worked out anew for each call."""

from __future__ import annotations

import importlib
import os
import sys
from functools import cache
from typing import Any

_ENVIRONMENT = {
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",  # roles attach AWS's managed policies by ARN
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # nothing here starts an instance
    "MOTO_DISABLE_GLOBAL_CORS": "true",  # no web page has any business with this API
}


def load() -> None:
    """Import moto with its settings. Repeatable."""
    os.environ.update(_ENVIRONMENT)  # moto reads it when imported
    _without_instance_types()
    _without_repetition()


def make_app() -> Any:
    """The WSGI application."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    class Application(DomainDispatcherApplication):
        # moto looks through its folders on disk for each call; the same host always has the same backend.
        get_backend_for_host = cache(DomainDispatcherApplication.get_backend_for_host)

    return Application(create_backend_app)


def reset() -> None:
    """Forget every account."""
    from moto.moto_api._internal.models import moto_api_backend

    moto_api_backend.reset()


def _without_instance_types() -> None:
    """Instances are refused here (``network/``), and moto's table of their types takes 80 MB and 3 seconds."""
    if "moto.ec2.models.instance_types" in sys.modules:
        return
    from moto.utilities import utils

    original = utils.load_resource

    def load_resource(resource: str) -> Any:
        if "instance_type" not in resource:
            return original(resource)
        return [] if "offerings" in resource else {}

    utils.load_resource = load_resource
    try:
        importlib.import_module("moto.ec2.models")
    finally:
        utils.load_resource = original


def _without_repetition() -> None:
    """moto inspects a service's class for its methods at each call; a class keeps its methods."""
    import moto.core.responses

    responses: Any = moto.core.responses
    if not hasattr(responses.method_names_from_class, "cache_info"):
        responses.method_names_from_class = cache(responses.method_names_from_class)
