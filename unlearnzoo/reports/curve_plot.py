"""The curve as a picture: what was kept against what was forgotten, one line per run, one colour per method."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DataError
from ..evaluation.matched import groups_of
from ..records.types import AnyRecord, CurvePoint
from . import matched, plots
from .comparison import curve_columns
from .matched import Matched, MatchedRow
from .methods import Records, by_method
from .plots import COLOURS, GREY, MARKERS, label
from .table import in_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(records: Records, path: Path) -> None:
    """Draw the curves of some records, one panel per column and group.

    Args:
        records: from ``store.load`` or ``Record.data``.
        path: what to write; its suffix says in which format.

    Raises:
        OptionError: the suffix is none of png, svg, pdf.
        DataError: no record has a curve.
        RunError: matplotlib is missing, or the file cannot be written.
    """
    plots.check_suffix(path)
    drawn = [record for record in records if record["curve"]]
    columns = curve_columns(drawn)
    if len(columns) < 2:
        raise DataError("none of these runs has a curve to draw; they ended before stage 2")
    forget, retain = columns[:2]
    groups = in_order(group for r in drawn for point in r["curve"] for group in point.get(forget, {})) or [""]
    read = matched.data(drawn, columns)
    reached = {row["column"] for row in read["rows"] if row["reached"]}
    kept = [column for column in columns[1:] if column == retain or column in reached]
    figure = plots.figure(1 + 4.2 * len(groups), 1 + 3.6 * len(kept))
    panels = figure.subplots(len(kept), len(groups), sharex=True, sharey=True, squeeze=False)
    for row, column in zip(panels, kept, strict=True):
        for axes, group in zip(row, groups, strict=True):
            _panel(axes, group, (forget, column), drawn, read)
            axes.set_title(f"{label(group)}-hop" if group and column == retain else "", pad=18, fontsize=10)
        row[0].set_ylabel(f"{'retain set' if column == retain else 'utility'}: {label(column)} (%)")
    for axes in panels[-1]:
        axes.set_xlabel(f"forget set: {label(forget)} (%)  →")
    about = {f"{r['benchmark'].get('name')} with {r['model'].get('name')}" for r in drawn}
    figure.suptitle(f"Kept while forgetting: {label(', '.join(sorted(about)))}", fontsize=12)
    handles, names = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=min(5, len(names) or 1), frameon=False)
    plots.save(figure, path)


def _panel(axes: "Axes", group: str, sides: tuple[str, str], drawn: Records, read: Matched) -> None:
    """Draw one column of one group: forgetting runs to the right, so the axis does too."""
    _levels(axes, sorted({float(level) for record in drawn for level in record["matched"]}))
    methods = by_method([r for r in drawn if not r["algorithm"].get("gold_standard")])
    counts = {method["method"]: method["n"] for method in read["methods"]}
    with_intervals = any(row["low"] is not None for row in read["rows"])
    for i, (name, runs) in enumerate(methods.items()):
        colour = COLOURS[i % len(COLOURS)]
        _curves(axes, runs, group, sides, colour)
        rows = [
            row
            for row in read["rows"]
            if row["method"] == name and row["mean"] is not None and (row["column"], row["group"]) == (sides[1], group)
        ]
        # Methods stand side by side at a level.
        shift = 0.8 * (i - (len(methods) - 1) / 2) if with_intervals else 0.0
        count = f", n = {counts[name]}" if max(counts.values()) > 1 else ""
        _means(axes, rows, shift, colour, MARKERS[i % len(MARKERS)], label(name) + count)
    _gold_standards(axes, [r for r in drawn if r["algorithm"].get("gold_standard")], group, sides)
    axes.set(xlim=(102, -2), ylim=(0, 102))
    plots.style(axes)


def _levels(axes: "Axes", levels: Sequence[float]) -> None:
    """Mark the levels of forgetting at which curves are read."""
    for level in levels:
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


def _curves(axes: "Axes", runs: Sequence[AnyRecord], group: str, sides: tuple[str, str], colour: str) -> None:
    """Draw one line per run; thin where a method has several."""
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


def _means(axes: "Axes", rows: Sequence[MatchedRow], shift: float, colour: str, marker: str, name: str) -> None:
    """Draw a method's mean and interval at each level; the legend shows colour and shape together, drawn or not."""
    means = [(row, row["mean"]) for row in rows if row["mean"] is not None]
    axes.errorbar(
        [100 * float(row["level"]) + shift for row, _ in means],
        [100 * mean for _, mean in means],
        yerr=[
            [100 * (mean - row["low"]) if row["low"] is not None else 0.0 for row, mean in means],
            [100 * (row["high"] - mean) if row["high"] is not None else 0.0 for row, mean in means],
        ],
        fmt=marker,
        markersize=7.5,
        color=colour,
        markeredgecolor="white",
        markeredgewidth=0.9,
        label=name,
        zorder=3,
    )


def _gold_standards(axes: "Axes", records: Records, group: str, sides: tuple[str, str]) -> None:
    for i, record in enumerate(records):
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
            label=label(record["algorithm"].get("name", "?")) if i == 0 else None,
        )


def _line(curve: Sequence[CurvePoint], group: str, sides: tuple[str, str]) -> tuple[list[float], list[float]]:
    """Return a curve's points in per cent; what is unknown is NaN. A column in no group is in each."""

    def share(point: CurvePoint, column: str) -> float:
        groups = groups_of(point, column)
        value = groups.get("" if set(groups) == {""} else group)
        return float("nan") if value is None else 100 * value

    return [share(point, sides[0]) for point in curve], [share(point, sides[1]) for point in curve]
