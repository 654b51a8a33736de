"""A sweep as a picture: each column against one axis, a line for each value of the others."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OptionError, RunError
from ..reports.plots import COLOURS, MARKERS, SUFFIXES
from ..storage.atomic import atomic_write
from ..terminal import printable
from .spec import Spec

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Columns that are drawn where the file names none: more make panels too small to read.
FIRST = 2


def draw(spec: Spec, rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw a panel for each column and group.

    Args:
        spec: says which axis and columns.
        rows: from ``tabulate.rows``; at least one.
        path: what to write; its suffix says in which format.

    Raises:
        OptionError: the suffix is none of png, svg, pdf.
        RunError: matplotlib is missing, or the file cannot be written.
    """
    if path.suffix.lower().lstrip(".") not in SUFFIXES:
        raise OptionError(f"--plot {path}: end the name in .{', .'.join(SUFFIXES)}")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise RunError("the picture needs matplotlib: pip install 'unlearnzoo[plot]'") from None
    x = spec.plot.get("x") or next(iter(rows[0]["axes"]), "")
    columns = spec.plot.get("columns") or list(dict.fromkeys(row["column"] for row in rows))[:FIRST]
    drawn = [row for row in rows if row["column"] in columns]
    panels = list(dict.fromkeys((column, r["group"]) for column in columns for r in drawn if r["column"] == column))
    lines = list(dict.fromkeys(_line(row, x) for row in drawn))
    wide = min(4, len(panels))
    deep = -(-len(panels) // wide)
    figure = Figure(figsize=(1 + 3.6 * wide, 1 + 3.2 * deep), layout="constrained")
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
    figure.suptitle(_text(": ".join(filter(None, [spec.name, over]))), fontsize=11)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix.lower().lstrip("."), dpi=150)
    atomic_write(path, buffer.getvalue())


def _panel(
    axes: "Axes", panel: tuple[str, str], rows: Sequence[Mapping[str, Any]], x: str, lines: Sequence[str]
) -> None:
    """Draw one column of one group."""
    places, words = _places([row["axes"].get(x, "") for row in rows])
    for i, line in enumerate(lines):
        # A level that no run came down to has a place and no mark.
        known = [r for r in rows if _line(r, x) == line and r["mean"] is not None]
        mine = sorted(known, key=lambda r: places[r["axes"].get(x, "")])
        scale = [100 if row["share"] else 1 for row in mine]
        means = [s * row["mean"] for s, row in zip(scale, mine, strict=True)]
        half = [
            0 if row["low"] is None else s * (row["high"] - row["low"]) / 2 for s, row in zip(scale, mine, strict=True)
        ]
        # Lines that meet at one place of the axis stay apart to the eye.
        shift = (i - (len(lines) - 1) / 2) * 0.01 * (max(places.values()) - min(places.values()) or 1)
        axes.errorbar(
            [places[row["axes"].get(x, "")] + shift for row in mine],
            means,
            yerr=half,
            color=COLOURS[i % len(COLOURS)],
            marker=MARKERS[i % len(MARKERS)],
            markersize=6,
            capsize=3,
            linewidth=1.4,
            linestyle="none" if words else "-",
            elinewidth=1.4,
            markeredgecolor="white",
            label=_text(line or panel[0]),
        )
    share = all(row["share"] for row in rows)
    if share:
        axes.set_ylim(-2, 102)
    axes.set_xticks(list(places.values()), [_text(value) for value in places])
    axes.set_xlabel(_text(x) if x else "")
    axes.set_title(_text(f"{panel[0]}{' (%)' * share}{', ' * bool(panel[1])}{panel[1]}"), fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)


def _places(values: Sequence[str]) -> tuple[dict[str, float], bool]:
    """Return where each value stands, and whether they are words.

    Numbers (and shares) stand where they belong; words side by side, and no line leads from one to the next.
    """
    unique = list(dict.fromkeys(values))
    try:
        return {value: float(value.removesuffix("%")) for value in unique}, False
    except ValueError:
        return {value: float(i) for i, value in enumerate(unique)}, True


def _line(row: Mapping[str, Any], x: str) -> str:
    return " ".join(f"{name}={value}" for name, value in row["axes"].items() if name != x)


def _text(text: str) -> str:
    """Return a label that matplotlib draws as it is: no formulas, no hidden entries."""
    return printable(text).replace("\\", "/").replace("$", r"\$").lstrip("_") or " "
