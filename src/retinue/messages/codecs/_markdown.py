"""Messages as Markdown that a person can read and edit.

    <!-- retinue {"id": "01KAGM..."} -->
    assistant / some-model
    ========================================

    The words of the message.

    <!-- end -->

Heading and words mean what they say; the comment above has the rest. What a person writes needs
only the heading (`user`, or `assistant / some-model`, underlined with `===`) and words. A line of
words that could be taken for a mark or a heading of ours has a backslash before it.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from retinue.errors import MessageError
from retinue.messages._message import Message, Messages, derived_id

from ._dicts import message_from_dict, message_to_dict
from ._json import dumps

TORN: Final = "<!-- torn -->"
"""Stands after a message that was not written to its end, and never will be."""

_START: Final = "<!-- retinue "
_END: Final = "<!-- end -->"
_LINE: Final = 40 * "="

_HEADER: Final = re.compile(r"<!-- retinue (\{.*\}) -->\s*")
_HEADING: Final = re.compile(
    r" {0,3}(system|user|assistant|tool)(?:\s*/\s*(\S+))?\s*", re.IGNORECASE | re.ASCII
)
_ANY_HEADING: Final = re.compile(r"\s*([\w.-]+)(?:\s*/\s*(\S+))?\s*")
_UNDERLINE: Final = re.compile(r"( {0,3})(\\*)(={3,}[ \t\r]*)")
_MARK: Final = re.compile(r"()(\\*)(<!-- (?:retinue|end|torn)\b.*)", re.DOTALL)


def to_markdown(messages: Message | Iterable[Message]) -> str:
    """The messages as Markdown; `from_markdown` gives equal ones of the same ids."""
    some = (messages,) if isinstance(messages, Message) else messages
    return "\n".join([section(message) for message in some])


def from_markdown(text: str, *, classes: Iterable[type[Any]] = ()) -> Messages:
    """The messages in this Markdown; what stands before the first of them is none.

    A message without an id gets one that depends only on what it says, and how often that was said
    before. One that was not written to its end is left out.

    Args:
        text: As `to_markdown` gives it, or written by hand.
        classes: Of messages and values in it. Those that are imported are known already.

    Raises:
        MessageError: There is text, but no message; or a comment of ours is damaged.
    """
    return read(text, classes=classes)[0]


def section(message: Message) -> str:
    """One message as Markdown, with a line break at its end."""
    header = message_to_dict(message)
    heading = _take_heading(header)
    words = _take_words(header)
    comment = dumps(header).replace(">", "\\u003e")  # nothing in it may end the comment
    body = "" if words is None else f"{_escaped(words)}\n\n"
    return f"{_START}{comment} -->\n{heading}\n{_LINE}\n\n{body}{_END}\n"


def read(text: str, *, classes: Iterable[type[Any]] = ()) -> tuple[Messages, bool]:
    """The messages, and whether the text ends in one that was not written to its end.

    Raises:
        MessageError: There is text, but no message; or a comment of ours is damaged.
    """
    sections, torn = _sections(text.removeprefix("\ufeff").split("\n"))
    if not sections and not torn and text.strip():
        raise MessageError(
            "There is no message in this text",
            hint="A message begins with its role (`user`) on a line that is underlined with `===`.",
        )
    known = tuple(classes)
    said: Counter[str] = Counter()
    messages: list[Message] = []
    for found in sections:
        message = found.message(known)
        if message is None:
            continue
        if "id" not in found.header:
            said[message.hash] += 1
            message = message.replaced(id=derived_id(message.hash, said[message.hash]))
        messages.append(message)
    return Messages(messages), torn


@dataclass(slots=True)
class _Section:
    """A message as it stands in the text."""

    line: int  # where it begins, from 1
    role: str
    model: str | None
    written: bool  # by us: its words are exact
    converted: bool  # an editor gave all lines the ends of Windows
    header: Mapping[str, Any]
    body: list[str] = field(default_factory=list[str])
    after: list[str] | None = None  # what a person wrote below our end mark

    @property
    def is_open(self) -> bool:
        """Whether this is ours, and its end mark is missing."""
        return self.written and self.after is None

    def add(self, line: str) -> None:
        if self.converted:
            line = line.removesuffix("\r")
        (self.body if self.after is None else self.after).append(line)

    def message(self, classes: tuple[type[Any], ...]) -> Message | None:
        """None where a heading was written by hand, and nothing below it."""
        words = _words(self.body, exact=self.after is not None)
        if self.after is not None and (more := _words(self.after, exact=False)):
            words = f"{words}\n\n{more}" if words else more
        if not self.written and not words:
            return None
        values = {"role": self.role, **self.header}
        if self.model is not None:
            values.setdefault("model", self.model)
        values["parts"] = _with_words(values.get("parts", [{"type": "text"}]), words)
        try:
            return message_from_dict(values, classes=classes)
        except MessageError as error:
            raise MessageError(f"Line {self.line}: {error}", hint=error.hint) from error


def _sections(lines: list[str]) -> tuple[list[_Section], bool]:
    """What stands in the text, and whether it ends in something that is not whole."""
    sections: list[_Section] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        current = sections[-1] if sections else None
        if line.startswith(_START) or _is_torn_start(lines, at):
            found = _ours(lines, at)
            if found is not None:
                begun, at = found
                sections.append(begun)
                continue
            if current is not None and current.is_open and _is_torn_start(lines, at):
                sections.pop()  # what begins here is its end mark
            at = _after_torn(lines, at)
            if at > len(lines):
                return sections, True
        elif line.rstrip() == TORN:
            if current is not None and current.is_open:
                sections.pop()
            at += 1
        elif line.rstrip() == _END:
            if current is not None and current.is_open:
                current.after = []
            at += 1
        elif _is_heading(lines, at):
            sections.append(_by_hand(lines, at))
            at += 2
        else:
            if current is not None:
                current.add(line)
            at += 1
    if sections and sections[-1].is_open:
        return sections[:-1], True
    return sections, False


def _ours(lines: list[str], at: int) -> tuple[_Section, int] | None:
    """The section that begins here, and where its words begin; None where that is not all there."""
    header = _HEADER.fullmatch(lines[at])
    below = at + 1
    while below < len(lines) and not lines[below].strip():
        below += 1
    heading = _ANY_HEADING.fullmatch(lines[below]) if below < len(lines) else None
    if header is None or heading is None or not _is_underline(lines, below + 1):
        return None
    try:
        values = json.loads(header[1])
    except (ValueError, RecursionError) as error:
        raise _damaged(at) from error
    role, model = heading.groups()
    converted = lines[at].endswith("\r")
    return _Section(at + 1, role, model, True, converted, values), below + 2


def _by_hand(lines: list[str], at: int) -> _Section:
    heading = cast("re.Match[str]", _HEADING.fullmatch(lines[at]))
    role, model = heading.groups()
    return _Section(at + 1, role.lower(), model, False, lines[at + 1].endswith("\r"), {})


def _is_heading(lines: list[str], at: int) -> bool:
    return _is_underline(lines, at + 1) and _HEADING.fullmatch(lines[at]) is not None


def _is_underline(lines: list[str], at: int) -> bool:
    line = _UNDERLINE.fullmatch(lines[at]) if at < len(lines) else None
    return line is not None and not line[2]


def _is_torn_start(lines: list[str], at: int) -> bool:
    """Whether writing broke off within the first letters of a section of ours."""
    line = lines[at]
    last = at + 1 == len(lines) or lines[at + 1].rstrip() == TORN
    return last and line != "" and _START.startswith(line)


def _after_torn(lines: list[str], at: int) -> int:
    """Where to go on after a section that begins here and is not whole; if it is last, nowhere.

    Raises:
        MessageError: It was not broken off, it is damaged.
    """
    for below in range(at + 1, len(lines)):
        if lines[below].rstrip() == TORN:
            return below + 1
        if lines[below].startswith(_START) or _is_heading(lines, below):
            raise _damaged(at)
    return len(lines) + 1


def _damaged(at: int) -> MessageError:
    return MessageError(
        f"Line {at + 1}: this comment of ours, or the heading below it, is damaged",
        hint="Mend it, or delete the comment: what it says besides the words is lost then.",
    )


def _take_heading(header: dict[str, Any]) -> str:
    """The heading; what it says is taken out of the header, the rest stays there."""
    role, model = header["role"], header.get("model")
    for heading, taken in ((f"{role} / {model}", ("role", "model")), (role, ("role",))):
        read_back = _ANY_HEADING.fullmatch(heading)
        means = (role, model if "model" in taken else None)
        if read_back is not None and read_back.groups() == means and _is_writable(heading):
            for name in taken:
                del header[name]
            return heading
    return "message"


def _take_words(header: dict[str, Any]) -> str | None:
    """The words of the first text; the header keeps the place where they were, if need be."""
    words: str | None = None
    for part in header["parts"]:
        if part["type"] == "text" and _is_writable(part["text"]):
            words = part.pop("text")
            break
    if header["parts"] == [{"type": "text"}]:
        del header["parts"]
    return words


def _with_words(parts: Any, words: str) -> Any:
    """The parts of a header, the words in their place."""
    if not isinstance(parts, list):
        return parts  # refused by who reads them
    whole: list[Any] = []
    placed = False
    for part in cast("list[Any]", parts):
        match part:
            case {"type": "text", "text": _}:
                whole.append(part)
            case {"type": "text"}:
                whole.append({**part, "text": words})
                placed = True
            case _:
                whole.append(part)
    return whole if placed or not words else [{"type": "text", "text": words}, *whole]


def _words(lines: list[str], *, exact: bool) -> str:
    """The words in these lines, without the blank line that we put before and after them; or,
    where a person wrote them, without any blank lines there."""
    some = [*lines]
    while some and not some[0].strip():
        del some[0]
        if exact:
            break
    while some and not some[-1].strip():
        del some[-1]
        if exact:
            break
    return "\n".join(_unescaped(some))


def _escaped(words: str) -> str:
    if "<!-- " not in words and "===" not in words:
        return words
    lines = words.split("\n")
    return "\n".join(
        [
            f"{look[1]}\\{look[2]}{look[3]}" if look is not None else line
            for line, look in zip(lines, _looks(lines), strict=True)
        ]
    )


def _unescaped(lines: list[str]) -> list[str]:
    return [
        f"{look[1]}{look[2][1:]}{look[3]}" if look is not None else line
        for line, look in zip(lines, _looks(lines), strict=True)
    ]


def _looks(lines: list[str]) -> list["re.Match[str] | None"]:
    """For each line: whether it looks like a mark or an underline of ours, backslashes aside."""
    looks: list[re.Match[str] | None] = []
    before = ""
    for line in lines:
        look = _MARK.fullmatch(line)
        if look is None and _HEADING.fullmatch(before):
            look = _UNDERLINE.fullmatch(line)
        looks.append(look)
        before = line
    return looks


def _is_writable(text: str) -> bool:
    """Whether UTF-8 can hold it: lone surrogates must go into the comment."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
