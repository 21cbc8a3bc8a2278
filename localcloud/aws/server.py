"""Start the simulated AWS API: moto's server application behind our gateway, on one free loopback port."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import Any

from localcloud.aws.account import ACCOUNT_ID, REGION, Account
from localcloud.aws.bucket_policies import respect_conditions

log = logging.getLogger(__name__)
_live: set[str] = set()  # account ids; moto keeps its state per account in module globals
_live_lock = threading.Lock()
_MOTO_ENVIRONMENT = {
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",  # roles attach AWS's managed policies by ARN
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # nothing here starts an instance
    "MOTO_DISABLE_GLOBAL_CORS": "true",  # no web page has any business with this API
}


def start(account_id: str = ACCOUNT_ID, region: str = REGION) -> Account:
    """Start the API and return the account; it answers when this returns, and until ``account.stop()``.

    Accounts with different ids can live side by side in one process. Raises RuntimeError for an id that is live.
    """
    with _live_lock:
        if account_id in _live:
            raise RuntimeError(f"The simulated account {account_id} is running in this process: stop it first.")
        _load_moto()
        respect_conditions()
        if not _live:
            _reset_moto()
        _live.add(account_id)
    try:
        return _serve(account_id, region)
    except BaseException:
        _live.discard(account_id)
        raise


def _serve(account_id: str, region: str) -> Account:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from localcloud.aws.gateway import Gateway
    from localcloud.aws.http import make_server
    from localcloud.aws.registry import make_rules

    account = Account(region, account_id, "")
    server = make_server(Gateway(account, DomainDispatcherApplication(create_backend_app), make_rules(account)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, name="aws-api", daemon=True)

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()
        with _live_lock:
            _live.discard(account_id)

    account.endpoint = f"http://127.0.0.1:{server.server_port}"
    account.on_stop = stop
    thread.start()
    log.info("The simulated AWS API answers at %s", account.endpoint)
    return account


def _load_moto() -> None:
    """Import what is slow to import, with its settings, and without the table of instance types.

    Instances are refused here (``network/``), and the table takes 80 MB and 3 seconds.
    """
    os.environ.update(_MOTO_ENVIRONMENT)
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
        import moto.ec2.models  # noqa: F401
    finally:
        utils.load_resource = original


def _reset_moto() -> None:
    from moto.moto_api._internal.models import moto_api_backend

    moto_api_backend.reset()


def _main() -> None:
    """Serve until interrupted (for a look at the API by itself: ``python -m localcloud.aws.server``)."""
    logging.basicConfig(level=logging.INFO)
    account = start()
    print(account.endpoint, flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        account.stop()


if __name__ == "__main__":
    _main()
