import numpy as np
import pytest
from artefacts import CONFIG, metrics
from drawing import refused, twice_the_same

from cogloat.reporting.figures.confusion import Panel, draw, panels_of
from cogloat.reporting.figures.style import style
from cogloat.results.confusion import write_confusion
from plot_confusion import main

pytestmark = pytest.mark.slow

NAMES = ("cat", "$dog$ & <b>", "a name of many letters")


def measured(method, seed, counts):
    """Return the metrics of a run on three digits."""
    counts = np.array(counts)
    hits, images = counts.diagonal(), counts.sum(axis=1)
    return metrics(
        dataset="digits",
        method=method,
        seed=seed,
        accuracy=100 * int(hits.sum()) / int(images.sum()),
        classes=NAMES,
        per_class=tuple((100 * hits / images).tolist()),
        class_counts=(60, 2, 30),
        group_sizes={"many": 1, "medium": 1, "few": 1},
    )


COUNTS = {
    ("ce", 0): [[4, 0, 0], [2, 2, 0], [1, 0, 3]],
    ("ce", 1): [[3, 1, 0], [4, 0, 0], [0, 0, 4]],
    ("kcl", 0): [[4, 0, 0], [0, 4, 0], [0, 0, 4]],
}
RUNS = [measured(*run, counts) for run, counts in COUNTS.items()]


def test_panel_shows_shares_of_the_classes_over_its_methods_seeds():
    counts = [np.array(own) for own in COUNTS.values()]
    ce, kcl = panels_of(RUNS, counts, {"ce": "CE", "kcl": "KCL"})
    assert ce.label == "CE"
    assert ce.accuracy == pytest.approx(100 * (9 + 7) / 24)
    assert ce.shares_CC.tolist() == [[87.5, 12.5, 0], [75, 25, 0], [12.5, 0, 87.5]]
    assert (kcl.accuracy, kcl.shares_CC.tolist()) == (100, (100 * np.eye(3)).tolist())


def drawn(classes, panels=1, sizes=None):
    """Return the first panel's axes, of classes of which the last were seen most."""
    shares = np.eye(classes)
    shares[0, 1] = 50
    names = tuple(f"n{label}" for label in range(classes))
    data = metrics(
        classes=names,
        per_class=(1.0,) * classes,
        class_counts=tuple(range(1, classes + 1)),
        group_sizes=sizes or {"many": classes, "medium": 0, "few": 0},
    )
    with style():
        figure = draw([Panel(str(number), 50.0, shares) for number in range(panels)], data, "T")
        figure.draw_without_rendering()
    return figure.axes


def test_classes_stand_by_their_training_images_and_keep_their_names():
    axes = drawn(3)[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["n2", "n1", "n0"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["n2", "n1", "n0"]
    assert axes.images[0].get_array()[2, 1] == 50


@pytest.mark.parametrize(
    ("sizes", "names", "places"),
    [
        ({"many": 10, "medium": 5, "few": 6}, ["many", "medium", "few"], [4.5, 12, 17.5]),
        ({"many": 20, "medium": 0, "few": 1}, ["many", "few"], [9.5, 20]),
    ],
)
def test_of_more_classes_the_groups_are_named_and_parted(sizes, names, places):
    axes = drawn(21, sizes=sizes)[0]
    assert [text.get_text() for text in axes.get_yticklabels()] == names
    assert axes.get_yticks().tolist() == places


@pytest.mark.parametrize("panels", [1, 2, 5, 14])
def test_every_method_has_a_panel_and_there_is_one_bar(panels):
    axes = drawn(10, panels=panels)
    assert [own.get_title() for own in axes] == [*map(str, range(panels)), ""]
    assert axes[-1].get_ylabel() == "Share of the class's test images (%)"


# --- the script ---


@pytest.fixture
def runs(tmp_path):
    for run, counts in zip(RUNS, COUNTS.values(), strict=True):
        folder = tmp_path / "runs" / run.method / str(run.seed)
        run.write(folder / "metrics.json")
        write_confusion(folder / "confusion.csv", run.classes, np.array(counts))
    return tmp_path / "runs"


def flags(folder):
    return {"metrics": sorted(folder.rglob("metrics.json")), "config": CONFIG}


@pytest.mark.slow
def test_figure_is_drawn(runs, tmp_path):
    files = twice_the_same(main, tmp_path, **flags(runs))
    assert sorted(files) == ["figure.pdf", "figure.png"]


def test_counts_that_are_not_of_the_run_are_refused(runs, tmp_path):
    path = runs / "kcl" / "0" / "confusion.csv"
    path.write_bytes((runs / "ce" / "0" / "confusion.csv").read_bytes())
    refused(main, tmp_path, f"{path}: its counts do not give the accuracies", **flags(runs))


def test_missing_counts_are_named(runs, tmp_path):
    path = runs / "kcl" / "0" / "confusion.csv"
    path.unlink()
    refused(main, tmp_path, f"{path}: no such file", **flags(runs))
