"""Start the simulated AWS API: moto's server application behind our gateway, on one free loopback port."""

from __future__ import annotations

import logging
import threading

from localcloud.aws import moto_app
from localcloud.aws.account import ACCOUNT_ID, REGION, Account
from localcloud.aws.bucket_policies import respect_conditions

log = logging.getLogger(__name__)
_live: set[str] = set()  # account ids; moto keeps its state per account in module globals
_live_lock = threading.Lock()


def start(account_id: str = ACCOUNT_ID, region: str = REGION) -> Account:
    """Start the API and return the account; it answers when this returns, and until ``account.stop()``.

    Accounts with different ids can live side by side in one process. Raises RuntimeError for an id that is live.
    """
    with _live_lock:
        if account_id in _live:
            raise RuntimeError(f"The simulated account {account_id} is running in this process: stop it first.")
        moto_app.load()
        respect_conditions()
        if not _live:
            moto_app.reset()
        _live.add(account_id)
    try:
        return _serve(account_id, region)
    except BaseException:
        _live.discard(account_id)
        raise


def _serve(account_id: str, region: str) -> Account:
    from localcloud.aws.gateway import Gateway
    from localcloud.aws.http import make_server
    from localcloud.aws.registry import make_rules

    account = Account(region, account_id, "")
    server = make_server(Gateway(account, moto_app.make_app(), make_rules(account)))
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
