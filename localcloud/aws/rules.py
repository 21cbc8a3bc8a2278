"""What we add to moto, as a table: a rule is a function for one operation of one service.

``check`` runs before moto and may raise ``Refusal``; ``answer`` takes moto's place, with a result to be serialised or
the whole response; ``after`` sees moto's parsed answer and may change it in place. All of them run under the API's
lock, one call at a time, except an ``answer`` registered with ``unlocked`` (it may block for as long as it likes).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from localcloud.aws.wire import Call, Response

Check = Callable[[Call], None]
Answer = Callable[[Call], dict[str, Any] | Response]
After = Callable[[Call, dict[str, Any]], None]
_Key = tuple[str, str]

# Operations that change nothing an observer of the account could act on. Log lines are among them: the data plane
# writes them all the time, and would wake itself.
_READING = ("Describe", "List", "Get", "Head", "BatchGet", "Lookup", "Search", "Select", "Filter", "Test", "Validate")
_QUIET = {
    "PutLogEvents",
    "CreateLogStream",
    "Invoke",
    "InvokeModel",
    "InvokeModelWithResponseStream",
    "Converse",
    "ConverseStream",
    "CountTokens",
    "SimulatePrincipalPolicy",
    "StartQuery",
    "StopQuery",
    "AssumeRole",
    "DecodeAuthorizationMessage",
}


class Rules:
    """The table."""

    def __init__(self) -> None:
        self.checks: dict[_Key, list[Check]] = defaultdict(list)
        self.answers: dict[_Key, Answer] = {}
        self.afters: dict[_Key, list[After]] = defaultdict(list)
        self.unlocked: set[_Key] = set()
        self.owned: set[str] = set()  # services that are wholly ours: moto is never asked

    def check(self, service: str, *operations: str) -> Callable[[Check], Check]:
        def register(rule: Check) -> Check:
            for operation in operations:
                self.checks[service, operation].append(rule)
            return rule

        return register

    def answer(self, service: str, operation: str, *, unlocked: bool = False) -> Callable[[Answer], Answer]:
        def register(rule: Answer) -> Answer:
            self.answers[service, operation] = rule
            if unlocked:
                self.unlocked.add((service, operation))
            return rule

        return register

    def after(self, service: str, *operations: str) -> Callable[[After], After]:
        def register(rule: After) -> After:
            for operation in operations:
                self.afters[service, operation].append(rule)
            return rule

        return register


def changes_something(operation: str) -> bool:
    """Whether a successful call of ``operation`` may have changed the account."""
    return operation not in _QUIET and not operation.startswith(_READING)
