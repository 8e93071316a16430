"""The wire under every model that is spoken to over plain HTTP, without a vendor's package.

An adapter says who is asked (`Server`), makes the `body`, names the framing of the stream and reads
its frames (`Answer`); `streamed` does the rest. Only `_http.py` has a socket.
"""

from ._server import Server
from .asking import Answer, document, streamed
from .body import Base64, Json, conversation, dumped, function_of, system_of, told, written
from .framing import Lines, ServerSentEvents, frame_of, rows_of, unreadable
from .status import refused

__all__ = [
    "Answer",
    "Base64",
    "Json",
    "Lines",
    "Server",
    "ServerSentEvents",
    "conversation",
    "document",
    "dumped",
    "frame_of",
    "function_of",
    "refused",
    "rows_of",
    "streamed",
    "system_of",
    "told",
    "unreadable",
    "written",
]
