"""Welcome: who is there, and how to go on from here."""

from collections.abc import Iterator

from retinue.cli._vendors import keys_without_package
from retinue.telemetry.terminal import Look, one_line

from ._cast import shown
from ._session import Session


def welcome(session: Session, look: Look, program: str) -> list[str]:
    """The first lines of a talk."""
    return [*_lines(session, look, program), ""]


def _lines(session: Session, look: Look, program: str) -> Iterator[str]:
    host, model = session.app.name, session.app.model.name
    origin = session.settings.origin("model")
    why = "nothing else was chosen" if origin.layer == "default" else f"chosen by {origin}"
    who, what = shown(host, look, host=host), look.paint(one_line(model), "bold")
    others = "".join([f", else {one_line(other.name)}" for other in session.app.others])
    yield f"{who} answers with {what} {look.paint(f'({why})', 'dim')}{others}"
    for vendor, command in keys_without_package(session.settings).items():
        yield f"The key of {vendor} is not used without its package: {command}"
    if model == "demo":
        yield f"It is no language model, only a demonstration. To choose one: {program} setup"
    if session.messages and session.history is not None:
        path = session.history.path
        yield f"Messages in {path} so far: {len(session.messages):,}. /history shows them."
    yield look.paint("/help shows what can be done here, Ctrl-D leaves.", "dim")
