"""The points of tables: where they stand, and what is printed beside them."""

from pathlib import Path

import pandas as pd
import pytest
from artefacts import metrics
from drawing import refused, twice_the_same
from scripts import REPO

import plot_means
from cogloat.imbalance import title
from cogloat.reporting.figures.means import draw, read_points
from cogloat.reporting.groups import KEYS, groups_table
from cogloat.reporting.layout import to_csv
from cogloat.results.printed import NUMBERS

pytestmark = pytest.mark.slow

LABELS = {"kcl": "KCL", "ce": "CE"}
CONFIG = REPO / "config"


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    """The table of two methods on two sets, beside one printed number."""
    runs = [
        metrics(method=method, factor=factor, seed=seed, many=many + seed, accuracy=many)
        for method, many in (("kcl", 80.0), ("ce", 60.0))
        for factor in (100, 10)
        for seed in ((0, 1) if factor == 100 else (0,))
    ]
    row = {"group": "many", "method": "ce", "dataset": "cifar10", "factor": 10}
    printed = pd.DataFrame([row | {"mean": 59.5, "std": 0.1}], columns=[*KEYS, *NUMBERS])
    path = tmp_path / "groups.csv"
    path.write_text(to_csv(groups_table(runs, LABELS, printed, 0.95)))
    return path


@pytest.fixture
def times(tmp_path: Path) -> Path:
    path = tmp_path / "times.csv"
    path.write_text(
        "method,dataset,factor,label,rounds,mean,ratio,ratio_low,ratio_high,ratios,paper_ratio\n"
        "kcl,cifar10,100,KCL,0 1,12,1,1,1,1 1,\n"
        "kcl_proco,cifar10,100,ProCo,0 1,20,1.7,1.5,1.9,1.5 1.9,1.83\n"
    )
    return path


def drawn(axes) -> list[tuple[float, float, bool]]:
    """Return mean, height and whether it is hollow, of every point."""
    points = [line for line in axes.lines if line.get_marker() != "None"]
    return [
        (
            float(line.get_xdata()[0]),
            round(float(line.get_ydata()[0]), 3),
            line.get_markerfacecolor() == "none",
        )
        for line in points
    ]


def test_panel_is_a_group_and_a_point_stands_in_its_methods_line(groups):
    figure = draw(read_points(groups), {"cifar10": "CIFAR-10-LT"})
    panels = {axes.get_title(): axes for axes in figure.axes if axes.get_visible()}
    assert list(panels) == ["many", "medium", "all", "group mean", "all best on test"]
    many = panels["many"]
    assert [text.get_text() for text in many.get_yticklabels()] == ["KCL", "CE"]
    assert sorted(drawn(many)) == [
        (59.5, 1.2, True),
        (60, 1.2, False),
        (60.5, 0.8, False),
        (80, 0.2, False),
        (80.5, -0.2, False),
    ]
    assert many.get_ylim() == (1.5, -0.5)
    (legend,) = figure.legends
    names = {text.get_text() for text in legend.get_texts()}
    hundred, ten = (f"CIFAR-10-LT {title(factor)}" for factor in (100, 10))
    assert names == {hundred, ten, f"{ten}, paper"}


def test_interval_is_drawn_where_there_is_one(groups):
    many = draw(read_points(groups), {"cifar10": "A"}).axes[0]
    ends = [tuple(line.get_xdata()) for line in many.lines if len(line.get_xdata()) == 2]
    half = 12.706204736432095 * 0.5  # t of one degree of freedom, times the standard error
    assert ends == [pytest.approx((m - half, m + half)) for m in (80.5, 60.5)]


def test_times_are_ratios_with_their_quartiles(times):
    (axes,) = draw(read_points(times), {"cifar10": "A"}).axes
    assert sorted(drawn(axes)) == [(1, 0, False), (1.7, 1, False), (1.83, 1, True)]
    ends = [tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2]
    assert ends == [(1, 1), (1.5, 1.9)]


def test_files_are_the_same_each_time(groups, tmp_path):
    twice_the_same(plot_means.main, tmp_path, table=groups, config=CONFIG)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("method,dataset\n", "{path}: line 1: "),
        ("method,dataset,factor,label,mean\n", "{path}: the table has no line. Make the table ag"),
        ("method,dataset,factor,label,mean\nkcl,cifar10,100,KCL,x\n", "{path}: line 2: "),
        (
            "method,dataset,factor,label,mean\nkcl,cifar11,100,KCL,1\n",
            "dataset 'cifar11' is unknown",
        ),
    ],
)
def test_other_table_is_refused(tmp_path, text, message):
    path = tmp_path / "table.csv"
    path.write_text(text)
    told = message.format(path=path)
    refused(plot_means.main, tmp_path, told, table=path, config=CONFIG)
