"""The accuracy table: what stands in its cells, beside printed numbers or without."""

import csv
import json
import math
import statistics

import pytest
from artefacts import CONFIG, command_line, metrics
from markdown_it import MarkdownIt

from cogloat.errors import UserError
from cogloat.reporting import layout
from cogloat.reporting.accuracy import accuracy_table, sheets
from cogloat.results.printed import ACCURACY, read_printed
from tabulate_runs import main

PAPER = CONFIG / "paper" / "table2.csv"  # CoGloAT on CIFAR-10-LT, IF 100: 81.4; BCL: 84.3
LABELS = {"kcl": "KCL", "ce": "CE", "cogloat": "CoGloAT", "bcl": "BCL"}
FRAMEWORKS = dict.fromkeys(LABELS, "MoCo") | {"ce": "classifier", "bcl": "BCL"}
CE = {"method": "ce", "epochs": {"train": 200}, "augmentations": {"train": ("strong", "weak")}}


def table_of(runs, paper=PAPER, labels=LABELS):
    return accuracy_table(runs, labels, FRAMEWORKS, read_printed(paper, numbers=ACCURACY), 0.95)


def to_markdown(table, datasets):
    return layout.to_markdown(sheets(table, datasets, "my_classes.csv"))


def test_line_has_mean_deviation_and_difference_over_three_seeds():
    values = [77.0, 78.5, 76.1]
    runs = [
        metrics(method="cogloat", seed=seed, accuracy=value, best_accuracy=value + 1)
        for seed, value in enumerate(values)
    ]
    row = table_of(runs).iloc[0]
    assert row["mean"] == pytest.approx(statistics.mean(values))
    assert row["std"] == pytest.approx(statistics.stdev(values))
    assert row["best_mean"] == pytest.approx(statistics.mean(values) + 1)
    assert (row["paper_mean"], row["paper_std"], row["paper_epoch"]) == (81.4, 0.1, "unsaid")
    assert row["difference"] == pytest.approx(statistics.mean(values) - 81.4)
    assert row["difference_of"] == "last"
    assert (row["seeds"], row["values"]) == ("0 1 2", "77.0 78.5 76.1")
    assert (row["epochs"], row["label"], row["framework"]) == ("1000+200", "CoGloAT", "MoCo")
    assert (row["many"], row["medium"], row["group_mean"]) == (80, 70, 75)
    assert math.isnan(row["few"])


def test_difference_to_a_number_of_a_best_epoch_is_our_best_epochs():
    values = [84.0, 84.5]
    runs = [
        metrics(method="bcl", seed=seed, accuracy=value, best_accuracy=value + 0.25)
        for seed, value in enumerate(values)
    ]
    table = table_of(runs)
    row = table.iloc[0]
    assert (row["paper_mean"], row["paper_epoch"], row["difference_of"]) == (84.3, "best", "best")
    assert row["mean"] == 84.25
    assert row["difference"] == pytest.approx(84.5 - 84.3)
    text = to_markdown(table, {"cifar10": "C10"})
    assert "| 84.2 ± 0.4, best 84.5 (paper 84.3, best +0.2) |" in text
    assert "our best epoch's where the number is of a best epoch" in text


def held_out(**changes):
    return metrics(judged_by="validation", **{"validation_accuracy": 60.0} | changes)


def test_table_of_held_out_images_tells_nothing_of_the_test_set():
    runs = [held_out(), held_out(seed=1, validation_accuracy=62.0)]
    printed = read_printed(None, numbers=ACCURACY)
    table = accuracy_table(runs, LABELS, FRAMEWORKS, printed, 0.95, "validation")
    row = table.iloc[0]
    assert (row["images"], row["values"], row["mean"]) == ("validation", "60.0 62.0", 61)
    assert not {77, 78, 80, 70, 75}.intersection(row)
    text = to_markdown(table, {"cifar10": "C10"})
    assert "| 61.0 ± 1.4 |" in text
    assert "on the training part's images that are held out, last epoch; mean" in text
    assert "By class, on the test set: my_classes.csv" in text
    assert "77.0" not in text
    assert "best" not in text


def test_run_without_held_out_images_has_no_accuracy_on_them():
    printed = read_printed(None, numbers=ACCURACY)
    message = "kcl on cifar10 IF 100: seed 1 has no validation images. Hold some out"
    with pytest.raises(UserError, match=message):
        accuracy_table(
            [held_out(), metrics(seed=1)], LABELS, FRAMEWORKS, printed, 0.95, "validation"
        )


def test_every_printed_accuracy_says_of_which_epoch_it_is():
    printed = read_printed(PAPER, numbers=ACCURACY)
    epochs = printed.groupby("epoch")["method"].unique().map(set).to_dict()
    assert epochs == {
        "best": {"ldam", "ldam_drw", "m2m_ldam", "paco", "bcl", "kcl_inbatch", "tsc_inbatch"},
        "unsaid": {"ce", "cb_ce", "focal", "ce_drw", "cogloat", "cogloat_proco"},
    }


def test_column_says_that_the_last_epoch_counts_and_so_does_the_legend():
    table = table_of([metrics()])
    assert list(table["epoch"]) == ["last"]
    assert "on the full test set, last epoch;" in to_markdown(table, {"cifar10": "C10"})


@pytest.mark.parametrize(
    ("stages", "shown"),
    [
        ({"pretrain": ("contrastive",), "finetune": ("weak",)}, "contrastive+weak"),
        ({"pretrain": ("tilt",), "finetune": ("tilt",)}, "tilt"),
        ({"train": ("strong", "weak")}, "strong/weak"),
        ({"train": ("tilt", "tilt")}, "tilt"),
        ({"pretrain": ("tilt", "tilt"), "finetune": ("tilt",)}, "tilt"),
        ({"pretrain": ("strong", "weak"), "finetune": ("weak",)}, "strong/weak+weak"),
    ],
)
def test_augmentation_is_named_once_where_all_stages_have_the_same(stages, shown):
    assert table_of([metrics(augmentations=stages)])["augmentation"][0] == shown


def test_rows_and_columns_keep_the_order_they_come_in():
    runs = [
        metrics(dataset=dataset, seed=seed, **method)
        for dataset in ("cifar100", "cifar10")
        for method in ({}, CE)
        for seed in (1, 0)
    ]
    table = table_of(runs, paper=None)
    assert list(table["method"]) == ["kcl", "ce", "kcl", "ce"]
    lines = to_markdown(table, {"cifar10": "C10", "cifar100": "C100"}).splitlines()
    assert lines[0] == "| Method | Framework | Epochs | Augmentation | C100 IF 100 | C10 IF 100 |"
    assert lines[2].startswith("| KCL | MoCo |")
    cell = "77.0 ± 0.0, best 78.0"
    assert lines[3] == f"| CE | classifier | 200 | strong/weak | {cell} | {cell} |"


def test_markup_in_a_label_or_a_name_tears_no_table():
    labels = {"kcl": "K|C`L <b>", "ce": "*CE*\nof [me](x)"}
    runs = [metrics(dataset="x_ |y|"), metrics(**CE, dataset="x_ |y|")]
    table = table_of(runs, paper=None, labels=labels)
    text = to_markdown(table, {"x_ |y|": "a | b"})
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    *cells, legend = [token.children or [] for token in tokens if token.type == "inline"]
    shown = ["".join(child.content for child in children) for children in cells]
    cell = "77.0, best 78.0"
    assert shown[4::5] == ["a | b IF 100", cell, cell]
    assert shown[5::5] == ["K|C`L <b>", "*CE* of [me](x)"]
    kinds = {child.type for children in (*cells, legend) for child in children}
    assert kinds <= {"text", "text_special"}
    assert "x_ |y| IF 100" in "".join(child.content for child in legend)


def test_legend_says_what_an_interval_is_over():
    legend = to_markdown(table_of([metrics(), metrics(seed=1)]), {"cifar10": "C10"})
    assert "mean over training seeds 0 1 of one long-tailed subset" in legend
    assert "over such seeds and not over subsets" in legend
    assert "By class: my_classes.csv." in legend
    assert f"Subsets (SHA-256): cifar10 IF 100: {'a' * 12}." in legend


def test_one_seed_has_no_deviation_and_the_legend_says_so():
    table = table_of([metrics(method="cogloat")])
    assert math.isnan(table["std"][0])
    text = to_markdown(table, {"cifar10": "CIFAR-10-LT"})
    assert "training seed 0 of one long-tailed subset: no deviation, no interval" in text
    cell = "77.0, best 78.0 (paper 81.4, -4.4)"
    assert f"| CoGloAT | MoCo | 1000+200 | contrastive+weak | {cell} |" in text


@pytest.mark.parametrize(
    ("change", "how"),
    [
        ({"epochs": {"pretrain": 10, "finetune": 200}}, "for different numbers of epochs"),
        (
            {"augmentations": {"pretrain": ("strong",), "finetune": ("weak",)}},
            "with different augmentations",
        ),
    ],
)
def test_seeds_trained_otherwise_are_refused(change, how):
    with pytest.raises(UserError, match=f"kcl on cifar10 IF 100: the runs were trained {how}"):
        table_of([metrics(), metrics(seed=1, **change)])


# --- the script ---


def tabulate(folder, runs, **more):
    files = []
    for run in runs:
        files.append(folder / "runs" / f"{run.method}{run.seed}.json")
        run.write(files[-1])
    outputs = {
        "output": folder / "my_table.csv",
        "markdown": folder / "my_table.md",
        "classes": folder / "my_table_classes.csv",
        "means": folder / "my_table.json",
    }
    main(command_line(metrics=files, config=CONFIG, **outputs, **more))
    with outputs["output"].open() as file:
        return list(csv.DictReader(file)), outputs["markdown"].read_text()


def test_no_deviation_is_rounded_to_none(tmp_path):
    runs = [metrics(seed=seed, accuracy=77.0 + seed * 1e-6) for seed in (0, 1)]
    (row,), _ = tabulate(tmp_path, runs, printed=PAPER)
    assert float(row["std"]) == statistics.stdev([77.0, 77.0 + 1e-6])
    assert [float(value) for value in row["values"].split()] == [77.0, 77.0 + 1e-6]


def test_printed_numbers_stand_beside_ours_where_there_are_some(tmp_path):
    runs = [metrics(method="cogloat"), metrics(method="balanced_softmax"), metrics(method="paco")]
    rows, text = tabulate(tmp_path, runs, printed=PAPER)
    assert [row["paper_mean"] for row in rows] == ["81.4", "", ""]
    assert [row["difference"] for row in rows] == [repr(77.0 - 81.4), "", ""]
    assert [row["difference_of"] for row in rows] == ["last", "", ""]
    assert [row["framework"] for row in rows] == ["MoCo", "classifier", "PaCo"]
    assert text.count("(paper ") == 1


def test_table_without_printed_numbers_names_no_paper(tmp_path):
    (row,), text = tabulate(tmp_path, [metrics()])
    assert (row["paper_mean"], row["paper_std"], row["difference"]) == ("", "", "")
    assert "paper" not in text
    assert "| KCL | MoCo | 1000+200 | contrastive+weak | 77.0, best 78.0 |" in text


def test_columns_are_the_same_with_and_without_printed_numbers(tmp_path):
    (one,), _ = tabulate(tmp_path, [metrics()], printed=PAPER)
    (other,), _ = tabulate(tmp_path, [metrics()])
    assert list(one) == list(other)


def test_means_have_two_digits(tmp_path):
    tabulate(tmp_path, [metrics(accuracy=200 / 3)])
    assert json.loads((tmp_path / "my_table.json").read_text()) == {"kcl": {"cifar10_if100": 66.67}}


def test_confidence_is_that_of_the_command_line(tmp_path):
    runs = [metrics(), metrics(seed=1, accuracy=78.0)]
    widths = [
        float(tabulate(tmp_path, runs, confidence=confidence)[0][0]["interval"])
        for confidence in (0.5, 0.95)
    ]
    assert widths == pytest.approx([0.5, 6.353], rel=1e-3)  # t is 1 and 12.706


def test_accuracies_by_class_are_beside_the_table(tmp_path):
    tabulate(tmp_path, [metrics(), metrics(seed=1, per_class=(81.0, 60.0))])
    with (tmp_path / "my_table_classes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["class"], row["mean"], row["seeds"]) for row in rows] == [
        ("cat", "80.5", "0 1"),
        ("dog", "65.0", "0 1"),
    ]
    assert "By class: my_table_classes.csv." in (tmp_path / "my_table.md").read_text()


@pytest.mark.parametrize("text", ["{", "[]", '{"method": "kcl"}'])
def test_damaged_metrics_are_named_and_nothing_is_written(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    arguments = command_line(
        metrics=tmp_path / "metrics.json",
        config=CONFIG,
        output=tmp_path / "table.csv",
        markdown=tmp_path / "table.md",
        classes=tmp_path / "table_classes.csv",
        means=tmp_path / "table.json",
    )
    with pytest.raises(UserError, match=r"metrics\.json: .* Evaluate the run again\."):
        main(arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]
