"""The completion script for zsh."""

from collections.abc import Iterator, Sequence
from typing import Final

from . import Option, Place, Value, filled

_SCRIPT: Final = """\
#compdef {program}
# Completes {program} in zsh; made by `{program} completion zsh`.

_{program}_starts() {  # ollama: is the start of a name, and demo a whole one
    local -a starts wholes
    starts=(${(M)@:#*:})
    wholes=(${@:#*:})
    compadd -S '' -- $starts
    compadd -- $wholes
}

_{program}() {
    local place=ask
    local -a commands
    commands=(
{commands}
    )
    if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
        _describe -t commands command commands
        return
    fi
    if (( CURRENT > 2 )) && (( ${commands[(I)$words[2]:*]} )); then
        place=$words[2]
        shift words
        (( CURRENT-- ))
    fi
    case $place in
{places}
    esac
}

if [[ $funcstack[1] == _{program} ]]; then
    _{program} "$@"
else
    compdef _{program} {program}
fi
"""


def script(program: str, places: Sequence[Place]) -> str:
    """What zsh reads."""
    commands = [f"        {_quoted(f'{place.name}:{place.help}')}" for place in places[1:]]
    gaps = {
        "commands": "\n".join(commands),
        "places": "\n".join([line for place in places for line in _place(place)]),
        "program": program,
    }
    return filled(_SCRIPT, gaps)


def _place(place: Place) -> Iterator[str]:
    specs = [spec for option in place.options for spec in _option(option)]
    if place.word.kind != "nothing":
        specs.append(_quoted(f"1:{place.name}:{_action(place.word)}"))
    if place.then.kind != "nothing":
        specs.append(_quoted(f"2:{place.name}:{_action(place.then)}"))
    yield f"        {place.name}) _arguments -s -S : \\"
    yield from [f"            {spec} \\" for spec in specs]
    yield "            ;;"


def _option(option: Option) -> Iterator[str]:
    """One spec for each name; after "=" and "+" a value may follow in the same word."""
    help = option.help.replace("[", r"\[").replace("]", r"\]")
    others = "*" if option.repeats else f"({' '.join(option.names)})"
    for name in option.names:
        if option.value.kind == "nothing":
            yield _quoted(f"{others}{name}[{help}]")
        else:
            glued = "=" if name.startswith("--") else "+"
            gap = "::" if option.optional else ":"
            yield _quoted(f"{others}{name}{glued}[{help}]{gap}value:{_action(option.value)}")


def _action(value: Value) -> str:
    match value.kind:
        case "files":
            return "_files"
        case "folders":
            return "_path_files -/"
        case "words":
            words = " ".join([word.replace(":", r"\:") for word in value.words])
            return f"{{_{{program}}_starts {words}}}"
        case _:
            return " "


def _quoted(text: str) -> str:
    return "'" + text.replace("'", r"'\''") + "'"
