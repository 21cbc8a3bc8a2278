"""The daemon: the simulated AWS API on threads, the data plane on an event loop, until a signal ends both.

Run by ``lifecycle.start`` as ``python -m localcloud.daemon`` with ``LOCALCLOUD_HOME`` set.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import secrets
import shutil
import signal
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

from localcloud import lifecycle
from localcloud.aws import server
from localcloud.aws.account import Account
from localcloud.aws.bedrock.behaviour import Behaviour, Kind
from localcloud.control import Control, NotAllowed, same
from localcloud.home import Home, write_private

if TYPE_CHECKING:
    from localcloud.dataplane.reconciler import Reconciler

log = logging.getLogger("localcloud.daemon")


def main() -> int:
    """Serve one home until SIGTERM or SIGINT; the exit code is 1 when another daemon serves it already."""
    home = Home.find().make()
    os.umask(0o077)
    _log_to_stdout()
    if lifecycle.hold(home) is None:
        log.error("another daemon serves %s", home.path)
        return 1
    try:
        asyncio.run(_serve(home))
    finally:
        home.daemon_file.unlink(missing_ok=True)
    return 0


async def _serve(home: Home) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    began = time.monotonic()
    # What lived in the last account is as lost as the account.
    shutil.rmtree(home.data, ignore_errors=True)
    home.make()
    account = await asyncio.to_thread(server.start)
    control = Control()
    try:
        await _run_data_plane(home, account, control, stopping, began)
    finally:
        control.close()
        await asyncio.to_thread(account.stop)
        log.info("stopped")


async def _run_data_plane(
    home: Home, account: Account, control: Control, stopping: asyncio.Event, began: float
) -> None:
    from localcloud.dataplane.reconciler import Reconciler

    reconciler = Reconciler(home, account, control)
    try:
        await reconciler.open()
        _announce(home, account, control, reconciler)
        # What start-up made stays: later collections needn't look at it again.
        gc.collect()
        gc.freeze()
        log.info("ready after %.1f s", time.monotonic() - began)
        await stopping.wait()
        log.info("stopping")
        home.daemon_file.unlink(missing_ok=True)
    finally:
        await reconciler.close()


def _announce(home: Home, account: Account, control: Control, reconciler: Reconciler) -> None:
    token = secrets.token_urlsafe(24)
    loop = asyncio.get_running_loop()

    def status(_path: str, given: str) -> object:
        if not same(given, token):
            raise NotAllowed
        return asyncio.run_coroutine_threadsafe(reconciler.status(), loop).result(timeout=10)

    def bedrock(path: str, given: str) -> object:
        if not same(given, token):
            raise NotAllowed
        return _tell_bedrock(account, path)

    control.route("status", status)
    control.route("bedrock", bedrock)
    daemon = lifecycle.Daemon(os.getpid(), account.endpoint, control.url, token, time.time())
    write_private(home.daemon_file, json.dumps(asdict(daemon)))


def _tell_bedrock(account: Account, path: str) -> object:
    """`KIND/SECONDS/MODEL` tells a model (`*`: all) how to behave; nothing only asks. What was told, by model."""
    if path:
        kind, seconds, model = path.split("/", 2)
        account.behaviours.tell(unquote(model), Behaviour(cast(Kind, kind), float(seconds)))
    return {model: asdict(behaviour) for model, behaviour in account.behaviours.told().items()}


def _log_to_stdout() -> None:
    logging.basicConfig(
        stream=sys.stdout,
        level=logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
    )
    # A line a request is of no use to anybody.
    for name in ("werkzeug", "botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
