"""Words: what a message can be found by. They do not depend on the locale and
parser that a database has; it only keeps the index of them."""

from retinue.storage._words import words_in

_LONGEST = 100
"""Letters; an index takes no more than some 2,700 bytes, and who looks has the same cut off."""


def words_of(text: str) -> list[str]:
    """Each once, without case, accents and signs."""
    return list(dict.fromkeys([word[:_LONGEST] for word in words_in(text)]))
