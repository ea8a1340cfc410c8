"""How the project's figures look and how they are saved. Imports no torch, and not pyplot."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

from cogloat.files import write_atomically

# Okabe and Ito's colours, which the colour-blind tell apart; without yellow, too faint on white
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")  # 8, prime to 7 colours: 56 different pairs
GREY = "#B5B5B5"  # what stands behind
WIDTH = 7.0  # inches, of a page's text
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib
    "font.size": 8,
    "text.parse_math": False,  # a title's dollar is a dollar
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "figure.titlesize": 8,
    "figure.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "lines.linewidth": 1.3,
    "legend.frameon": False,
    "legend.title_fontsize": 8,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.07,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,  # text stays text
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the project's style, whatever matplotlibrc says; the old settings come back."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


def colour(position: int) -> str:
    """Return the colour of the n-th thing in a figure; after the last comes the first."""
    return PALETTE[position % len(PALETTE)]


def marker(position: int) -> str:
    """Return the marker of the n-th thing in a figure; after the last comes the first."""
    return MARKERS[position % len(MARKERS)]


def save(figure: Figure, pdf: Path, png: Path) -> None:
    """Write a figure twice, atomically; both are drawn before the first is written.

    The same figure, drawn by the same version of matplotlib, gives the same bytes.

    Raises:
        OSError: if a file cannot be written.
    """
    undated: dict[str, dict[str, Any]] = {
        "pdf": {"CreationDate": None},
        "png": {"Software": None},
    }
    drawn = {kind: _draw(figure, kind, metadata) for kind, metadata in undated.items()}
    for path, data in ((pdf, drawn["pdf"]), (png, drawn["png"])):
        write_atomically(path, lambda file, data=data: file.write(data))  # type: ignore[misc]


def shortened(text: str, letters: int) -> str:
    """Return a text of at most so many letters; of a longer one, the beginning."""
    return text if len(text) <= letters else f"{text[: letters - 1].rstrip()}…"


def count_axis(axes: Axes, counts: Iterable[int]) -> None:
    """Give the horizontal axis a logarithmic scale for numbers of training images."""
    lowest, highest = min(counts), max(counts)
    axes.set_xscale("log")
    axes.set_xlim(lowest / 1.3, highest * 1.3)
    if lowest == highest:
        axes.set_xticks([lowest])
    else:
        subs = (1,) if highest >= 50 * lowest else (1, 2, 5)
        axes.xaxis.set_major_locator(LogLocator(subs=subs))
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw(figure: Figure, kind: str, metadata: dict[str, Any]) -> bytes:
    data = io.BytesIO()
    figure.savefig(data, format=kind, metadata=metadata)
    return data.getvalue()
