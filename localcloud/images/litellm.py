"""The LiteLLM image: LiteLLM itself from PyPI, started as the image's entry point starts it.

What differs from the container, all of it outside LiteLLM: it listens on a loopback port of its own; the collector of
Python's garbage runs less often while it imports (litellm_start.py); the price map is the one it ships with, so that
a start does not wait for a download; and where Prisma's native engine could not be downloaded, its ``prisma`` and
``query-engine`` commands are the WebAssembly stand-ins of localcloud/prisma.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path

from localcloud.home import REPOSITORY, setup_dir
from localcloud.images import base, litellm_engine
from localcloud.images.contract import CannotPullContainer, CannotStartContainer, ContainerContext, ContainerProcess
from localcloud.images.ports import LOOPBACK, find_option, free_port, port_number, set_option
from localcloud.images.reference import Reference

LOCK = REPOSITORY / "requirements" / "litellm.txt"
FOLDER = "litellm"  # in the set-up's folder
_REPOSITORIES = ("berriai/litellm", "berriai/litellm-database", "berriai/litellm-non_root")
_ENTRYPOINTS = ([], ["litellm"], ["docker/prod_entrypoint.sh"], ["/app/docker/prod_entrypoint.sh"])
_DEFAULT_PORT = 4000
_START = Path(__file__).with_name("litellm_start.py")

# What a start would otherwise fetch from the internet, or report to it.
_OFFLINE = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_POLICY_TEMPLATES": "True",
    "LITELLM_TELEMETRY": "False",
}


@functools.cache
def locked_version() -> str:
    """The LiteLLM version that the lock pins, such as ``1.108.7``."""
    match = re.search(r"^litellm==(\S+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    assert match is not None, f"{LOCK} locks no litellm"
    return match[1]


REFERENCE = f"ghcr.io/{_REPOSITORIES[0]}:v{locked_version()}"


class LiteLLM:
    """The gateway's container."""

    name = REFERENCE

    def prepare(self, ctx: ContainerContext) -> ContainerProcess:
        arguments = self._arguments(ctx)
        python = venv() / "bin" / "python"
        env = {
            **_OFFLINE,
            **base.environment(ctx, *litellm_engine.path(), venv() / "bin"),
            **litellm_engine.environment(),
            **_bedrock(ctx.env),
        }
        try:
            asked = _asked_port(arguments, ctx.env)
        except ValueError as error:
            raise CannotStartContainer(str(error)) from None
        real = free_port()
        arguments = set_option(set_option(arguments, "--port", str(real)), "--host", LOOPBACK)
        # -P: the folder of the script, which has a litellm.py, is no place to import from
        return ContainerProcess([str(python), "-P", str(_START), *arguments], env, ctx.workdir, {asked: real})

    def _arguments(self, ctx: ContainerContext) -> list[str]:
        if ctx.entrypoint not in _ENTRYPOINTS:
            raise CannotStartContainer(
                f'exec: "{ctx.entrypoint[0]}": this machine runs only litellm in {REFERENCE}: leave entryPoint out'
            )
        return list(ctx.command)


def venv() -> Path:
    """LiteLLM's own virtual environment."""
    return setup_dir() / FOLDER


def find(reference: Reference) -> LiteLLM | None:
    """This image, when the reference means the locked version. Raises ``CannotPullContainer`` when it isn't set up."""
    if (
        not any(reference.ends_with(repository) for repository in _REPOSITORIES)
        or reference.tag != f"v{locked_version()}"
    ):
        return None
    if not (venv() / "bin" / "litellm").exists() or not litellm_engine.ready():
        raise CannotPullContainer(f"{REFERENCE} is not set up on this machine: run `make setup`")
    return LiteLLM()


def _bedrock(env: dict[str, str]) -> dict[str, str]:
    """LiteLLM calls Bedrock with a client of its own, which doesn't know the AWS SDKs' AWS_ENDPOINT_URL.
    litellm/llms/bedrock/base_aws_llm.py: get_runtime_endpoint"""
    return {"AWS_BEDROCK_RUNTIME_ENDPOINT": env["AWS_ENDPOINT_URL"]} if "AWS_ENDPOINT_URL" in env else {}


def _asked_port(arguments: list[str], env: dict[str, str]) -> int:
    """The port that LiteLLM would listen on in its container (proxy_cli.py: ``--port``, else PORT, else 4000)."""
    option = find_option(arguments, "--port")
    if option is not None:
        return port_number(option.value, "litellm's --port")
    return port_number(env["PORT"], "the environment's PORT") if "PORT" in env else _DEFAULT_PORT
