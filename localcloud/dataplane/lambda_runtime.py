"""Inside a function's process: loads the handler, then answers invocations until its pipe closes.

Run as a script: ``python lambda_runtime.py HANDLER REQUESTS ANSWERS`` (file descriptors). Each message is a line of
JSON; what the function prints goes to stdout. Imports little, because every environment of every function pays for it.
Error shapes: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html and AWS's awslambdaric.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback

TYPE_CHECKING = False  # as type checkers know it; `typing` itself would take time to import
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

END_OF_OUTPUT = "\x00end "  # printed after each invocation: everything the function wrote has been read before it


class Context:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    def __init__(self, request: dict[str, Any]) -> None:
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.invoked_function_arn = request["arn"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.aws_request_id = request["id"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = None
        self._deadline = request["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.time()) * 1000))

    def log(self, message: object) -> None:
        sys.stdout.write(str(message))


def load(handler: str) -> tuple[Callable[..., Any], None] | tuple[None, dict[str, Any]]:
    """The handler's function; or the error that every invocation gets."""
    module_name, _, name = handler.rpartition(".")
    if not module_name:
        return None, _error("Runtime.MalformedHandlerName", f"Bad handler '{handler}': not enough values to unpack")
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except SyntaxError as error:
        return None, _error("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}")
    except ImportError as error:
        return None, _error("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}")
    except Exception as error:
        return None, _failure(error)
    if not hasattr(module, name):
        return None, _error("Runtime.HandlerNotFound", f"Handler '{name}' missing on module '{module_name}'")
    return getattr(module, name), None


def invoke(handler: Callable[..., Any], request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one invocation: ``{"payload": text}``, with ``"error": true`` when it failed."""
    try:
        result = handler(json.loads(request["payload"]), Context(request))
    except Exception as error:
        return _failure(error)
    try:
        return {"payload": json.dumps(result)}
    except (TypeError, ValueError) as error:
        return _error("Runtime.MarshalError", f"Unable to marshal response: {error}")


def _failure(error: Exception) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[1:]
    stack = [f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}\n    {frame.line}\n' for frame in frames]
    traceback.print_exception(error)
    return _error(type(error).__name__, str(error), stack)


def _error(kind: str, message: str, stack: Sequence[str] = ()) -> dict[str, Any]:
    shape = {"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": list(stack)}
    return {"error": True, "payload": json.dumps(shape)}


def main(handler_name: str, requests: str, answers: str) -> None:
    sys.path.insert(0, os.getcwd())
    handler, broken = load(handler_name)
    with os.fdopen(int(requests)) as incoming, os.fdopen(int(answers), "w") as outgoing:
        outgoing.write("{}\n")
        outgoing.flush()
        for line in incoming:
            request = json.loads(line)
            if broken is not None:
                print(f"[ERROR] {json.loads(broken['payload'])['errorMessage']}")
            answer = invoke(handler, request) if handler is not None else broken
            # A line of its own, even when the function's last one has no end.
            sys.stderr.flush()
            sys.stdout.write(f"\n{END_OF_OUTPUT}{request['id']}\n")
            sys.stdout.flush()
            outgoing.write(json.dumps(answer) + "\n")
            outgoing.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
