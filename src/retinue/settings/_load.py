"""load: from flags, environment and files to one frozen value, each layer over the next."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast, get_args

from retinue.errors import SettingsError

from ._endpoint import Endpoint, endpoints_in
from ._files import check_known, parse_env, parse_toml
from ._persona import Persona
from ._places import config_file, trust_file
from ._settings import OPTIONS, Layer, Origin, Settings, Source
from ._trust import Project, Trusted, find_project
from ._unread import Base, TomlFile, Unread, UnreadTable

_LAYERS: Final[tuple[Layer, ...]] = get_args(Layer.__value__)
_OURS: Final = {option.variables[0] for option in OPTIONS}
_KNOWN: Final = {"models", *[option.name for option in OPTIONS]}


def load(*, flags: Mapping[str, str], environ: Mapping[str, str], folder: Path | None) -> Settings:
    """Gather the settings.

    Args:
        flags: What was said on the command line, by the names of the settings.
        environ: The variables of this process.
        folder: Where we are; the project is looked for from here upwards.

    Raises:
        SettingsError: Something is set to what it cannot be, or a file is broken; it says where.
    """
    user, user_sources = _from_user(config_file(environ))
    trusted = Trusted(trust_file(environ))
    project = find_project(folder, trusted) if folder is not None else None
    table, variables, project_sources = _from_project(project, trusted)
    found = {
        **user,
        **table,
        **_from_variables(variables, project),
        **_from_variables(environ, folder),
        **_from_flags(flags, folder),
    }
    everything = {**variables, **environ}
    origins = {name: each.origin for name, each in found.items()}
    values: dict[str, Any] = {}
    models: dict[str, Endpoint] = {}
    for name, each in found.items():
        match each.value(everything):
            case Endpoint() as endpoint:
                models[name.removeprefix("models.")] = endpoint
            case value:
                values[name] = value
    _name_the_persona(values, origins)
    return Settings(
        **values,
        models=MappingProxyType(models),
        origins=MappingProxyType(origins),
        sources=(*project_sources, *user_sources),
        ignored=tuple([v for v in environ if v.startswith("RETINUE_") and v not in _OURS]),
    )


type _Layer = Mapping[str, Unread | UnreadTable]


def _from_flags(flags: Mapping[str, str], folder: Path | None) -> _Layer:
    found: dict[str, Unread] = {}
    for option in OPTIONS:
        if option.name in flags:
            flag, kind = f"--{option.name.replace('_', '-')}", option.kind
            origin, raw, hint = Origin("flag", flag), flags[option.name], "See --help."
            found[option.name] = Unread(origin, flag, raw, kind, kind.of_text, hint, folder)
    return found


def _from_variables(variables: Mapping[str, str], base: Base) -> _Layer:
    """What variables say, a RETINUE_ one before the others; an empty one says nothing."""
    found: dict[str, Unread] = {}
    for option in OPTIONS:
        name = next((name for name in option.variables if variables.get(name)), None)
        if name is None:
            continue
        match base:
            case Project(folder=folder):
                origin = Origin("project", f"{folder / '.env'}: {name}")
            case _:
                origin = Origin("environment", name)
        hint = f"Change it, or set {option.variables[0]}, which wins over all others."
        found[option.name] = Unread(
            origin, origin.where, variables[name], option.kind, option.kind.of_text, hint, base
        )
    return found


def _from_user(path: Path | None) -> tuple[_Layer, tuple[Source, ...]]:
    if path is None:
        return {}, ()
    try:
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}, (Source("user", path, "absent"),)
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}",
            hint="Make it a file that you may read, or remove it.",
        ) from error
    return _from_toml(raw, "user", path, path.parent), (Source("user", path, "read"),)


def _from_project(
    project: Project | None, trusted: Trusted
) -> tuple[_Layer, Mapping[str, str], tuple[Source, ...]]:
    """What the project's files say, if they are trusted; and which there are."""
    if project is None:
        return {}, {}, ()
    state = trusted.state(project)
    present = [name for name in ("retinue.toml", ".env") if name in project.files]
    if state != "trusted":
        return {}, {}, tuple([Source("project", project.folder / n, state) for n in present])
    table: _Layer = {}
    variables: Mapping[str, str] = {}
    if "retinue.toml" in present:
        path = project.folder / "retinue.toml"
        table = _from_toml(project.files["retinue.toml"], "project", path, project)
    if ".env" in present:
        variables = parse_env(project.files[".env"], project.folder / ".env")
    return table, variables, tuple([Source("project", project.folder / n, "read") for n in present])


def _from_toml(raw: bytes, layer: Layer, path: Path, base: Base) -> _Layer:
    table = parse_toml(raw, path)
    check_known(table, _KNOWN, raw, path, "setting")
    file = TomlFile(Origin(layer, str(path)), path, raw, base)
    found: dict[str, Unread | UnreadTable] = {}
    for option in OPTIONS:
        value = table.get(option.name)
        if option.name == "persona" and isinstance(value, dict):
            found[option.name] = file.persona(cast("dict[str, Any]", value), heading="persona")
        elif value is not None:
            found[option.name] = file.option(option.name, value, option.kind)
    for name, parts in endpoints_in(table, raw, path).items():
        found[f"models.{name}"] = file.endpoint(name, parts)
    return found


def _name_the_persona(values: dict[str, Any], origins: dict[str, Origin]) -> None:
    """The assistant is called what its persona is, unless a name was set there or nearer to us."""
    match values.get("persona"):
        case Persona(name=str(name)) if _is_nearer("persona", "name", origins):
            values["name"], origins["name"] = name, origins["persona"]
        case Persona() as persona if "name" in values:
            values["persona"] = replace(persona, name=values["name"])
        case _:
            pass


def _is_nearer(one: str, other: str, origins: Mapping[str, Origin]) -> bool:
    return other not in origins or (
        _LAYERS.index(origins[one].layer) < _LAYERS.index(origins[other].layer)
    )
