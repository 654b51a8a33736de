"""The curve as a picture: what was kept against what was forgotten, a line a run, a colour a method."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DataError, OptionError, RunError
from ..storage.atomic import atomic_write
from ..terminal import printable
from .comparison import Records, columns
from .matched import by_method, matched_forgetting
from .order import in_order

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
    drawn = [r for r in records if r["curve"]]
    found = columns(drawn)
    if len(found) < 2:
        raise DataError("none of these runs has a curve to draw; they ended before stage 2")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise RunError("--plot needs matplotlib: pip install 'unlearnzoo[plot]'") from None
    groups = in_order(g for r in drawn for p in r["curve"] for g in p.get(found[0], {})) or [""]
    read = matched_forgetting(drawn, found)
    kept = [c for c in found[1:] if c == found[1] or any(row["column"] == c and row["reached"] for row in read["rows"])]
    figure = Figure(figsize=(1 + 4.2 * len(groups), 1 + 3.6 * len(kept)), layout="constrained")
    panels = figure.subplots(len(kept), len(groups), sharex=True, sharey=True, squeeze=False)
    for row, column in zip(panels, kept, strict=True):
        for axes, group in zip(row, groups, strict=True):
            _panel(axes, group, (found[0], column), drawn, read)
            top = f"{_text(group)}-hop" if group and column == found[1] else ""
            axes.set_title(top, pad=18, fontsize=10)
        row[0].set_ylabel(f"{'retain set' if column == found[1] else 'utility'}: {_text(column)} (%)")
    for axes in panels[-1]:
        axes.set_xlabel(f"forget set: {_text(found[0])} (%)  →")
    about = {f"{r['benchmark'].get('name')} with {r['model'].get('name')}" for r in drawn}
    figure.suptitle(f"Kept while forgetting: {_text(', '.join(sorted(about)))}", fontsize=12)
    handles, names = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(5, len(names) or 1), frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix.lower().lstrip("."), dpi=150)
    atomic_write(path, buffer.getvalue())


def _panel(axes: "Axes", group: str, sides: tuple[str, str], drawn: Records, read: Mapping[str, Any]) -> None:
    """Draw one column of one group: forgetting runs to the right, so the axis does too."""
    for level in sorted({float(level) for r in drawn for level in r["matched"]}):
        axes.axvline(100 * level, color=GREY, linewidth=0.8, linestyle=(0, (4, 4)), zorder=0)
        axes.annotate(
            f"{level:.0%}",
            (100 * level, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            color=GREY,
            fontsize=8,
        )
    counts = {m["method"]: m["n"] for m in read["methods"]}
    methods = by_method([r for r in drawn if not r["algorithm"].get("gold_standard")])
    for i, (name, runs) in enumerate(methods.items()):
        colour, marker = COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)]
        for record in runs:
            axes.plot(
                *_line(record["curve"], group, sides),
                color=colour,
                marker=".",
                markersize=4,
                clip_on=False,
                linewidth=1.3 if len(runs) == 1 else 0.7,
                alpha=1.0 if len(runs) == 1 else 0.6,
            )
        at = [
            row
            for row in read["rows"]
            if row["method"] == name and row["mean"] is not None and (row["column"], row["group"]) == (sides[1], group)
        ]
        # The legend shows colour and shape together, drawn or not. Methods stand side by side at a level.
        shift = 0.8 * (i - (len(methods) - 1) / 2) if any(row["low"] is not None for row in read["rows"]) else 0.0
        bars = [
            [100 * (row["mean"] - row["low"]) if row["low"] is not None else 0.0 for row in at],
            [100 * (row["high"] - row["mean"]) if row["high"] is not None else 0.0 for row in at],
        ]
        axes.errorbar(
            [100 * float(row["level"]) + shift for row in at],
            [100 * row["mean"] for row in at],
            yerr=bars,
            fmt=marker,
            markersize=7.5,
            color=colour,
            markeredgecolor="white",
            markeredgewidth=0.9,
            label=_text(name) + (f", n = {counts[name]}" if max(counts.values()) > 1 else ""),
            zorder=3,
        )
    for i, record in enumerate(r for r in drawn if r["algorithm"].get("gold_standard")):
        x, y = _line(record["curve"][-1:], group, sides)  # nothing lies between the target and it
        axes.plot(
            x,
            y,
            marker="*",
            markersize=12,
            color="black",
            linewidth=0,
            clip_on=False,
            zorder=4,
            label=_text(record["algorithm"].get("name", "?")) if i == 0 else None,
        )
    axes.set(xlim=(102, -2), ylim=(0, 102))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)


def _line(curve: Sequence[Mapping[str, Any]], group: str, sides: tuple[str, str]) -> tuple[list[float], list[float]]:
    """Return a curve's points in per cent; what is unknown is NaN. A column in no group is in each."""

    def of(point: Mapping[str, Any], column: str) -> float:
        scores = point.get(column, {})
        value = scores.get("" if set(scores) == {""} else group)
        return float("nan") if value is None else 100 * value

    return [of(p, sides[0]) for p in curve], [of(p, sides[1]) for p in curve]


def _text(text: str) -> str:
    """Return a label that matplotlib draws as it is: no formulas, no hidden entries."""
    return printable(text).replace("\\", "/").replace("$", r"\$").lstrip("_") or "?"
