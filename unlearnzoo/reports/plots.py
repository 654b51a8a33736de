"""One style for all pictures: colours, labels that matplotlib draws as they are, and files written whole."""

import io
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import OptionError, RunError
from ..storage.atomic import atomic_write
from ..terminal import printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Okabe & Ito (2008): told apart by colour-blind readers; its yellow is too pale for a line.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX"
SUFFIXES = ("png", "svg", "pdf")
GREY = "#777777"
_GRID = "#e5e5e5"


def check_suffix(path: Path) -> None:
    """Refuse a name that says no format that can be drawn.

    Raises:
        OptionError: the suffix is none of png, svg, pdf.
    """
    if _suffix(path) not in SUFFIXES:
        raise OptionError(f"--plot {path}: end the name in .{', .'.join(SUFFIXES)}")


def figure(width: float, height: float) -> "Figure":
    """Return an empty figure.

    Args:
        width: in inches.
        height: in inches.

    Raises:
        RunError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise RunError("pictures need matplotlib: pip install 'unlearnzoo[plot]'") from None
    return Figure(figsize=(width, height), layout="constrained")


def style(axes: "Axes", grid: Literal["y", "both"] = "y") -> None:
    """Leave out what is no number: the frame's upper and right side; put a light grid behind the rest."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def label(text: str, keep: str = "") -> str:
    """Return a label that matplotlib draws as it is: no formulas, no hidden entries.

    Args:
        text: the label; an empty one stays empty.
        keep: unprintable characters to keep, such as line breaks.
    """
    return printable(text, keep).replace("\\", "/").replace("$", r"\$").lstrip("_") or ("?" if text else " ")


def save(drawn: "Figure", path: Path, dpi: int = 150) -> None:
    """Write a figure in the format that the file's suffix says, as a whole or not at all.

    Raises:
        RunError: the file cannot be written.
    """
    buffer = io.BytesIO()
    drawn.savefig(buffer, format=_suffix(path), dpi=dpi)
    atomic_write(path, buffer.getvalue())


def _suffix(path: Path) -> str:
    return path.suffix.lower().lstrip(".")
