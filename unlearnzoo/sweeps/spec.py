"""What a sweep file says: one command, what all its points share, and the axes whose product they are."""

import dataclasses
import itertools
import math
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypedDict, cast

from ..errors import OptionError
from ..options import nearest
from ..storage.documents import read_yaml
from .state import Value

KEYS = ("command", "fixed", "axes", "repeats", "columns", "plot", "cluster")
#: What the sweep itself gives to each point.
RESERVED = ("runs-dir", "json", "dry-run")
#: What starts code: typed with the sweep, and then given to each point.
CODE = ("plugin", "trust-remote-code")
_TYPED = "no file starts code by itself; if you trust it, take this out and type `unlearnzoo sweep FILE` with"
PLOT = ("x", "columns")
#: Of one product of axes: each point is at least one run, and they are held in memory.
MOST_POINTS = 10_000


class PlotSpec(TypedDict, total=False):
    """What the picture shows: ``x`` is an axis; the first one, and the table's first columns, where it is not said."""

    x: str
    columns: tuple[str, ...]


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
        plot: of the picture.
        cluster: parameters of the engine behind ``--cluster``.
    """

    name: str
    command: tuple[str, ...]
    fixed: Mapping[str, Value]
    grids: tuple[Mapping[str, tuple[Value, ...]], ...]
    repeats: tuple[str, ...]
    columns: tuple[str, ...]
    plot: PlotSpec
    cluster: Mapping[str, object]

    def values(self) -> list[dict[str, Value]]:
        """Return each point's values by axis; a point of two grids counts once."""
        points: list[dict[str, Value]] = []
        for grid in self.grids:
            for chosen in itertools.product(*grid.values()):
                point = dict(zip(grid, chosen, strict=True))
                if point not in points:
                    points.append(point)
        return points


def read(path: Path) -> Spec:
    """Read a sweep file.

    Raises:
        OptionError: it cannot be read, or something in it is unknown or of the wrong form.
    """
    try:
        loaded = read_yaml(path)
    except OSError as error:
        raise OptionError(f"{path}: cannot be read ({error.strerror or error})") from None
    except ValueError as error:
        raise OptionError(f"{path}: {error}") from None
    if not isinstance(loaded, dict):
        raise OptionError(f"{path}: expected `axes:` and other keys, got a {type(loaded).__name__}")
    for key in loaded:
        if key not in KEYS:
            raise OptionError(f"{path}: a sweep has no key {key!r}{nearest(str(key), KEYS)}")
    try:
        return _spec(path, loaded)
    except OptionError as error:
        raise OptionError(f"{path}: {error}") from None


def _spec(path: Path, loaded: Mapping[str, object]) -> Spec:
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
    cluster = loaded.get("cluster") or {}
    if not isinstance(cluster, dict):
        raise OptionError("cluster: expected `name: value` lines")
    return Spec(
        path.stem,
        _command(loaded.get("command", "run")),
        cast("dict[str, Value]", fixed),
        grids,
        repeats,
        tuple(map(str, _list("columns", loaded.get("columns") or []))),
        _plot(loaded.get("plot") or {}, [name for name in axes if name not in repeats]),
        cluster,
    )


def _command(given: object) -> tuple[str, ...]:
    """Return the words of the command; what the sweep itself gives to each point is not among them."""
    try:
        words = tuple(shlex.split(str(given)))
    except ValueError as error:
        raise OptionError(f"command: {error} in {given!r}") from None
    for word in words:
        name = word.partition("=")[0].removeprefix("--")
        if word.startswith("--") and name in RESERVED:
            raise OptionError(f"command: --{name} is given to each point by the sweep itself")
        if word.startswith("--") and name in CODE:
            raise OptionError(f"command: --{name}: {_TYPED} --{name}")
    return words


def _plot(given: object, axes: list[str]) -> PlotSpec:
    """Return what the picture shows, one of these axes among it."""
    if not isinstance(given, dict):
        raise OptionError("plot: write {x: AXIS, columns: [EMf, EMr]}")
    for key in given:
        if key not in PLOT:
            raise OptionError(f"plot has no key {key!r}{nearest(str(key), PLOT)}")
    plot: PlotSpec = {"columns": tuple(map(str, _list("plot: columns", given.get("columns") or [])))}
    if "x" in given:
        plot["x"] = _name(given["x"])
        if plot["x"] not in axes:
            raise OptionError(f"plot: x: {given['x']!r} is no axis that is shown{nearest(plot['x'], axes)}")
    return plot


def _grids(axes: object) -> Iterator[dict[str, tuple[Value, ...]]]:
    """Yield each product of axes; one mapping, or a list of them."""
    for grid in axes if isinstance(axes, list) else [axes]:
        if not isinstance(grid, dict) or not grid:
            raise OptionError(
                "axes: write `name: [value, ...]` lines, such as `seed: [0, 1, 2]`; "
                "a list of such blocks is their union"
            )
        product: dict[str, tuple[Value, ...]] = {}
        for name, values in _options("axes", grid).items():
            if name in CODE:
                raise OptionError(f"axes: {name}: {_TYPED} --{name}")
            if not isinstance(values, list) or not values:
                raise OptionError(f"axes: {name}: expected a list of values, got {values!r}")
            if any(values.count(value) > 1 for value in values):
                raise OptionError(f"axes: {name}: a value is there twice in {values!r}")
            product[name] = tuple(values)
        if (points := math.prod(map(len, product.values()))) > MOST_POINTS:
            raise OptionError(f"axes: {points:,} points; a sweep has at most {MOST_POINTS:,}")
        yield product


def _options(where: str, given: object) -> dict[str, object]:
    """Return option → value; ``target_seed`` is ``target-seed``."""
    if not isinstance(given, dict):
        raise OptionError(f"{where}: expected `name: value` lines, got a {type(given).__name__}")
    options = {_name(name): value for name, value in given.items()}
    for name, value in options.items():
        if name in RESERVED:
            raise OptionError(f"{where}: {name} is given to each point by the sweep itself")
        if isinstance(value, dict):
            raise OptionError(f"{where}: {name}: write {name}.OPTION: VALUE, each on a line of its own")
    return options


def _name(name: object) -> str:
    """Return an option's name: that of a flag with dashes, ``owner.option`` as it is."""
    text = str(name)
    return text if "." in text else text.replace("_", "-")


def _names(where: str, given: object) -> tuple[str, ...]:
    return tuple(map(_name, _list(where, given)))


def _list(where: str, given: object) -> list[object]:
    if not isinstance(given, list):
        raise OptionError(f"{where}: expected a list, got {given!r}")
    return given
