"""Attachments: files that go with a question, as the parts of a message that a model understands.

What a file is, is seen in it, not in its name. The limits are what every vendor takes.
"""

import codecs
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retinue.errors import UsageError
from retinue.messages import Image, Text
from retinue.telemetry.terminal import one_line

TEXT: Final = 1_000_000
"""Bytes of a text: some 250,000 tokens, and few models read more."""

PICTURE: Final = 7_000_000
"""Bytes of a picture. Google takes 7 MB; Anthropic 10 MB of base64, which are 7.8 MB; OpenAI 20 MB.

Sources: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/image-understanding,
https://platform.claude.com/docs/en/build-with-claude/vision (whose API says "image exceeds 10 MB
maximum" of the base64), https://platform.openai.com/docs/guides/images-vision
"""

_BOMS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_NO_FILES: Final = {
    stat.S_IFDIR: ("a folder", "Attach the files in it that matter, each by itself."),
    stat.S_IFIFO: ("a pipe", "Write what comes out of it to a file, or pipe it in."),
    stat.S_IFSOCK: ("a socket", "Attach a file."),
    stat.S_IFCHR: ("a device", "Attach a file."),
    stat.S_IFBLK: ("a device", "Attach a file."),
}
_LETTERS: Final = {"&": "amp", '"': "quot", "<": "lt", ">": "gt"}
_END: Final = re.compile("</document(_*)", re.IGNORECASE)
_CALMLY: Final = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
"""Nothing that turns out to be no file holds us up, or takes our terminal over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a question; `str` is a short line about it.

    Args:
        name: Without its folder; two may have the same.
        kind: "text", "PNG", "JPEG", "GIF" or "WebP".
        size: In bytes.
        parts: What a message gets of it, after the question.
    """

    name: str
    kind: str
    size: int
    parts: tuple[Text | Image, ...]

    def __str__(self) -> str:
        return f"{self.name} ({self.kind}, {_sized(self.size)})"


def attachment(path: str) -> Attachment:
    """The file at `path` as it is now; "~" is the home, "-" is a name like any other.

    Raises:
        UsageError: There is none, it cannot be read, it is too large, or no model understands it.
    """
    name = _readable(Path(path).name or path)
    raw, size = _read(path)
    source = f"file:{name}"
    kind = _kind_of_picture(raw)
    if kind is None:
        text = Text(text=f"\n\n{framed(_text(raw, size, name), name)}", source=source)
        return Attachment(name=name, kind="text", size=size, parts=(text,))
    if size > PICTURE:
        raise UsageError(
            f"{name} is a picture of more than {_sized(PICTURE)}",
            hint="Make it smaller: models see no more than about 2000 by 2000 pixels.",
        )
    label = Text(text=f'\n\n<picture name="{_quoted(name)}"/>\n', source=source)
    picture = Image(media_type=f"image/{kind.lower()}", data=raw, source=source)
    return Attachment(name=name, kind=kind, size=size, parts=(label, picture))


def framed(document: str, name: str = "stdin") -> str:
    """The document between tags that a model cannot take for the question, nor the document end."""
    ends = [len(end[1]) for end in _END.finditer(document)]
    tag = "document" + "_" * (max(ends) + 1 if ends else 0)
    return f'<{tag} name="{_quoted(name)}">\n{document.strip("\n")}\n</{tag}>'


def _read(path: str) -> tuple[bytes, int]:
    """What is in the file, as far as we take any, and how much it is altogether."""
    shown = _readable(str(Path(path)))
    try:
        file = Path(path).expanduser()
        mode = file.stat().st_mode  # some devices do something when they are opened
        if not stat.S_ISREG(mode):
            kind, hint = _NO_FILES.get(stat.S_IFMT(mode), ("no file", "Attach a file."))
            raise UsageError(f"{shown} is {kind}", hint=hint)
        with open(file, "rb", opener=lambda at, flags: os.open(at, flags | _CALMLY)) as stream:
            raw = stream.read(PICTURE + 1) or b""  # None: there is nothing yet
            return raw, max(len(raw), os.fstat(stream.fileno()).st_size)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UsageError(
            f"There is no file {shown}", hint="Look at its name, and where you are."
        ) from error
    except (OSError, RuntimeError, ValueError) as error:  # no such home; a zero in the name
        why = getattr(error, "strerror", None) or error
        raise UsageError(
            f"{shown} cannot be read: {why}", hint="Attach a file that you may read."
        ) from error


def _kind_of_picture(raw: bytes) -> str | None:
    """What every vendor understands, by its first bytes; https://mimesniff.spec.whatwg.org/#image."""
    if raw.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if raw.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if raw.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    return "WebP" if raw[:4] == b"RIFF" and raw[8:14] == b"WEBPVP" else None


def _text(raw: bytes, size: int, name: str) -> str:
    encoding = next((code for bom, code in _BOMS.items() if raw.startswith(bom)), "utf-8")
    if raw.startswith(b"%PDF-"):
        raise UsageError(
            f"{name} is a PDF, and these are not understood yet",
            hint="Attach its text: pdftotext FILE.pdf FILE.txt",
        )
    if encoding != "utf-16" and b"\0" in raw:
        raise _neither(name)
    if size > TEXT:
        raise UsageError(
            f"{name} is a text of more than {_sized(TEXT)}",
            hint="Attach the part that matters; head, tail and grep find it.",
        )
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise UsageError(
            f"{name} is no picture, and no UTF-8: byte 0x{raw[error.start]:02x} in line {line}",
            hint="If it is text, convert it: iconv -f latin1 -t utf-8",
        ) from error
    if "\0" in text:
        raise _neither(name)
    return text


def _neither(name: str) -> UsageError:
    return UsageError(
        f"{name} is neither a text nor a picture",
        hint="Pictures may be PNG, JPEG, GIF or WebP, and texts UTF-8; convert it to one of these.",
    )


def _readable(path: str) -> str:
    """The path for people and models: names may have bytes in them that are no text."""
    return one_line(path.encode(errors="replace").decode())


def _quoted(name: str) -> str:
    """The name for between the quotes of a tag."""
    return name.translate({ord(letter): f"&{word};" for letter, word in _LETTERS.items()})


def _sized(size: int) -> str:
    amount = float(size)
    for unit in ("B", "kB"):
        if amount < 999.5:
            return f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} MB"
