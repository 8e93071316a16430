"""The time, for a model that has none."""

import zoneinfo
from datetime import UTC, datetime, tzinfo

from retinue.errors import BadArguments

from ._near import did_you_mean
from ._tool import tool

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@tool(effect="none", risk="read")
def clock(timezone: str = "UTC") -> str:
    """What day and time it is now, in ISO 8601 with the weekday before it.

    Args:
        timezone: An IANA time zone such as "Europe/Helsinki", or "local" for this computer's.
    """
    now = datetime.now().astimezone() if timezone == "local" else datetime.now(_zone(timezone))
    return f"{_DAYS[now.weekday()]} {now.isoformat(timespec='seconds')}"


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC  # also where there is no database of zones
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
        raise BadArguments(
            f"There is no time zone {name[:60]!r}",
            hint=did_you_mean(
                name[:60], known, otherwise='Use an IANA name ("Asia/Tokyo"), "UTC" or "local".'
            ),
        ) from None
