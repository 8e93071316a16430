"""Who is asked, and what the errors about it say."""

from dataclasses import dataclass, field
from typing import Final

from retinue.errors import ModelUnauthorized

_MOST: Final = 200
"""Letters of what a client says went wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server that models are reached at.

    Args:
        name: What it is called in errors: the model that is asked, or the address.
        base_url: Where it answers.
        api_key: Shown as a bearer token, where there is one; no error repeats it.
        unreachable, unauthorized, unknown, full: What to do where nobody answers, where the key is
            refused, where there is no such model, where the conversation is too long for it.
    """

    name: str
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    unreachable: str
    unauthorized: str
    unknown: str = "Choose another --model, or install it there."
    full: str = "Pass less, begin a new conversation, or choose a model with a larger window."

    def at(self, path: str) -> str:
        """The address of `path` there."""
        return f"{self.base_url.rstrip('/')}/{path}"

    def headers(self) -> dict[str, str]:
        """What shows the key (RFC 6750); nothing without one.

        Raises:
            ModelUnauthorized: It cannot be a key.
        """
        key = self.api_key
        if not key:
            return {}
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise ModelUnauthorized(
                f"The key for {self.name!r} has a character that is in no key",
                hint=f"Look for a space, a line end, or a letter that is not ASCII in it. "
                f"{self.unauthorized}",
            )
        return {"Authorization": f"Bearer {key}"}

    def repeated_in(self, error: BaseException) -> bool:
        """Whether the error says the key, or carries what does: a document it could not read."""
        said = f"{error} {error!r} {vars(error)}"
        return self.hide(said) != said

    def hide(self, words: str) -> str:
        """The words without the key, however the server came to repeat it."""
        return words.replace(self.api_key, "…") if self.api_key else words

    def brief(self, words: str) -> str:
        """As of `hide`, on one line and not many: the key goes first, or a part might stay."""
        return " ".join(self.hide(words).split())[:_MOST]
