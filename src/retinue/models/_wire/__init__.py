"""The wire under every model that is spoken to over plain HTTP, without a vendor's package.

An adapter says who is asked (`Server`), makes the `body`, names the framing of the stream and reads
its frames (`Answer`); `streamed` does the rest. Only `_http.py` has a socket.
"""

from ._bare import bare
from ._server import Server
from .asking import Answer, Connection, Opener, document, streamed
from .body import Base64, Json, conversation, dumped, function_of, system_of, told, written
from .framing import Lines, ServerSentEvents
from .reading import (
    Frame,
    as_agreed,
    call_id,
    called,
    count_of,
    incomplete,
    rows_of,
    text_of,
    texts_of,
)
from .status import refused

__all__ = [
    "Answer",
    "Base64",
    "Connection",
    "Frame",
    "Json",
    "Lines",
    "Opener",
    "Server",
    "ServerSentEvents",
    "as_agreed",
    "bare",
    "call_id",
    "called",
    "conversation",
    "count_of",
    "document",
    "dumped",
    "function_of",
    "incomplete",
    "refused",
    "rows_of",
    "streamed",
    "system_of",
    "text_of",
    "texts_of",
    "told",
    "written",
]
