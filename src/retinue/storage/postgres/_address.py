"""Addresses of databases: what is connected to, and what is shown of it."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from retinue.errors import StoreFailed

_HINT = (
    'It looks like "postgresql://user:password@host:5432/database". In the password, write %40'
    " for @, %2F for /, %3A for : and %3F for ?"
)

_LONGEST = 64
"""Bytes; from there on PostgreSQL would cut a name off."""

_DEFAULTS = {
    "application_name": "retinue",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "tcp_user_timeout": "30000",  # milliseconds
}


@dataclass(frozen=True, slots=True)
class Address:
    """A database, and the schema in it.

    Args:
        conninfo: As libpq takes it; with the password.
        schema: All tables are in there.
        name: To be shown; without the password.
    """

    conninfo: str
    schema: str
    name: str


def address_of(where: str, *, schema: str) -> Address:
    """What is meant by an address; "?schema=" in it goes before the argument.

    Raises:
        StoreFailed: It is none. What was given is not repeated: there may be a password in it.
    """
    where, _, query = where.partition("?") if "://" in where else (where, "", "")
    options = dict(parse_qsl(query.replace("+", "%2B"), keep_blank_values=True))  # "+" is no space
    schema = options.pop("schema", "") or schema
    given = f"{where}?{urlencode(options, quote_via=quote)}" if options else where
    if not 0 < len(schema.encode()) < _LONGEST:
        raise StoreFailed(
            "The name of a schema has 1 to 63 bytes", hint="Choose another: ?schema=..."
        )
    try:
        known = {name: str(value) for name, value in conninfo_to_dict(given).items()}
    except psycopg.Error:
        raise StoreFailed("This is no address of a database", hint=_HINT) from None
    host, port, database = (known.get(key, "") for key in ("host", "port", "dbname"))
    if any("@" in word.removeprefix("@") for word in (host, port, database)) or not all(
        part.isdecimal() for part in port.split(",") if part
    ):  # there is a piece of the password in there
        raise StoreFailed("This is no address of a database", hint=_HINT)
    return Address(
        conninfo=make_conninfo(**{**_DEFAULTS, **known, "client_encoding": "UTF8"}),
        schema=schema,
        name=_name(known, host, port, database, schema),
    )


def _name(known: dict[str, str], host: str, port: str, database: str, schema: str) -> str:
    user = f"{quote(known['user'])}@" if "user" in known else ""
    at = f"{host}:{port}" if port else host
    shown = f"postgresql://{user}{at}/{database}"
    return shown if schema == "retinue" else f"{shown}?schema={quote(schema)}"
