"""What can be told by its shape: numbers, dates, sums, addresses, paths, quotations, names."""

import datetime
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

type Place = tuple[Any, int, int]
"""A value, and where in the text it begins and ends."""

type Shape = Callable[[str], Iterator[Place]]
"""Finds the values of one kind in a text."""


def numbers(text: str) -> Iterator[Place]:
    """Numbers in digits, then as English words; not those of dates and times."""
    dated = [(start, end) for _, start, end in (*_dates(text), *_times(text))]
    for found in re.finditer(_NUMBER, text):
        if not any(start < found.end() and found.start() < end for start, end in dated):
            digits = found[0].replace(",", "").replace("\u2212", "-")
            yield float(digits) if "." in digits else int(digits), found.start(), found.end()
    for found in re.finditer(r"[^\W\d_]+", text):
        if (value := _NUMBER_WORDS.get(found[0].casefold())) is not None:
            yield value, found.start(), found.end()


def dates(text: str) -> Iterator[Place]:
    """Dates with a year, as ISO: 2026-11-20, 20 November 2026, Nov 20, 2026, 20.11.2026."""
    return ((date.isoformat(), start, end) for date, start, end in _dates(text))


def times(text: str) -> Iterator[Place]:
    """Times of the day, as ISO: 14:30, 14:30:05, 5pm, 5:30 pm."""
    return ((time.isoformat(), start, end) for time, start, end in _times(text))


def moments(text: str) -> Iterator[Place]:
    """Dates with the time that follows them, or midnight, as ISO."""
    clocks = list(_times(text))
    for date, start, end in _dates(text):
        near = [at for at in clocks if re.fullmatch(r"[\s,T]*(?:at\s+)?", text[end : at[1]])]
        time, _, end = near[0] if near else (datetime.time(), start, end)
        yield datetime.datetime.combine(date, time).isoformat(), start, end


def days(text: str) -> Iterator[Place]:
    """Dates, and days as people call them; what those mean is for a tool to know."""
    yield from dates(text)
    yield from _all(_DAY, text)


def sums(text: str) -> Iterator[Place]:
    """Arithmetic: 2 + 3*(4-1), sqrt(16), "12 times 7"; in the operators of Python."""
    dated = [(start, end) for _, start, end in _dates(text)]
    run: list[re.Match[str]] = []
    for found in re.finditer(_SUM, text, re.IGNORECASE):
        if any(start < found.end() and found.start() < end for start, end in dated):
            continue
        if run and text[run[-1].end() : found.start()].strip():
            yield from _sum(run)
            run = []
        run.append(found)
    yield from _sum(run)


def is_doubtful(value: str) -> bool:
    """Whether a sum could be a range, a fraction of a date, a telephone number: "555-1234"."""
    return re.fullmatch(r"[\d.]+(?:[-/][\d.]+)+", value) is not None


def urls(text: str) -> Iterator[Place]:
    """Addresses of the web."""
    return _all(r"(?:https?://|www\.)[^\s<>\"']*[^\s<>\"'.,;:!?)]", text)


def emails(text: str) -> Iterator[Place]:
    """Addresses of mail."""
    return _all(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", text)


def paths(text: str) -> Iterator[Place]:
    """Files and folders: with a slash, or with an ending."""
    return _all(_PATH, text)


def zones(text: str) -> Iterator[Place]:
    """Time zones by their IANA names."""
    return _all(r"\b[A-Z][A-Za-z_]+(?:/[A-Z][A-Za-z_]+)+\b|\bUTC\b", text)


def quotations(text: str) -> Iterator[Place]:
    """What stands in quotes, without them; an apostrophe is none."""
    for found in re.finditer(_QUOTED, text, re.DOTALL):
        yield found[found.lastindex or 0], found.start(), found.end()


def capitalised(text: str) -> Iterator[Place]:
    """Runs of words with a capital letter: "Ada Lovelace", "Turku" of "Turku's"."""
    start = end = 0
    for found in re.finditer(r"[^\W_]+(?:-[^\W_]+)*", text):
        if not found[0][0].isupper() or found[0] == "I":
            continue
        if end and text[end : found.start()] != " ":
            yield text[start:end], start, end
            end = 0
        start, end = start if end else found.start(), found.end()
    if end:
        yield text[start:end], start, end


def proper_names(text: str) -> Iterator[Place]:
    """Capitalised runs that are so not only because a sentence begins."""
    for name, start, end in capitalised(text):
        before = text[:start].rstrip()
        if before and before[-1] not in ".!?:\n":
            yield name, start, end


def _dates(text: str) -> Iterator[tuple[datetime.date, int, int]]:
    for pattern, order in _DATES:
        for found in re.finditer(pattern, text):
            year, month, day = (found[order.index(letter) + 1] for letter in "ymd")
            spelt = _MONTHS.find(month[:3].casefold()) // 4 + 1
            try:
                date = datetime.date(int(year), int(month) if month.isdigit() else spelt, int(day))
            except ValueError:
                continue  # 31 February, or a word that is no month
            yield date, found.start(), found.end()


def _times(text: str) -> Iterator[tuple[datetime.time, int, int]]:
    for found in re.finditer(_TIME, text, re.IGNORECASE):
        hour, minute, second, half = found.groups()
        if half is None and minute is None:
            continue
        hours = int(hour) if half is None else int(hour) % 12 + 12 * (half.casefold() == "pm")
        try:
            time = datetime.time(hours, int(minute or 0), int(second or 0))
        except ValueError:
            continue  # 25:00
        yield time, found.start(), found.end()


def _sum(run: list[re.Match[str]]) -> Iterator[Place]:
    """The sum in neighbouring numbers, operators and brackets, if they make one."""
    while run and run[-1].lastgroup != "number" and run[-1][0] != ")":
        run.pop()
    while run and run[0].lastgroup == "operator" and run[0][0] not in "+-":
        run.pop(0)
    written = "".join([_OPERATORS.get(" ".join(p[0].casefold().split()), p[0]) for p in run])
    kinds = [part.lastgroup for part in run]
    enough = 1 if "call" in kinds else 2
    operated = "call" in kinds or "operator" in kinds
    if operated and kinds.count("number") >= enough and written.count("(") == written.count(")"):
        yield written, run[0].start(), run[-1].end()


def _all(pattern: str, text: str) -> Iterator[Place]:
    return ((found[0], found.start(), found.end()) for found in re.finditer(pattern, text))


_NUMBER: Final = r"(?<![\w.,:/])[-+\u2212]?\d+(?:,\d{3})*(?:\.\d+)?(?![\d:]|\.\d|/\d|-\d)"
_NUMBER_WORDS: Final = {  # without "one", which counts nothing in "the big one"
    "zero": 0,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
}
_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
_DATES: Final = (
    (r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)", "ymd"),
    (r"(?<!\d)(\d{1,2})(?:st|nd|rd|th)?(?:\s+of)?\s+([A-Za-z]{3,9})\.?,?\s+(\d{4})(?!\d)", "dmy"),
    (r"\b([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(?!\d)", "mdy"),
    (r"(?<![\d.])(\d{1,2})\.(\d{1,2})\.(\d{4})(?!\d)", "dmy"),
)
_TIME: Final = r"(?<![\d:.])(\d{1,2})(?::(\d{2})(?::(\d{2}))?)?\s*([ap]m)?\b(?![:\d])"
_DAY: Final = r"(?i)\b(?:today|tomorrow|yesterday|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b"
_PATH: Final = (
    r"(?<![\w/:.@~])(?:~|\.{1,2})?(?:[\w.-]*/)+(?:[\w.-]*\w)?"
    r"|(?<![\w/@.])[\w-]+(?:\.[A-Za-z]\w{0,4})+\b"
)
_SUM: Final = (
    r"(?P<number>\d[\d_]*(?:,\d{3})*(?:\.\d+)?|\.\d+|\b(?:pi|tau)\b)"
    r"|(?P<call>\b[a-z]\w*\()"
    r"|(?P<operator>%\s+of\b|\*\*|//|[-+*/^%\u00d7\u00f7\u2212\u00b7]"
    r"|\b(?:plus|minus|times|x|mod|divided\s+by|multiplied\s+by|to\s+the\s+power\s+of)\b)"
    r"|(?P<bracket>[()])"
)
_OPERATORS: Final = {
    "plus": "+",
    "minus": "-",
    "times": "*",
    "x": "*",
    "mod": "%",
    "divided by": "/",
    "multiplied by": "*",
    "to the power of": "**",
    "% of": "/100*",
    "^": "**",
    "\u00d7": "*",
    "\u00b7": "*",
    "\u00f7": "/",
    "\u2212": "-",
}
_QUOTED: Final = (
    r"```\w*\n(.+?)```|\"([^\"]+)\"|\u201c([^\u201d]+)\u201d|\u00ab([^\u00bb]+)\u00bb|`([^`]+)`"
    r"|(?<!\w)'([^'\n]+)'(?!\w)"
)
