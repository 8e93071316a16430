"""Words: what a message can be found by, in every database the same."""

import re
import unicodedata


def words_in(text: str) -> list[str]:
    """In their order, without case, accents and signs."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return re.findall(r"[^\W_]+", "".join([c for c in plain if not unicodedata.combining(c)]))
