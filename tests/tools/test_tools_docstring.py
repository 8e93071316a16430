"""Docstrings: what is told about a function and its parameters, in three styles."""

import pytest

from retinue.tools._docstring import read_docstring

GOOGLE = """Finds a route.

    Slow, but sure.

    Args:
        start (str): Where to begin:
            a street and a number.

        end: Where to stop.
        via (list[str], optional): On the way.
        self: is no parameter here.

    Returns:
        str: the route
        end: not this

    Raises:
        ValueError: never
    """

NUMPY = """Finds a route.

    Slow, but sure.

    Parameters
    ----------
    start : str
        Where to begin:
        a street and a number.
    end
        Where to stop.

    via : list of str, optional
        On the way.

    Returns
    -------
    end : str
        the route
    """

REST = """Finds a route.

    Slow, but sure.

    :param start: Where to begin:
        a street and a number.
    :param str end: Where to stop.
    :type end: str
    :param via: On the way.
    :param other: is no parameter here.
    :returns: the route
    :raises ValueError: never
    """


@pytest.mark.parametrize("doc", [GOOGLE, NUMPY, REST], ids=["google", "numpy", "rest"])
def test_each_style_gives_the_same_words(doc: str) -> None:
    assert read_docstring(doc, ["start", "end", "via"]) == (
        "Finds a route.\n\nSlow, but sure.",
        {
            "start": "Where to begin: a street and a number.",
            "end": "Where to stop.",
            "via": "On the way.",
        },
    )


def test_words_after_a_section_belong_to_the_description() -> None:
    doc = "First.\n\nArgs:\n    x: An x.\n\nLast.\n    indented\n\n:param y: A y.\nVery last."
    about, notes = read_docstring(doc, ["x", "y"])
    assert about == "First.\n\nLast.\n    indented\n\nVery last."
    assert notes == {"x": "An x.", "y": "A y."}


def test_what_only_looks_like_a_section_is_description() -> None:
    doc = "Note:\n    Keep: this.\n\nArgs: are explained elsewhere\n:smile: and: more"
    assert read_docstring(doc, ["Keep"]) == (
        "Note:\n    Keep: this.\n\nArgs: are explained elsewhere",
        {},
    )


def test_an_entry_without_words_is_no_note() -> None:
    assert read_docstring("F.\n\nArgs:\n    x:\n    y: A y.", ["x", "y"]) == ("F.", {"y": "A y."})


def test_nothing_is_nothing() -> None:
    assert read_docstring("", []) == ("", {})
