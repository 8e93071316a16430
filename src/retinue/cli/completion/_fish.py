"""The completion script for fish, from 3.1 on."""

from collections.abc import Iterator, Sequence
from typing import Final

from . import Option, Place, Value, filled

_SCRIPT: Final = """\
# Completes {program} in fish; made by `{program} completion fish`.

function __{program}_place
    set -l words (commandline -opc)
    if set -q words[2]; and contains -- $words[2] {commands}
        echo $words[2]
    else
        echo ask
    end
end

function __{program}_at
    test (__{program}_place) = $argv[1]
end

function __{program}_after  # whether this word was said there, and nothing but options since
    __{program}_at $argv[1]; or return
    set -l words (commandline -opc)
    set -e words[1..2]
    set -l place (contains -i -- $argv[2] $words); or return
    set -e words[1..$place]
    not string match -qv -- '-*' $words
end

function __{program}_first
    test (count (commandline -opc)) -eq 1
end

complete -c {program} -f
{lines}
"""


def script(program: str, places: Sequence[Place]) -> str:
    """What fish reads."""
    commands = [place.name for place in places[1:]]
    lines = [
        f"complete -c {{program}} -n __{{program}}_first -a {place.name} -d {_quoted(place.help)}"
        for place in places[1:]
    ]
    gaps = {
        "commands": " ".join(commands),
        "lines": "\n".join([*lines, *[line for place in places for line in _place(place)]]),
        "program": program,
    }
    return filled(_SCRIPT, gaps)


def _place(place: Place) -> Iterator[str]:
    here = _when(f"__{{program}}_at {place.name}")
    for option in place.options:
        yield f"{here}{_names(option)}{_value(option)} -d {_quoted(option.help)}"
    match place:
        case Place(word=Value(kind="nothing")):
            pass
        case Place(then=Value(kind="nothing")):
            yield f"{here} {_completed(place.word)}"
        case Place(word=Value(words=words)):
            said = f"__fish_seen_subcommand_from {' '.join(words)}"
            yield _when(f"__{{program}}_at {place.name}; and not {said}", place.word)
            for word in words:
                yield _when(f"__{{program}}_after {place.name} {word}", place.then)


def _when(condition: str, value: Value | None = None) -> str:
    """What is offered under that condition."""
    line = f"complete -c {{program}} -n '{condition}'"
    return line if value is None else f"{line} {_completed(value)}"


def _names(option: Option) -> str:
    return "".join(
        [f" -l {name[2:]}" if name.startswith("--") else f" -s {name[1:]}" for name in option.names]
    )


def _value(option: Option) -> str:
    if option.value.kind == "nothing" or option.optional:
        return ""
    return f" -r {_completed(option.value)}"


def _completed(value: Value) -> str:
    match value.kind:
        case "files":
            return "-F"
        case "folders":
            return "-f -a '(__fish_complete_directories)'"
        case "words":
            return f"-f -a {_quoted(' '.join(value.words))}"
        case _:
            return "-f"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", r"\\").replace("'", r"\'") + "'"
