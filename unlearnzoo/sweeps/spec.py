"""What a sweep file says: one command, what all its points share, and the axes whose product they are."""

import dataclasses
import itertools
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import OptionError
from ..options import nearest

KEYS = ("command", "fixed", "axes", "repeats", "columns", "plot", "cluster")
#: What the sweep itself gives to each point.
RESERVED = ("runs-dir", "json", "dry-run")
PLOT = ("x", "columns")


@dataclasses.dataclass(frozen=True)
class Spec:
    """A sweep file, read and checked.

    Attributes:
        name: of the file, without its suffix.
        command: words of the command, ``("run",)``.
        fixed: option → value, the same for all points.
        grids: each a product of axes; the sweep is their union.
        repeats: axes to average over: those whose name ends in ``seed``, unless the file says.
        columns: what the table shows; all columns of the records where empty.
        plot: ``x`` (an axis) and ``columns`` of the picture; by default the first axis and the table's first columns.
        cluster: parameters of the engine behind ``--cluster``.
    """

    name: str
    command: tuple[str, ...]
    fixed: Mapping[str, Any]
    grids: tuple[Mapping[str, tuple[Any, ...]], ...]
    repeats: tuple[str, ...]
    columns: tuple[str, ...]
    plot: Mapping[str, Any]
    cluster: Mapping[str, Any]

    def values(self) -> list[dict[str, Any]]:
        """Return each point's values by axis; a point of two grids counts once."""
        found: list[dict[str, Any]] = []
        for grid in self.grids:
            for chosen in itertools.product(*grid.values()):
                one = dict(zip(grid, chosen, strict=True))
                if one not in found:
                    found.append(one)
        return found


def read(path: Path) -> Spec:
    """Read a sweep file.

    Raises:
        OptionError: it cannot be read, or something in it is unknown or of the wrong form.
    """
    import yaml

    try:
        loaded = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"{path}: cannot be read ({error})") from None
    except yaml.YAMLError as error:
        raise OptionError(f"{path}: no YAML ({' '.join(str(error).split())})") from None
    if not isinstance(loaded, dict):
        raise OptionError(f"{path}: expected `axes:` and other keys, got a {type(loaded).__name__}")
    for key in loaded:
        if key not in KEYS:
            raise OptionError(f"{path}: a sweep has no key {key!r}{nearest(str(key), KEYS)}")
    try:
        return _spec(path, loaded)
    except OptionError as error:
        raise OptionError(f"{path}: {error}") from None


def _spec(path: Path, loaded: Mapping[str, Any]) -> Spec:
    fixed = _options("fixed", loaded.get("fixed") or {})
    grids = tuple(_grids(loaded.get("axes")))
    for grid in grids:
        if both := sorted(grid.keys() & fixed.keys()):
            raise OptionError(f"{both[0]} is an axis and fixed")
    axes = list(dict.fromkeys(name for grid in grids for name in grid))
    repeats = _names("repeats", loaded.get("repeats", [name for name in axes if name.endswith("seed")]))
    for name in repeats:
        if name not in axes:
            raise OptionError(f"repeats: {name!r} is no axis{nearest(name, axes)}")
    plot = loaded.get("plot") or {}
    if not isinstance(plot, dict):
        raise OptionError("plot: write {x: AXIS, columns: [EMf, EMr]}")
    for key in plot:
        if key not in PLOT:
            raise OptionError(f"plot has no key {key!r}{nearest(str(key), PLOT)}")
    kept = [name for name in axes if name not in repeats]
    if "x" in plot and _name(plot["x"]) not in kept:
        raise OptionError(f"plot: x: {plot['x']!r} is no axis that is shown{nearest(_name(plot['x']), kept)}")
    cluster = loaded.get("cluster") or {}
    if not isinstance(cluster, dict):
        raise OptionError("cluster: expected `name: value` lines")
    command = tuple(shlex.split(str(loaded.get("command", "run"))))
    shown = tuple(str(c) for c in _list("plot: columns", plot.get("columns") or []))
    return Spec(
        path.stem,
        command,
        fixed,
        grids,
        repeats,
        tuple(str(c) for c in _list("columns", loaded.get("columns") or [])),
        {**({"x": _name(plot["x"])} if "x" in plot else {}), "columns": shown},
        cluster,
    )


def _grids(axes: Any) -> Iterator[dict[str, tuple[Any, ...]]]:
    """Yield each product of axes; one mapping, or a list of them."""
    for grid in axes if isinstance(axes, list) else [axes]:
        if not isinstance(grid, dict) or not grid:
            raise OptionError(
                "axes: write `name: [value, ...]` lines, such as `seed: [0, 1, 2]`; "
                "a list of such blocks is their union"
            )
        found = _options("axes", grid)
        for name, values in found.items():
            if not isinstance(values, list) or not values:
                raise OptionError(f"axes: {name}: expected a list of values, got {values!r}")
            if any(values.count(value) > 1 for value in values):
                raise OptionError(f"axes: {name}: a value is there twice in {values!r}")
        yield {name: tuple(values) for name, values in found.items()}


def _options(where: str, given: Any) -> dict[str, Any]:
    """Return option → value; ``target_seed`` is ``target-seed``."""
    if not isinstance(given, dict):
        raise OptionError(f"{where}: expected `name: value` lines, got a {type(given).__name__}")
    found = {_name(name): value for name, value in given.items()}
    for name, value in found.items():
        if name in RESERVED:
            raise OptionError(f"{where}: {name} is given to each point by the sweep itself")
        if isinstance(value, dict):
            raise OptionError(f"{where}: {name}: write {name}.OPTION: VALUE on a line each")
    return found


def _name(name: Any) -> str:
    """Return an option's name: that of a flag with dashes, ``owner.option`` as it is."""
    text = str(name)
    return text if "." in text else text.replace("_", "-")


def _names(where: str, given: Any) -> tuple[str, ...]:
    return tuple(_name(name) for name in _list(where, given))


def _list(where: str, given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise OptionError(f"{where}: expected a list, got {given!r}")
    return given
