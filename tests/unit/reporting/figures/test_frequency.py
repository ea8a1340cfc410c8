import json

import numpy as np
import pytest
from artefacts import CONFIG, COUNTS, metrics
from drawing import refused, twice_the_same

from cogloat.reporting.figures.frequency import panels_of, running_mean
from plot_frequency import main

pytestmark = pytest.mark.slow


def measured(method, seed, n):
    """Return the metrics of a run on the digits; n makes runs differ."""
    return metrics(
        dataset="digits",
        factor=60,
        method=method,
        seed=seed,
        accuracy=50.0 + n,
        classes=tuple("abcdefghij"),
        group_sizes={"many": 2, "medium": 5, "few": 3},
        class_counts=COUNTS,
        per_class=tuple(30.0 + count + n for count in COUNTS),
    )


RUNS = [measured("ce", 0, 0), measured("ce", 1, 1), measured("kcl", 0, 2), measured("kcl", 1, 3)]


def test_running_mean_takes_in_half_to_twice_as_many_images():
    counts = np.array([8, 4, 4, 2, 1])
    found, means = running_mean(counts, np.array([80.0, 40.0, 60.0, 20.0, 0.0]))
    assert found.tolist() == [1, 2, 4, 8]
    assert means.tolist() == [10, 30, 50, 60]


def test_panel_shows_means_over_its_methods_seeds():
    panels = panels_of(RUNS, {"ce": "CE", "kcl": "KCL"})
    assert [(panel.label, panel.accuracy) for panel in panels.values()] == [
        ("CE", 50.5),
        ("KCL", 52.5),
    ]
    assert panels["kcl"].classes_C.tolist() == [30 + count + 2.5 for count in COUNTS]


# --- the script ---


@pytest.fixture
def runs(tmp_path):
    for run in RUNS:
        run.write(tmp_path / "metrics" / run.method / f"{run.seed}.json")
    return tmp_path / "metrics"


def flags(folder, **changed):
    files = sorted(folder.rglob("*.json"))
    return {"metrics": files, "config": CONFIG, "reference": "ce"} | changed


def test_figure_is_drawn(runs, tmp_path):
    files = twice_the_same(main, tmp_path, **flags(runs))
    assert sorted(files) == ["figure.pdf", "figure.png"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factor": 100}, "dataset: digits IF 100, but {first} is of digits IF 60"),
        ({"dataset": "cifar10"}, "dataset: cifar10 IF 60, but {first} is of digits IF 60"),
        ({"class_counts": COUNTS[::-1]}, "class_counts: not those of {first}"),
        ({"classes": list("jihgfedcba")}, "classes: not those of {first}"),
        ({"per_class": [1.0]}, "the file: classes, per_class and class_counts are not of equally"),
        ({"per_class": [101.0] * 10}, "per_class.0: Input should be less than or equal to 100"),
        ({"seed": 0}, "seed: kcl seed 0 is {twin} too"),
    ],
)
def test_mixed_or_damaged_metrics_are_refused(runs, tmp_path, change, message):
    path = runs / "kcl" / "1.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    message = message.format(first=runs / "ce" / "0.json", twin=runs / "kcl" / "0.json")
    refused(main, tmp_path, f"{path}: {message}", **flags(runs))


def test_reference_without_a_run_is_refused(runs, tmp_path):
    message = "--reference kcll: none of the runs is of it. Did you mean 'kcl'?"
    refused(main, tmp_path, message, **flags(runs, reference="kcll"))
