"""A sweep as a picture: each column against one axis, one line per value of the others."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..reports import plots
from ..reports.plots import COLOURS, MARKERS, label
from .spec import Spec
from .tabulate import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Columns that are drawn where the file names none: more make panels too small to read.
FIRST = 2


def draw(spec: Spec, rows: Sequence[Row], path: Path) -> None:
    """Draw one panel per column and group.

    Args:
        spec: says which axis and columns.
        rows: from ``tabulate.rows``; at least one.
        path: what to write; its suffix says in which format.

    Raises:
        OptionError: the suffix is none of png, svg, pdf.
        RunError: matplotlib is missing, or the file cannot be written.
    """
    plots.check_suffix(path)
    x = spec.plot.get("x") or next(iter(rows[0]["axes"]), "")
    columns = spec.plot.get("columns") or list(dict.fromkeys(row["column"] for row in rows))[:FIRST]
    drawn = [row for row in rows if row["column"] in columns]
    panels = list(dict.fromkeys((column, r["group"]) for column in columns for r in drawn if r["column"] == column))
    lines = list(dict.fromkeys(_line(row, x) for row in drawn))
    wide = min(4, len(panels))
    deep = -(-len(panels) // wide)
    figure = plots.figure(1 + 3.6 * wide, 1 + 3.2 * deep)
    grid = figure.subplots(deep, wide, squeeze=False).flat
    for axes, panel in zip(grid, panels, strict=False):
        _panel(axes, panel, [r for r in drawn if (r["column"], r["group"]) == panel], x, lines)
    for axes in list(grid)[len(panels) :]:
        axes.set_visible(False)
    if lines != [""]:
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(),
            loc="outside lower center",
            ncols=min(4, len(lines)),
            frameon=False,
        )
    over = f"mean and 95 % interval over {', '.join(spec.repeats)}" if spec.repeats else ""
    figure.suptitle(label(": ".join(filter(None, [spec.name, over]))), fontsize=11)
    plots.save(figure, path)


def _panel(axes: "Axes", panel: tuple[str, str], rows: Sequence[Row], x: str, lines: Sequence[str]) -> None:
    """Draw one column of one group."""
    places, words = _places([row["axes"].get(x, "") for row in rows])
    for i, line in enumerate(lines):
        # Lines that meet at one place of the axis stay apart to the eye.
        shift = (i - (len(lines) - 1) / 2) * 0.01 * (max(places.values()) - min(places.values()) or 1)
        points = sorted(_points([row for row in rows if _line(row, x) == line], places, x))
        axes.errorbar(
            [place + shift for place, _, _ in points],
            [mean for _, mean, _ in points],
            yerr=[half for _, _, half in points],
            color=COLOURS[i % len(COLOURS)],
            marker=MARKERS[i % len(MARKERS)],
            markersize=6,
            capsize=3,
            linewidth=1.4,
            linestyle="none" if words else "-",
            elinewidth=1.4,
            markeredgecolor="white",
            label=label(line or panel[0]),
        )
    share = all(row["share"] for row in rows)
    if share:
        axes.set_ylim(-2, 102)
    axes.set_xticks(list(places.values()), [label(value) for value in places])
    axes.set_xlabel(label(x) if x else "")
    axes.set_title(label(f"{panel[0]}{' (%)' * share}{', ' * bool(panel[1])}{panel[1]}"), fontsize=10)
    plots.style(axes)


def _points(rows: Sequence[Row], places: Mapping[str, float], x: str) -> Iterator[tuple[float, float, float]]:
    """Yield (place, mean, half the interval); a level that no run came down to has a place and no mark."""
    for row in rows:
        scale = 100 if row["share"] else 1
        low, high = row["low"], row["high"]
        if row["mean"] is not None:
            half = 0.0 if low is None or high is None else scale * (high - low) / 2
            yield places[row["axes"].get(x, "")], scale * row["mean"], half


def _places(values: Sequence[str]) -> tuple[dict[str, float], bool]:
    """Return where each value stands, and whether they are words.

    Numbers (and shares) stand where they belong; words side by side, and no line leads from one to the next.
    """
    unique = list(dict.fromkeys(values))
    try:
        return {value: float(value.removesuffix("%")) for value in unique}, False
    except ValueError:
        return {value: float(i) for i, value in enumerate(unique)}, True


def _line(row: Row, x: str) -> str:
    return " ".join(f"{name}={value}" for name, value in row["axes"].items() if name != x)
