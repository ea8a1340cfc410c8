"""The features table: which convention stands beside printed numbers, and the others in a file."""

import csv
import statistics

import pytest
from artefacts import CONFIG, command_line

from cogloat.errors import UserError
from cogloat.reporting.features import KEYS, MEASURES, every_measure, feature_table
from cogloat.results.features import Features, Measures
from cogloat.results.printed import read_printed
from cogloat.runs.collections import FeatureConvention
from tabulate_features import main

PAPER = CONFIG / "paper" / "table1.csv"
LABELS = {"kcl": "KCL", "cogloat_proco": "CoGloAT + ProCo"}
CHOSEN = {"images": "train", "space": "projection", "pairs": "unordered"}


def measured(method="kcl", seed=0, shift=0.0, **changes):
    """Every number is another one, so that none can stand for another."""
    numbers = iter(range(1, 100))
    sets = {
        images: {
            space: {name: next(numbers) / 100 + shift for name in Measures.model_fields}
            for space in ("projection", "backbone")
        }
        for images in ("train", "test")
    }
    run = {"method": method, "dataset": "cifar10", "factor": 100, "seed": seed}
    return Features.model_validate({**run, "split_sha256": "a" * 64, **sets, **changes})


def without_improved(run):
    """Return a run in whose projections of the training images no class has a spread."""
    undefined = run.train.projection.model_copy(update={"improved_inter": None})
    train = run.train.model_copy(update={"projection": undefined})
    return run.model_copy(update={"train": train})


def table_of(runs, **chosen):
    convention = FeatureConvention(**CHOSEN | chosen)
    return feature_table(every_measure(runs, 0.95), convention, LABELS, read_printed(PAPER, KEYS))


@pytest.mark.parametrize(
    ("chosen", "intra"),
    [
        ({}, 0.02),
        ({"pairs": "ordered"}, 0.01),
        ({"space": "backbone"}, 0.09),
        ({"images": "test"}, 0.16),
        ({"images": "test", "space": "backbone", "pairs": "ordered"}, 0.22),
    ],
)
def test_the_convention_decides_which_number_stands_beside_the_printed_one(chosen, intra):
    table = table_of([measured()], **chosen).set_index("metric")
    assert list(table.index) == list(MEASURES)
    assert table.loc["intra", "mean"] == pytest.approx(intra)
    assert table.loc["intra", "paper_mean"] == 0.43
    assert table.loc["intra", "difference"] == pytest.approx(intra - 0.43)
    assert table.loc["variance", "paper_mean"] == 0.65


def test_line_has_the_seeds_their_values_mean_and_deviation():
    shifts = [0.0, 0.1, 0.5]
    row = table_of([measured(seed=2 - n, shift=shift) for n, shift in enumerate(shifts)]).iloc[0]
    values = [0.02 + shift for shift in reversed(shifts)]
    assert row["seeds"] == "0 1 2"
    assert [float(value) for value in row["values"].split()] == values
    assert row["mean"] == pytest.approx(statistics.mean(values))
    assert row["std"] == pytest.approx(statistics.stdev(values))


def test_methods_stand_side_by_side_for_each_measure():
    table = table_of([measured("kcl"), measured("cogloat_proco")])
    assert list(table["method"]) == ["kcl", "cogloat_proco"] * len(MEASURES)
    assert list(table["label"])[:2] == ["KCL", "CoGloAT + ProCo"]


def test_measure_that_is_not_defined_is_left_out():
    table = table_of([without_improved(measured())])
    assert set(MEASURES) - set(table["metric"]) == {"improved_inter"}


def test_measure_counts_the_seeds_in_which_it_is_defined():
    table = table_of([without_improved(measured()), measured(seed=1)]).set_index("metric")
    assert (table.loc["intra", "seeds"], table.loc["improved_inter", "seeds"]) == ("0 1", "1")
    assert table.loc["improved_inter", "values"] == "0.05"


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (measured(), "seed 0 is there twice"),
        (measured(seed=1, split_sha256="b" * 64), "the runs are of different subsets"),
    ],
)
def test_runs_that_are_not_seeds_of_one_subset_are_refused(other, message):
    with pytest.raises(UserError, match=message):
        every_measure([measured(), other], 0.95)


# --- the script ---


def tabulate(folder, *runs, **more):
    files = []
    for run in runs:
        files.append(folder / "runs" / f"{run.method}{run.seed}.json")
        run.write(files[-1])
    main(
        command_line(
            features=files,
            config=CONFIG,
            output=folder / "spaces.csv",
            conventions=folder / "spaces_conventions.csv",
            markdown=folder / "spaces.md",
            **CHOSEN,
            **more,
        )
    )
    return (folder / "spaces.md").read_text()


def test_script_writes_the_table_and_every_convention(tmp_path):
    text = tabulate(tmp_path, measured(), printed=PAPER)
    assert "| Intra alignment | KCL | 0.02 (paper 0.43, -0.41) |" in text
    with (tmp_path / "spaces_conventions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * len(Measures.model_fields)
    assert {row["metric"] for row in rows} == set(Measures.model_fields)


def test_legend_names_the_convention_the_subset_and_the_file_of_the_others(tmp_path):
    text = tabulate(tmp_path, measured(), measured(seed=1), printed=PAPER)
    assert "Features of the training images, space: projection; unordered pairs" in text
    assert "training seeds 0 1 of one long-tailed subset" in text
    assert "Other conventions: spaces_conventions.csv." in text


def test_table_without_printed_numbers_names_no_paper(tmp_path):
    text = tabulate(tmp_path, measured())
    assert "paper" not in text
    assert "| Intra alignment | KCL | 0.02 |" in text
    with (tmp_path / "spaces.csv").open() as file:
        assert {row["paper_mean"] for row in csv.DictReader(file)} == {""}


def test_no_deviation_is_rounded_to_none(tmp_path):
    tabulate(tmp_path, measured(), measured(seed=1, shift=1e-5), printed=PAPER)
    with (tmp_path / "spaces.csv").open() as file:
        deviations = [float(row["std"]) for row in csv.DictReader(file)]
    assert deviations == pytest.approx([1e-5 / 2**0.5] * len(MEASURES))


def test_confidence_is_that_of_the_command_line(tmp_path):
    tabulate(tmp_path, measured(), measured(seed=1, shift=1.0), confidence=0.5)
    with (tmp_path / "spaces.csv").open() as file:
        widths = [float(row["interval"]) for row in csv.DictReader(file)]
    assert widths == pytest.approx([0.5] * len(MEASURES))  # t is 1


@pytest.mark.parametrize("text", ["{", "[]", '{"train": 3}'])
def test_damaged_measures_are_named_and_nothing_is_written(tmp_path, text):
    (tmp_path / "features.json").write_text(text)
    arguments = command_line(
        features=tmp_path / "features.json",
        config=CONFIG,
        output=tmp_path / "table1.csv",
        conventions=tmp_path / "conventions.csv",
        markdown=tmp_path / "table1.md",
        **CHOSEN,
    )
    with pytest.raises(UserError, match=r"features\.json: .* Measure the run again\."):
        main(arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["features.json"]
