"""Runs a Python program for the Pulumi engine: the language host of an engine that was built from its module.

The official CLI brings its own; Pulumi's Python SDK has the same service for programs run by the Automation API
(`pulumi.automation._server.LanguageServer`). This gives that service what a program in a folder needs. It is started by
`pulumi-language-python ENGINE_ADDRESS`, prints its port, and lives until the engine interrupts it or is gone.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import queue
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import IO, Any, cast

import grpc
from google.protobuf import empty_pb2
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

# Those of pulumi's own servers (pulumi/runtime/_grpc_settings.py), which are no part of its API: messages of up to
# 400 MB, which may wait half an hour for a program that is busy.
_OPTIONS = [
    ("grpc.max_receive_message_length", 400 * 1024 * 1024),
    ("grpc.server_max_unrequested_time_in_server", 30 * 60),
]
ENGINE_GONE_CHECK = 1.0  # seconds between looks at whether the engine still lives


class ProgramHost(LanguageServer):
    """The SDK's service, running `__main__.py` of the folder that the engine names."""

    def __init__(self, engine_address: str) -> None:
        super().__init__(lambda: None)
        self.engine_address = engine_address

    def Handshake(self, request: Any, context: Any) -> language_pb2.LanguageHandshakeResponse:
        self.engine_address = str(request.engine_address or self.engine_address)
        return language_pb2.LanguageHandshakeResponse()

    def Run(self, request: Any, context: Any) -> language_pb2.RunResponse:
        entry = program_path(request)
        pwd, args = request.pwd, list(request.args)
        self.program = lambda: run_program(entry, pwd, args)
        # The SDK's service takes the engine's address from the first argument; the engine gave it to us at the start.
        del request.args[:]
        request.args.append(self.engine_address)
        return cast(Any, super()).Run(request, context)  # its parameters have no types

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi"))

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Set-up has installed them: this runs in the environment that they are in."""
        return iter(())

    def GetProgramDependencies(self, request: Any, context: Any) -> language_pb2.GetProgramDependenciesResponse:
        """What is installed here (`pulumi about` shows it)."""
        installed = sorted((d.metadata["Name"], d.version) for d in importlib.metadata.distributions())
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[language_pb2.DependencyInfo(name=name, version=version) for name, version in installed]
        )

    def RunPlugin(self, request: Any, context: Any) -> Iterator[language_pb2.RunPluginResponse]:
        """A plugin whose source is a folder: a policy pack. Its output is passed on until it ends."""
        plugin = start_plugin(request, self.engine_address)
        context.add_callback(lambda: end(plugin))
        yield from passed_on(plugin)

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Nothing to do: the program's calls fail as soon as the engine closes, which ends it."""
        return empty_pb2.Empty()


def program_path(request: language_pb2.RunRequest) -> Path:
    """The folder (or file) that `Pulumi.yaml` names as the program, by default its own folder."""
    folder = Path(request.info.program_directory or request.pwd)
    entry = request.info.entry_point
    return folder / entry if entry and entry != "." else folder


def start_plugin(request: language_pb2.RunPluginRequest, engine_address: str) -> subprocess.Popen[bytes]:
    """The plugin as a process of its own, in the environment and with the arguments that the engine gives."""
    folder = request.info.program_directory or request.program
    args = list(request.args)
    if request.kind == "analyzer":  # pulumi.policy takes the engine's address and the pack
        if not args or args[0].startswith("-"):
            args.insert(0, engine_address)
        args = ["-m", "pulumi.policy", args[0], folder, *args[1:]]
    else:
        args = [folder, *args]
    return subprocess.Popen(
        [sys.executable, "-u", *args],
        cwd=request.pwd or None,
        env={**os.environ, **dict(pair.split("=", 1) for pair in request.env if "=" in pair)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def passed_on(plugin: subprocess.Popen[bytes]) -> Iterator[language_pb2.RunPluginResponse]:
    """What it prints as it prints it, and its exit code last."""
    printed: queue.Queue[tuple[str, bytes] | None] = queue.Queue()

    def read(stream: IO[bytes] | None, name: str) -> None:
        for line in stream or ():
            printed.put((name, line))
        printed.put(None)

    for stream, name in ((plugin.stdout, "stdout"), (plugin.stderr, "stderr")):
        threading.Thread(target=read, args=(stream, name), daemon=True).start()
    ended = 0
    while ended < 2:
        item = printed.get()
        if item is None:
            ended += 1
        else:
            name, line = item
            if name == "stdout":
                yield language_pb2.RunPluginResponse(stdout=line)
            else:
                yield language_pb2.RunPluginResponse(stderr=line)
    yield language_pb2.RunPluginResponse(exitcode=plugin.wait())


def end(process: subprocess.Popen[bytes]) -> None:
    """The engine has no more use for it."""
    if process.poll() is None:
        process.terminate()


def run_program(entry: Path, pwd: str, args: list[str]) -> None:
    """Run it as `python FOLDER` would: its folder first on the module path, `pwd` as the working directory."""
    os.chdir(pwd or entry)
    folder = str(entry if entry.is_dir() else entry.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    sys.argv = [str(entry), *args]
    runpy.run_path(str(entry), run_name="__main__")


def serve(engine_address: str) -> None:
    """Serve on a free loopback port, say which on stdout, and return when interrupted or when the engine is gone."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=_OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(ProgramHost(engine_address), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    done = threading.Event()

    def interrupted(*_: object) -> None:
        done.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    print(port, flush=True)
    engine = os.getppid()
    while not done.wait(ENGINE_GONE_CHECK):
        if os.getppid() != engine:  # killed, so nobody will interrupt us
            break
    server.stop(0)
    sys.stdout.flush()
    # A program that hangs must not outlive its engine, and the pool's threads would be waited for.
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine_address")
    known, _ = parser.parse_known_args()  # the engine may add flags (-root …) that matter to other hosts
    serve(known.engine_address)


if __name__ == "__main__":
    main()
