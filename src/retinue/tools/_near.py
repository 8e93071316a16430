"""Which known name was meant."""

from collections.abc import Iterable

from retinue.errors import UnknownTool


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str) -> str:
    """A question with the nearest of the known names, or `otherwise` where none is near."""
    import difflib  # noqa: PLC0415 - half a millisecond, for errors only

    by_lower = {one.lower(): one for one in known}
    near = [by_lower[one] for one in difflib.get_close_matches(name.lower(), by_lower)]
    return f"Did you mean {' or '.join(near)}?" if near else otherwise


def unknown_tool(name: str, known: Iterable[str]) -> UnknownTool:
    """The error for a tool that is not there, with near matches and all there are."""
    names = list(known)
    there_are = f"There are: {', '.join(names)}." if names else "There are no tools here."
    near = did_you_mean(name, names, otherwise="")
    return UnknownTool(f"There is no tool {name!r}", hint=f"{near} {there_are}".strip())
