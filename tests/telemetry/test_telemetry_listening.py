"""Log lines for people and for machines, through one chain."""

import io
import json
import logging
import warnings
from collections.abc import Mapping

import pytest

from retinue import telemetry
from retinue.telemetry.listening import ForMachines, ForPeople, listening, timestamp
from retinue.telemetry.terminal import Look

PLAIN = Look(live=True, colour=False, emoji=False)
BRIGHT = Look(live=True, colour=True, emoji=True)


def test_a_person_sees_what_happened_and_its_fields() -> None:
    assert heard(ForPeople(Look(live=True, colour=False, emoji=True))) == [
        "🔧 tool used  tool=shell took=0.8",
        "⚡ slow  agent=host",
        "💥 it broke  ValueError: no such luck",
    ]


def test_a_dumb_terminal_gets_words_instead_of_signs() -> None:
    assert heard(ForPeople(PLAIN)) == [
        "- tool used  tool=shell took=0.8",
        "warning: slow  agent=host",
        "error: it broke  ValueError: no such luck",
    ]


def test_each_agent_has_a_colour_of_its_own() -> None:
    def line(agent: str) -> str:
        stream = io.StringIO()
        with listening(stream, level=logging.INFO, formatter=ForPeople(BRIGHT)):
            telemetry.event(logging.INFO, "said", agent=agent)
        return stream.getvalue()

    assert line("ada") == line("ada")
    assert len({line(name).replace(name, "") for name in ("ada", "bob", "cy", "dan", "eve")}) > 1


def test_an_error_shows_its_traceback_when_that_is_wanted() -> None:
    (*_, last) = heard(ForPeople(PLAIN, tracebacks=True))
    assert last.startswith("error: it broke  ValueError: no such luck\nTraceback (most recent")


def test_a_machine_gets_one_object_a_line() -> None:
    first, second, third = (json.loads(line) for line in heard(ForMachines()))
    assert first.pop("at").endswith("Z")
    assert first == {"level": "info", "event": "tool used", "tool": "shell", "took": 0.8}
    assert (second["level"], second["agent"]) == ("warning", "host")
    assert third["error"]["type"] == "ValueError"
    assert "no such luck" in third["error"]["traceback"]


def test_fields_do_not_hide_what_every_line_has() -> None:
    stream = io.StringIO()
    with listening(stream, level=logging.INFO, formatter=ForMachines()):
        telemetry.event(logging.INFO, "odd", event="field", when=object)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["event_"]) == ("odd", "field")
    assert line["when"] == "<class 'object'>"


@pytest.mark.parametrize("formatter", [ForPeople(PLAIN), ForMachines()])
def test_secrets_are_masked(formatter: logging.Formatter) -> None:
    stream = io.StringIO()
    secrets = {'sk-01234"6789': "sk-…", "short": "never"}
    with listening(stream, level=logging.INFO, formatter=formatter, secrets=secrets):
        telemetry.event(logging.INFO, 'with sk-01234"6789', key='sk-01234"6789', word="short")
    assert "6789" not in stream.getvalue()
    assert "short" in stream.getvalue()


def test_what_others_say_cannot_steer_the_terminal() -> None:
    stream = io.StringIO()
    with listening(stream, level=logging.INFO, formatter=ForPeople(PLAIN)):
        telemetry.event(logging.INFO, "evil", name="\x1b]52;c;x\x07\nforged line")
    assert stream.getvalue() == "- evil  name=]52;c;x forged line\n"


def test_levels_are_heeded_and_restored() -> None:
    root, ours = logging.getLogger(), telemetry.logger
    before = root.level, ours.level, list(root.handlers)
    stream = io.StringIO()
    with listening(stream, level=logging.WARNING, formatter=ForPeople(PLAIN)):
        telemetry.event(logging.INFO, "not heard")
        logging.getLogger("somebody").info("not heard either")
        logging.getLogger("somebody").warning("heard")
    assert stream.getvalue() == "warning: heard\n"
    assert (root.level, ours.level, list(root.handlers)) == before
    with listening(stream, level=logging.DEBUG, formatter=ForMachines()):
        logging.getLogger("somebody").info("with -vv")
    assert json.loads(stream.getvalue().splitlines()[-1])["logger"] == "somebody"


def test_warnings_of_python_are_log_lines() -> None:
    stream = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with listening(stream, level=logging.WARNING, formatter=ForPeople(PLAIN)):
            warnings.warn("old habits", UserWarning, stacklevel=1)
    assert "UserWarning: old habits" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_a_line_that_cannot_be_written_harms_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    with listening(stream, level=logging.INFO, formatter=ForPeople(PLAIN)):
        stream.close()
        telemetry.event(logging.INFO, "into the void")
    assert capsys.readouterr().err == ""


def test_nobody_listens_by_default(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.event(logging.DEBUG, "nobody hears")
    assert capsys.readouterr().err == ""


def test_times_are_utc_with_milliseconds() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"
    assert timestamp(1_800_000_000.0625) == "2027-01-15T08:00:00.062Z"


def heard(formatter: logging.Formatter, secrets: Mapping[str, str] | None = None) -> list[str]:
    """Three events as that formatter shows them."""
    stream = io.StringIO()
    with listening(stream, level=logging.INFO, formatter=formatter, secrets=secrets):
        telemetry.event(logging.DEBUG, "not heard")
        telemetry.event(logging.INFO, "tool used", tool="shell", took=0.8)
        telemetry.event(logging.WARNING, "slow", agent="host")
        try:
            raise ValueError("no such luck")
        except ValueError as error:
            telemetry.event(logging.ERROR, "it broke", error=error)
    text = stream.getvalue()
    *lines, last = text.split("\n", 2)
    return [*lines, last.rstrip("\n")]
