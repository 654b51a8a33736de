"""The curve as a picture: what was kept against what was forgotten, one line a run."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import files
from ..errors import DataError, OptionError, RunError
from .compare import Records, in_order, labels, memory
from .table import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Okabe & Ito (2008): told apart by colour-blind readers; its yellow is too pale for a line.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX"
SUFFIXES = ("png", "svg", "pdf")
GREY = "#777777"


def draw(records: Records, path: Path) -> None:
    """Draw the curves of some records, a panel a group.

    Args:
        records: from ``load`` or ``Record.data``.
        path: what to write; its suffix says in which format.

    Raises:
        OptionError: the suffix is none of png, svg, pdf.
        DataError: no record has a curve.
        RunError: matplotlib is missing, or the file cannot be written.
    """
    if path.suffix.lower().lstrip(".") not in SUFFIXES:
        raise OptionError(f"--plot {path}: end the name in .{', .'.join(SUFFIXES)}")
    drawn = [(name, r) for name, r in zip(labels(records), records, strict=True) if r["curve"]]
    columns = memory(records)
    if len(columns) != 2:
        raise DataError("none of these runs has a curve to draw; they ended before stage 2")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise RunError("--plot needs matplotlib: pip install 'unlearnzoo[plot]'") from None
    groups = in_order(g for _, r in drawn for p in r["curve"] for g in p.get(columns[0], {}))
    figure = Figure(figsize=(1 + 4.2 * max(1, len(groups)), 4.6), layout="constrained")
    panels = figure.subplots(1, max(1, len(groups)), sharey=True, squeeze=False)[0]
    for axes, group in zip(panels, groups, strict=False):
        _panel(axes, group, columns, drawn)
    panels[0].set_ylabel(f"retain set: {_text(columns[1])} (%)")
    about = {f"{r['benchmark'].get('name')} with {r['model'].get('name')}" for _, r in drawn}
    figure.suptitle(f"Kept while forgetting: {_text(', '.join(sorted(about)))}", fontsize=12)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center",
                  ncols=min(5, len(drawn)), frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix.lower().lstrip("."), dpi=150)
    files.replace(path, buffer.getvalue())


def _panel(axes: "Axes", group: str, columns: Sequence[str],
           drawn: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Draw one group: forgetting runs to the right, so the axis does too."""
    forgot, kept = columns
    levels = sorted({float(level) for _, r in drawn for level in r["matched"]})
    for level in levels:
        axes.axvline(100 * level, color=GREY, linewidth=0.8, linestyle=(0, (4, 4)), zorder=0)
        axes.annotate(f"{level:.0%}", (100 * level, 1), xycoords=("data", "axes fraction"),
                      xytext=(0, 3), textcoords="offset points", ha="center", color=GREY, fontsize=8)
    for i, (name, record) in enumerate(drawn):
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
        points = [(p[forgot].get(group), p[kept].get(group)) for p in record["curve"]]
        x, y = ([100 * v if v is not None else float("nan") for v in side] or [float("nan")]
                for side in zip(*points, strict=True))
        axes.plot(x, y, color=colour, marker=".", markersize=4, linewidth=1.3, clip_on=False)
        # The legend shows colour and shape together, drawn or not.
        read = [(100 * float(level), 100 * of[group]) for level, of in record["matched"].items()
                if of.get(group) is not None]
        axes.plot([p[0] for p in read], [p[1] for p in read], marker=marker, markersize=7.5,
                  color=colour, markeredgecolor="white", markeredgewidth=0.9, linewidth=0,
                  label=_text(name), zorder=3)
    axes.set(xlim=(102, -2), ylim=(0, 102), xlabel=f"forget set: {_text(forgot)} (%)  →")
    axes.set_title(f"{_text(group)}-hop" if group else "", pad=18, fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)


def _text(text: str) -> str:
    """Return a label that matplotlib draws as it is: no formulas, no hidden entries."""
    return clean(text).replace("\\", "/").replace("$", r"\$").lstrip("_") or "?"
