"""The clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from retinue.errors import BadArguments
from retinue.messages import ToolCall
from retinue.tools.clock import clock


async def reading(**args: Any) -> tuple[str, datetime]:
    result = await clock.use(ToolCall(id="1", name="clock", args=args))
    weekday, _, time = result.text.partition(" ")
    return weekday, datetime.fromisoformat(time)


@pytest.mark.parametrize(
    ("zone", "hours"), [("UTC", 0), ("Asia/Tokyo", 9), ("Asia/Kolkata", 5.5), ("Etc/GMT+3", -3)]
)
async def test_it_is_now_in_the_zone_that_was_asked_for(zone: str, hours: float) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    weekday, time = await reading(timezone=zone)
    assert before <= time <= datetime.now(UTC)
    assert time.utcoffset() == timedelta(hours=hours)
    assert weekday == f"{time:%A}"


async def test_without_a_zone_it_is_utc_and_local_is_this_computers() -> None:
    assert (await reading())[1].utcoffset() == timedelta(0)
    assert (await reading(timezone="local"))[
        1
    ].utcoffset() == datetime.now().astimezone().utcoffset()


@pytest.mark.parametrize(
    ("zone", "near"),
    [("Europe/Helsinky", "Europe/Helsinki"), ("europe/paris", "Europe/Paris"), ("Tokyo", "Tokyo")],
)
async def test_a_wrong_zone_gets_near_matches(zone: str, near: str) -> None:
    with pytest.raises(BadArguments, match="no time zone") as caught:
        await reading(timezone=zone)
    assert near in (caught.value.hint or "")


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "../../../etc/passwd",
        "/etc/passwd",
        "Europe",
        "a\0b",
        "x" * 100_000,
        "zone.tab",
        "\ud800",
    ],
)
async def test_a_hostile_zone_reads_no_file_and_gets_a_short_answer(zone: str) -> None:
    with pytest.raises(BadArguments) as caught:
        await reading(timezone=zone)
    assert len(str(caught.value)) < 200
    assert caught.value.hint
