"""Search: messages that have all words, the newest first, and where in them the words are."""

import json
import re
import unicodedata
from collections.abc import Callable, Iterator

from retinue.app.retinue import Retinue
from retinue.cli._brief import age, brief_ids, cut, now, width_of
from retinue.cli._kept import Conversations
from retinue.cli._screen import Screen
from retinue.messages.codecs import message_to_dict
from retinue.storage import Found
from retinue.telemetry.terminal import one_line

from ._list import as_dict

_BEFORE = 30
"""Letters that are shown before the first of the words."""


async def search(retinue: Retinue, line: Conversations, screen: Screen) -> None:
    """Look in the conversations of all folders."""
    words = " ".join(line.words)
    page = await retinue.log.search(words, limit=line.limit)
    if line.json:
        found = [
            {
                "conversation": as_dict(one.conversation),
                "seq": one.seq,
                "message": message_to_dict(one.message),
            }
            for one in page.items
        ]
        screen.write(f"{json.dumps({'v': 1, 'found': found}, ensure_ascii=False, indent=2)}\n")
        return
    if not page.items:
        screen.remark(f"nobody said all of these words: {words}")
        return
    ids = brief_ids(one.conversation.id for one in page.items)
    screen.write("".join([_shown(one, ids, words, screen) for one in page.items]))
    if page.cursor is not None:
        screen.remark(f"there is more: --limit {line.limit * 2}, or more words")


def _shown(found: Found, ids: dict[str, str], words: str, screen: Screen) -> str:
    paint, width = screen.look.paint, width_of(screen)
    thread, message = found.conversation, found.message
    id, old = ids[thread.id], age(thread.changed_at, now())
    head = f"{id}  {old}  "
    title = cut(thread.title or "(without a title)", width - len(head))
    who = f"  {message.agent or message.role}: "
    said = excerpt(message.text, words, width - len(who))
    shown = marked(said, words, lambda word: paint(word, "bold", "yellow"))
    return f"{paint(id, 'bold')}  {paint(old, 'dim')}  {title}\n{paint(who, 'dim')}{shown}\n"


def excerpt(text: str, words: str, width: int) -> str:
    """What stands around the first of the words, on one line."""
    line = one_line(text)
    first = next(_places(line, words), (0, 0))[0]
    begin = max(0, first - _BEFORE) if len(line) > width else 0
    cut_off = f"…{line[begin + 1 :]}" if begin else line
    return cut(cut_off, width)


def marked(text: str, words: str, mark: Callable[[str], str]) -> str:
    """The text with each of the words marked."""
    shown, at = "", 0
    for begin, end in _places(text, words):
        shown += text[at:begin] + mark(text[begin:end])
        at = end
    return shown + text[at:]


def _places(text: str, words: str) -> Iterator[tuple[int, int]]:
    """Where one of the words stands; without regard to case, accents and signs, as stores look."""
    wanted = {_plain(word) for word in re.findall(r"[^\W_]+", _plain(words))}
    for word in re.finditer(r"[^\W_]+", text):
        if _plain(word[0]) in wanted:
            yield word.span()


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text).casefold()
    return "".join([letter for letter in letters if not unicodedata.combining(letter)])
