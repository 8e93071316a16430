"""What a docstring says about a function and about each of its parameters.

Google ("Args:"), NumPy ("Parameters" underlined) and reST (":param x:") are read alike.
"""

from collections.abc import Collection
from inspect import cleandoc

_ARGUMENTS = frozenset(
    {"Args", "Arguments", "Parameters", "Params", "Keyword Args", "Other Parameters"}
)
_OTHER = frozenset(
    {"Attributes", "Example", "Examples", "Raises", "References", "Return", "Returns", "See Also"}
    | {"Yield", "Yields"}
)


def read_docstring(doc: str, names: Collection[str]) -> tuple[str, dict[str, str]]:
    """The words before and between the sections, and the words on each parameter of `names`."""
    about: list[str] = []
    notes: dict[str, list[str]] = {}
    style = ""
    known = names
    entries_at: int | None = None  # the indent of the entries of this section
    into = about
    lines = cleandoc(doc).splitlines()
    for line, below in zip(lines, [*lines[1:], ""], strict=False):
        words = line.strip()
        indent = len(line) - len(line.lstrip())
        if not indent and (title := _title(words, below)):
            style, known = title[0], names if title[1] else ()
            entries_at = None
            into = _entry(words, style, known, notes) if style == "field" else []
        elif style == "numpy" or (style and (indent or not words)):
            if entries_at is None and words.strip("-"):
                entries_at = indent
            if words and indent == entries_at and style != "field":
                into = _entry(words, style, known, notes)
            else:
                into.append(words)
        else:
            style, into = "", about
            into.append(line)
    told = {name: " ".join(filter(None, said)) for name, said in notes.items()}
    return "\n".join(about).strip(), {name: said for name, said in told.items() if said}


def _title(words: str, below: str) -> tuple[str, bool] | None:
    """The style of the section that starts with this line, and whether it is on parameters."""
    if words.startswith(":") and words.count(":") > 1:
        return "field", True
    style = "google" if words.endswith(":") else "numpy" if below.startswith("---") else ""
    title = words.removesuffix(":")
    return (style, title in _ARGUMENTS) if style and title in _ARGUMENTS | _OTHER else None


def _entry(
    words: str, style: str, names: Collection[str], notes: dict[str, list[str]]
) -> list[str]:
    """Where the words on the parameter go that this line begins to describe; it gets the first."""
    match style:
        case "field":  # :param str name: words
            head, _, rest = words[1:].partition(":")
            kind, _, name = head.rpartition(" ")
            name = name if kind.startswith(("param", "arg")) else ""
        case "google":  # name (str): words
            head, _, rest = words.partition(":")
            name = head.partition("(")[0].strip().lstrip("*")
        case _:  # name : str; the schema knows the type better
            name, rest = words.partition(":")[0].strip().lstrip("*"), ""
    return notes.setdefault(name, [rest.strip()]) if name in names else []
