"""The pictures of a diagnosis, of one or of several beside each other: ReMem's figures 1, 2 and 5.

Each diagnosis has a label; the Real Set is drawn once, from the first that has one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unlearnzoo import parquet_batches
from unlearnzoo.reports import plots
from unlearnzoo.reports.plots import COLOURS, GREY, MARKERS
from unlearnzoo_diagnose.pairs import EXCHANGED_IN_WORDS, GROUPS
from unlearnzoo_diagnose.people import REAL, TAUGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TITLES = {"hidden": "layer output", "mlp": "MLP output", "attention": "attention output"}
Diagnoses = Mapping[str, Mapping[str, Any]]


def names(path: Path, found: Diagnoses) -> None:
    """Draw Min-k % against inverse perplexity, one point per person.

    Raises:
        RunError: the file cannot be written.
    """
    figure = plots.figure(5.6, 4.4)
    axes = figure.subplots()
    for i, (label, points) in enumerate(_points(found).items()):
        axes.scatter(
            [x for x, _ in points],
            [y for _, y in points],
            s=34,
            color=COLOURS[i % len(COLOURS)],
            marker=MARKERS[i % len(MARKERS)],
            alpha=0.75,
            linewidths=0,
            clip_on=False,
            label=f"{plots.label(label)} ({len(points)} people)",
        )
    options = next(iter(found.values()))["options"]
    k, mean = format(options["k"], "g"), "geometric mean " * options.get("geometric", False)
    axes.set(
        xlim=(-2, 102),
        ylim=(-2, 102),
        xlabel="inverse perplexity of the name (%)",
        ylabel=f"Min-{k} % {mean}probability of the name (%)",
    )
    axes.set_title("Is the name known? One point per person", fontsize=11)
    _plain(axes)
    axes.legend(frameon=False, loc="upper left")
    plots.save(figure, path, dpi=110)


def _points(found: Diagnoses) -> dict[str, list[tuple[float, float]]]:
    """Return label → (inverse perplexity, Min-k) of each person, means over their images, per cent."""
    points: dict[str, list[tuple[float, float]]] = {}
    for label, one in found.items():
        file = Path(one["folder"]) / "names.parquet"
        rows = [row for batch in parquet_batches(file) for row in batch.to_pylist()]
        first = next(iter(dict.fromkeys(r["model"] for r in rows)))
        for name, model, kind in ((f"Real Set, {first}", first, REAL), (f"{label}, target", "target", TAUGHT)):
            mine: dict[str, list[Mapping[str, Any]]] = {}
            for r in rows:
                if (r["model"], r["set"]) == (model, kind):
                    mine.setdefault(r["identity"], []).append(r)
            if mine and (kind != REAL or name not in points):
                points[name] = [(100 * _mean(m, "inverse_perplexity"), 100 * _mean(m, "min_k")) for m in mine.values()]
    return points


def _mean(rows: "list[Mapping[str, Any]]", name: str) -> float:
    return sum(row[name] for row in rows) / len(rows)


def traces(path: Path, found: Diagnoses, exchanged: str | None = None) -> None:
    """Draw heat maps of the indirect effect: a row per model and what was exchanged, a column per kind of state.

    Args:
        path: what to write.
        found: with traces.
        exchanged: only where this was.

    Raises:
        RunError: the file cannot be written.
    """
    rows: dict[str, dict[str, Mapping[str, Any]]] = {}
    for label, one in found.items():
        for trace in one["traces"]:
            real = trace["set"] == REAL
            name = f"{'Real Set' if real else label}, {trace['model']}"
            if exchanged is None:
                name = "\n".join([name, *EXCHANGED_IN_WORDS[trace["exchanged"]].split(", ")])
            if exchanged in (None, trace["exchanged"]) and (not real or one is _first(found)):
                rows.setdefault(name, {})[trace["kind"]] = trace
    kinds = list(dict.fromkeys(kind for row in rows.values() for kind in row))
    top = max(max(map(abs, values)) for row in rows.values() for t in row.values() for values in t["ie"].values())
    scale = 100 * max(top, 0.01)
    figure = plots.figure(1.8 + 2.6 * len(kinds), 0.9 + 1.35 * len(rows))
    panels = figure.subplots(len(rows), len(kinds), squeeze=False, sharex=True, sharey=True)
    image: Any = None
    for line, (name, row) in zip(panels, rows.items(), strict=True):
        for axes, kind in zip(line, kinds, strict=True):
            image = axes.imshow(
                [[100 * x for x in row[kind]["ie"][g]] for g in GROUPS],
                cmap="RdBu_r",
                vmin=-scale,
                vmax=scale,
                aspect="auto",
            )
            axes.set_yticks(range(len(GROUPS)), GROUPS, fontsize=8)
            _layers(axes, len(row[kind]["ie"][GROUPS[0]]))
        line[0].set_ylabel(plots.label(name, keep="\n"), fontsize=8)
    for axes, kind in zip(panels[0], kinds, strict=True):
        axes.set_title(TITLES[kind], fontsize=10)
    for axes in panels[-1]:
        axes.set_xlabel("layer", fontsize=9)
    figure.colorbar(
        image, ax=panels, shrink=min(1, 2.2 / len(rows)), label="IE: gain of the answer's\nprobability (points)"
    )
    plots.save(figure, path, dpi=110)


def _layers(axes: "Axes", depth: int) -> None:
    step = max(1, depth // 8)
    shown = range(0, depth, step)
    axes.set_xticks(shown, [str(i + 1) for i in shown], fontsize=8)


def _first(found: Diagnoses) -> Mapping[str, Any]:
    """Return the first diagnosis that traced a Real Set."""
    return next((one for one in found.values() if any(t["set"] == REAL for t in one["traces"])), {})


def answers(path: Path, found: Diagnoses) -> None:
    """Draw what was memorised as bars: ROUGE and EM of the questions that were taught (ReMem's figure 1).

    Raises:
        RunError: the file cannot be written.
    """
    figure = plots.figure(5.6, 3.6)
    axes = figure.subplots()
    taught = {label: rows_of(one, one["gate"][0]["split"]) for label, one in found.items()}
    metrics = list(dict.fromkeys(name for row in taught.values() for name in row))
    width = 0.8 / max(1, len(metrics))
    for i, metric in enumerate(metrics):
        x = [n + (i - (len(metrics) - 1) / 2) * width for n in range(len(taught))]
        bars = axes.bar(
            x,
            [100 * row[metric] for row in taught.values()],
            width * 0.92,
            color=COLOURS[i],
            label=plots.label(metric.rpartition("/")[2].upper()),
        )
        axes.bar_label(bars, fmt="%.0f", fontsize=8, padding=2)
    axes.set_xticks(range(len(taught)), [plots.label(label) for label in taught], fontsize=9)
    axes.set(ylim=(0, 109), ylabel="taught questions (%)")
    axes.set_title("What stage 1 memorised", fontsize=11)
    _plain(axes)
    axes.legend(frameon=False, loc="upper right", ncols=len(metrics))
    plots.save(figure, path, dpi=110)


def rows_of(one: Mapping[str, Any], split: str) -> dict[str, float]:
    """Return metric → mean of the target over all hops of a split."""
    sums: dict[str, tuple[float, int]] = {}
    for r in one["memorised"]:
        if r["model"] == "target" and r["split"] == split and r["n"]:
            total, n = sums.get(r["metric"], (0.0, 0))
            sums[r["metric"]] = total + r["mean"] * r["n"], n + r["n"]
    return {metric: total / n for metric, (total, n) in sums.items()}


def _plain(axes: "Axes") -> None:
    plots.style(axes, "both")
    axes.tick_params(color=GREY)
