"""Texts as SQLite keeps them: those with half a letter are bytes."""


def text(value: str) -> str | bytes:
    """As it can be kept: what UTF-8 cannot hold (half a letter of a stream, the name of an old
    folder) becomes bytes."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")
    return value


def text_or_none(value: str | None) -> str | bytes | None:
    return None if value is None else text(value)
