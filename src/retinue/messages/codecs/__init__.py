"""Codecs: messages as dicts, as JSON and as Markdown, and back without loss.

All of them read what they wrote into equal messages with the same ids. Classes that data name are
looked for among those you give and those that are imported already; nothing is ever imported
because data say so. Events have theirs in `retinue.messages.codecs.events`.
"""

from ._dicts import message_from_dict, message_to_dict, part_from_dict, part_to_dict
from ._json import from_json, to_json, value_from_json, value_to_json
from ._markdown import from_markdown, to_markdown

__all__ = [
    "from_json",
    "from_markdown",
    "message_from_dict",
    "message_to_dict",
    "part_from_dict",
    "part_to_dict",
    "to_json",
    "to_markdown",
    "value_from_json",
    "value_to_json",
]
