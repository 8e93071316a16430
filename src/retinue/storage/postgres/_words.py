"""Words: what a message can be found by. They are the same as in SQLite, whatever locale and
parser a database has; PostgreSQL only keeps the index of them."""

from retinue.storage.sqlite._search import _words

_LONGEST = 100
"""Letters; an index takes no more than some 2,700 bytes, and who looks has the same cut off."""


def words_of(text: str) -> list[str]:
    """Each once, without case, accents and signs."""
    return list(dict.fromkeys([word[:_LONGEST] for word in _words(text)]))
