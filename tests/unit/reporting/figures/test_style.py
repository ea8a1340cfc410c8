"""How every figure looks and is saved, and what the scripts that draw have in common."""

import importlib
import subprocess
import sys

import matplotlib
import pytest
from matplotlib.figure import Figure
from scripts import REPO

from cogloat.reporting.figures.style import (
    MARKERS,
    PALETTE,
    colour,
    count_axis,
    marker,
    save,
    shortened,
    style,
)

pytestmark = pytest.mark.slow


def drawn():
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2, 3], label="costs $5 or $10")
    axes.set_title("τ against n")
    axes.legend()
    return figure


def test_same_figure_gives_the_same_bytes_whatever_the_users_settings(tmp_path):
    for name, size in (("a", 8), ("b", 20)):
        with matplotlib.rc_context({"font.size": size, "lines.linewidth": size}), style():
            save(drawn(), tmp_path / f"{name}.pdf", tmp_path / f"{name}.png")
    for kind in ("pdf", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_files_hold_no_date_and_text_is_text(tmp_path):
    with style(), matplotlib.rc_context({"pdf.compression": 0}):
        save(drawn(), tmp_path / "a.pdf", tmp_path / "a.png")
    pdf, png = (tmp_path / "a.pdf").read_bytes(), (tmp_path / "a.png").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"CreationDate" not in pdf
    assert b"/FontFile2" in pdf  # TrueType, embedded
    assert b"/Type3" not in pdf
    assert png.startswith(b"\x89PNG")
    assert b"Software" not in png


def test_figure_that_cannot_be_drawn_leaves_the_old_files(tmp_path):
    (tmp_path / "a.pdf").write_text("old")
    figure = drawn()
    figure.draw = lambda renderer: 1 / 0
    with pytest.raises(ZeroDivisionError), style():
        save(figure, tmp_path / "a.pdf", tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pdf"]
    assert (tmp_path / "a.pdf").read_text() == "old"


def test_style_ends_with_its_block():
    before = dict(matplotlib.rcParams)
    with style():
        assert matplotlib.rcParams["pdf.fonttype"] == 42
    assert dict(matplotlib.rcParams) == before


def test_56_things_differ_in_colour_or_marker():
    several = len(PALETTE) * len(MARKERS)
    assert len({(colour(n), marker(n)) for n in range(several)}) == several == 56


@pytest.mark.parametrize(
    ("text", "shown"), [("", ""), ("horse", "horse"), ("horses", "hors…"), ("a bc d", "a bc…")]
)
def test_text_of_more_letters_is_cut(text, shown):
    assert shortened(text, 5) == shown


@pytest.mark.parametrize("counts", [[500, 50, 5], [20, 10, 8], [7, 7, 7], [60, 1]])
def test_axis_of_counts_has_a_tick_and_no_powers(counts):
    with style():
        figure = Figure()
        axes = figure.subplots()
        count_axis(axes, counts)
        figure.draw_without_rendering()
        low, high = axes.get_xlim()
        texts = [
            label.get_text()
            for tick, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
            if low <= tick <= high
        ]
        minor = [label.get_text() for label in axes.get_xticklabels(minor=True)]
    assert texts
    assert all(float(text) == int(text) for text in texts)
    assert not any(minor)


# --- the scripts ---


@pytest.mark.parametrize("script", ["plot_frequency", "plot_confusion", "plot_curves"])
def test_script_starts_where_torch_is_not_installed(script):
    code = f"import sys; sys.modules['torch'] = None; import {script}"
    subprocess.run([sys.executable, "-c", code], cwd=REPO / "src", check=True)


@pytest.mark.parametrize("name", ["embedding", "frequency", "confusion", "curves", "temperatures"])
def test_help_has_an_example(name, capsys):
    with pytest.raises(SystemExit):
        importlib.import_module(f"plot_{name}").main(["--help"])
    assert f"python src/plot_{name}.py" in capsys.readouterr().out
