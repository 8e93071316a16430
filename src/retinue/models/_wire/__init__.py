"""The wire under every model that is spoken to over plain HTTP, without a vendor's package.

An adapter says who is asked (`Server`), makes the `body`, names the framing of the stream and reads
its frames (`Answer`); `streamed` does the rest. Only `_http.py` has a socket.
"""

from ._server import Server
from .asking import Answer, Connection, Opener, document, streamed
from .body import Base64, Json, conversation, dumped, function_of, system_of, told, written
from .framing import Lines, ServerSentEvents
from .reading import (
    Frame,
    call_id,
    count_of,
    frame_of,
    incomplete,
    rows_of,
    text_of,
    texts_of,
    unreadable,
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
    "call_id",
    "conversation",
    "count_of",
    "document",
    "dumped",
    "frame_of",
    "function_of",
    "incomplete",
    "refused",
    "rows_of",
    "streamed",
    "system_of",
    "text_of",
    "texts_of",
    "told",
    "unreadable",
    "written",
]
