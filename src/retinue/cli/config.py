"""Config: every setting and where it came from; secrets are masked."""

import json
import os
from dataclasses import asdict
from typing import Any, cast

from retinue.settings import OPTIONS, Persona, Secret, Settings, current_folder, load
from retinue.telemetry.terminal import one_line

from ._exits import DONE
from ._grammar import Config
from ._screen import Screen

_STATES = {
    "absent": "not there",
    "unknown": "not trusted, not read",
    "changed": "changed since it was trusted, not read",
}


def run(line: Config, screen: Screen) -> int:
    """Show the settings; the exit code."""
    settings = load(flags=line.flags, environ=os.environ, folder=current_folder())
    screen.write(_as_json(settings) if line.json else _as_table(settings, screen))
    return DONE


def _as_table(settings: Settings, screen: Screen) -> str:
    paint = screen.look.paint
    rows = [
        (option.name, _shown(getattr(settings, option.name)), str(settings.origin(option.name)))
        for option in OPTIONS
    ]
    for name, endpoint in settings.models.items():
        key = f"  key {endpoint.api_key}" if endpoint.api_key is not None else ""
        place = f" at {endpoint.base_url}" if endpoint.base_url is not None else ""
        options = [f"  {option} {_shown(value)}" for option, value in endpoint.options.items()]
        value = "".join([endpoint.model, place, key, *options])
        rows.append((f"models.{name}", value, str(settings.origin(f"models.{name}"))))
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    second = min(second, 40)
    lines = [
        f"{paint(name.ljust(first), 'bold')}  {value.ljust(second)}  "
        + paint(where, "dim" if where == "default" else "cyan")
        for name, value, where in rows
    ]
    lines.append("")
    for source in settings.sources:
        state = _STATES.get(source.state, "")
        lines.append(f"{source.path}{paint(f'  ({state})', 'yellow') if state else ''}")
    return "\n".join([line.rstrip() for line in lines]) + "\n"


def _as_json(settings: Settings) -> str:
    found = {
        "v": 1,
        "settings": {
            option.name: {
                "value": _plain(getattr(settings, option.name)),
                "layer": settings.origin(option.name).layer,
                "from": str(settings.origin(option.name)),
            }
            for option in OPTIONS
        },
        "models": {
            name: {
                "base_url": endpoint.base_url,
                "model": endpoint.model,
                "api_key": _plain(endpoint.api_key),
                "options": dict(endpoint.options),
                "from": str(settings.origin(f"models.{name}")),
            }
            for name, endpoint in settings.models.items()
        },
        "files": [
            {"path": str(source.path), "layer": source.layer, "state": source.state}
            for source in settings.sources
        ],
    }
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def _shown(value: Any) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case Persona():
            parts = [f"{name} {part}" for name, part in asdict(value).items() if part]
            return one_line("; ".join(parts), width=100)
        case tuple():
            return ", ".join(cast("tuple[str, ...]", value)) or "none"
        case _:
            return " ".join(str(value).split())


def _plain(value: Any) -> Any:
    match value:
        case Secret():
            return str(value)
        case Persona():
            return asdict(value)
        case _:
            return value
