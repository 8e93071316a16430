"""The completion script for bash, from 3.2 on (macOS has no newer one)."""

from collections.abc import Iterator, Sequence
from typing import Final

from . import Place, Value, filled

_SCRIPT: Final = """\
# Completes {program} in bash; made by `{program} completion bash`.

_{program}_files() {
    local IFS=$'\\n'
    compopt -o default 2>/dev/null || COMPREPLY=($(compgen -f -- "$1"))
}

_{program}_folders() {
    local IFS=$'\\n'
    compopt -o dirnames 2>/dev/null || COMPREPLY=($(compgen -d -- "$1"))
}

_{program}_words() {
    COMPREPLY=($(compgen -W "$2" -- "$1"))
    case ${COMPREPLY[0]-} in
        *:) compopt -o nospace 2>/dev/null ;;
    esac
}

_{program}() {
    local IFS=$' \\t\\n' place=ask said i
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    if ((COMP_CWORD > 1)); then
        case ${COMP_WORDS[1]} in
            {commands}) place=${COMP_WORDS[1]} ;;
        esac
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        [[ ${COMP_WORDS[i]} == -- ]] && return
    done
    # To bash --model=ollama:x is the five words --model = ollama : x
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $cur == : || $prev == : ]]; then
        return
    fi
    case "$place $prev" in
{values}
    esac
    if ((COMP_CWORD == 1)) && [[ $cur != -* ]]; then
        _{program}_words "$cur" '{words}'
        return
    fi
    case "$place $cur" in
{options}
    esac
    said=$place
    for ((i = 2; i < COMP_CWORD; i++)); do
        case "$said ${COMP_WORDS[i]}" in
{said}
        esac
    done
    case "$said $cur" in
{rest}
    esac
}

complete -F _{program} {program}
"""


def script(program: str, places: Sequence[Place]) -> str:
    """What bash reads."""
    commands = [place.name for place in places[1:]]
    gaps = {
        "commands": " | ".join(commands),
        "words": " ".join(commands),
        "values": "\n".join([f"        {case}" for place in places for case in _values(place)]),
        "options": "\n".join([f"        {_options(place)}" for place in places]),
        "said": "\n".join([f"            {case}" for place in places for case in _said(place)]),
        "rest": "\n".join([f"        {case}" for place in places for case in _rest(place)]),
        "program": program,
    }
    return filled(_SCRIPT, gaps)


def _values(place: Place) -> Iterator[str]:
    """What stands after each option that takes something."""
    for option in place.options:
        if option.value.kind != "nothing":
            names = " | ".join([f"'{place.name} {name}'" for name in option.names])
            alone = "[[ $cur == -* ]] || " if option.optional else ""
            yield f"{names}) {_completed(option.value)}{alone}return ;;"


def _options(place: Place) -> str:
    """The names of all options; also of none that was begun, where no word may stand."""
    names = " ".join([name for option in place.options for name in option.names])
    empty = f" | '{place.name} '" if place.word.kind == "nothing" else ""
    return f"'{place.name} -'*{empty}) _{{program}}_words \"$cur\" '{names}'; return ;;"


def _said(place: Place) -> Iterator[str]:
    """What was said already of what may stand there, where something may follow it."""
    if place.then.kind != "nothing":
        for word in place.word.words:
            yield f"'{place.name} {word}') said='{place.name} {word}' ;;"
            yield f"'{place.name} {word} '[!-]*) return ;;"


def _rest(place: Place) -> Iterator[str]:
    """The word that may stand in the place of an option, and what may follow it."""
    if then := _completed(place.then):
        yield from [f"'{place.name} {word} '*) {then}return ;;" for word in place.word.words]
    if word := _completed(place.word):
        yield f"'{place.name} '*) {word}return ;;"


def _completed(value: Value) -> str:
    match value.kind:
        case "files" | "folders":
            return f'_{{program}}_{value.kind} "$cur"; '
        case "words":
            return f"_{{program}}_words \"$cur\" '{' '.join(value.words)}'; "
        case _:
            return ""
