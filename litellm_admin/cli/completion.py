"""`completion`: scripts for bash and zsh, made from the table of commands."""

from __future__ import annotations

from argparse import Namespace

from litellm_admin.cli.commands import COMMANDS, PROGRAM, flags_of
from litellm_admin.cli.errors import UsageError
from litellm_admin.cli.output import Answer

_BASH = """\
_litellm_users() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} command=${{COMP_WORDS[1]}}
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{names}" -- "$word"))
        return
    fi
    case $command$before in
{values}
    esac
    case $command in
{flags}
    esac
}}
complete -o default -F _litellm_users {program} litellm-users
"""

_ZSH = """\
#compdef {program} litellm-users
_litellm_users() {{
    local -a commands
    commands=(
{names}
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    # what follows the command is parsed as if the command were the program
    shift words
    (( CURRENT-- ))
    case $words[1] in
{flags}
    esac
}}
if [ "$funcstack[1]" = "_litellm_users" ]; then
    _litellm_users "$@"
else
    compdef _litellm_users {program} litellm-users
fi
"""


def script(given: Namespace) -> Answer:
    """Prints the script for the shell that was named."""
    shell = given.operands[0]
    if shell not in ("bash", "zsh"):
        raise UsageError(f"There is completion for bash and zsh, not for {shell!r}.")
    text = _bash() if shell == "bash" else _zsh()
    return Answer({"shell": shell, "script": text}, text.rstrip("\n"))


def _bash() -> str:
    values: list[str] = []
    flags: list[str] = []
    for command in COMMANDS:
        for flag in flags_of(command):
            if flag.choices:
                words = " ".join(flag.choices)
                values.append(
                    f'    {command.name}{flag.name}) COMPREPLY=($(compgen -W "{words}" -- "$word")); return ;;'
                )
            elif flag.convert:
                values.append(f"    {command.name}{flag.name}) return ;;")
        names = " ".join(flag.name for flag in flags_of(command))
        flags.append(f'    {command.name}) COMPREPLY=($(compgen -W "{names}" -- "$word")) ;;')
    values.append(f'    helphelp) COMPREPLY=($(compgen -W "{_names()}" -- "$word")); return ;;')
    values.append('    completioncompletion) COMPREPLY=($(compgen -W "bash zsh" -- "$word")); return ;;')
    return _BASH.format(names=_names(), values="\n".join(values), flags="\n".join(flags), program=PROGRAM)


def _zsh() -> str:
    names = [f"        '{command.name}:{_quoted(command.summary)}'" for command in COMMANDS]
    cases: list[str] = []
    for command in COMMANDS:
        lines: list[str] = []
        for flag in flags_of(command):
            value = ""
            if flag.convert:
                action = f"({' '.join(flag.choices)})" if flag.choices else " "
                value = f":{flag.value}:{action}"
            lines.append(f"            '{flag.name}[{_quoted(flag.help)}]{value}' \\")
        own = {"help": f"'*:command:({_names()})'", "completion": "'*:shell:(bash zsh)'"}
        body = "\n".join([*lines, "            " + own.get(command.name, "'*:file:_files'")])
        cases.append(f"    {command.name})\n        _arguments \\\n{body} ;;")
    return _ZSH.format(names="\n".join(names), flags="\n".join(cases), program=PROGRAM)


def _names() -> str:
    return " ".join(command.name for command in COMMANDS)


def _quoted(text: str) -> str:
    """For zsh's single quotes and the brackets and colons of its specifications."""
    kept = text.replace("'", "’").replace('"', "”")
    return kept.replace("[", "(").replace("]", ")").replace(":", ";")
