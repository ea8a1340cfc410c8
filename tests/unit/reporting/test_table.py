import json
import math
import statistics

import pandas as pd
import pytest
from scripts import REPO, run

from cogloat.errors import UserError
from cogloat.reporting.table import PRINTED, accuracy_table, to_csv, to_markdown

PAPER = pd.DataFrame([["kcl", "cifar10", 100, 77.6, None]], columns=PRINTED)
LABELS = {"kcl": "KCL", "ce": "CE"}


def measured(method="kcl", dataset="cifar10", seed=0, accuracy=77.0, **changes):
    known = {
        "many": 80.0,
        "medium": 70.0,
        "few": None,
        "group_mean": 75.0,
        "split_sha256": "a" * 64,
    }
    stages = {"pretrain": 1000, "finetune": 200} if method == "kcl" else {"train": 200}
    views = {"pretrain": ["contrastive"], "finetune": ["weak"]}
    views = views if method == "kcl" else {"train": ["strong", "weak"]}
    return {
        **{"method": method, "dataset": dataset, "factor": 100, "seed": seed, "epochs": stages},
        **{"augmentations": views, "accuracy": accuracy, "best_accuracy": accuracy + 1},
        **known,
        **changes,
    }


def test_mean_sample_deviation_and_difference_over_three_seeds():
    values = [77.0, 78.5, 76.1]
    runs = [measured(seed=seed, accuracy=value) for seed, value in enumerate(values)]
    row = accuracy_table(runs, LABELS, PAPER, 0.95).iloc[0]
    assert row["mean"] == pytest.approx(statistics.mean(values))
    assert row["std"] == pytest.approx(statistics.stdev(values))
    # Student's t with 2 degrees of freedom: 4.303
    assert row["interval"] == pytest.approx(
        4.303 * statistics.stdev(values) / math.sqrt(3), rel=1e-3
    )
    assert row["best_mean"] == pytest.approx(statistics.mean(values) + 1)
    assert row["difference"] == pytest.approx(statistics.mean(values) - 77.6)
    assert (row["seeds"], row["epochs"], row["label"]) == ("0 1 2", "1000+200", "KCL")
    assert row["augmentation"] == "contrastive+weak"
    assert math.isnan(row["few"])


def test_one_seed_has_no_deviation_and_says_so():
    table = accuracy_table([measured()], LABELS, PAPER, 0.95)
    assert math.isnan(table["std"][0])
    assert math.isnan(table["interval"][0])
    text = to_markdown(table, {"cifar10": "CIFAR-10-LT"})
    assert "one run each: no deviation, no interval" in text
    assert "| KCL | 1000+200 | contrastive+weak | 77.0 (paper 77.6, -0.6) |" in text


def test_rows_and_columns_keep_the_order_they_come_in():
    runs = [
        measured(method, dataset, seed)
        for dataset in ("cifar100", "cifar10")
        for method in ("kcl", "ce")
        for seed in (1, 0)
    ]
    table = accuracy_table(runs, LABELS, PAPER, 0.95)
    assert list(table["method"]) == ["kcl", "ce", "kcl", "ce"]
    lines = to_markdown(table, {"cifar10": "C10", "cifar100": "C100"}).splitlines()
    assert lines[0] == "| Method | Epochs | Augmentation | C100 IF 100 | C10 IF 100 |"
    assert lines[2].startswith("| KCL |")
    assert lines[3] == "| CE | 200 | strong/weak | 77.0 ± 0.0 | 77.0 ± 0.0 |"


def test_cell_without_a_printed_number_is_blank_in_csv():
    text = to_csv(accuracy_table([measured("ce")], LABELS, PAPER, 0.95))
    header, row = text.splitlines()
    values = dict(zip(header.split(","), row.split(","), strict=True))
    assert (values["mean"], values["paper_mean"], values["difference"]) == ("77.00", "", "")


def test_runs_on_different_subsets_are_refused():
    runs = [measured(), measured(seed=1, split_sha256="b" * 64)]
    with pytest.raises(
        UserError, match="cifar10 IF 100: the runs were trained on different subsets"
    ):
        accuracy_table(runs, LABELS, PAPER, 0.95)


def test_run_given_twice_is_refused_and_not_counted_as_two_seeds():
    with pytest.raises(UserError, match="kcl on cifar10 IF 100: seed 0 is there twice"):
        accuracy_table([measured(), measured(seed=1), measured()], LABELS, PAPER, 0.95)


def test_seeds_trained_for_different_numbers_of_epochs_are_refused():
    shorter = measured(seed=1, epochs={"pretrain": 10, "finetune": 200})
    with pytest.raises(UserError, match=r"kcl on cifar10 IF 100: .* different numbers of epochs"):
        accuracy_table([measured(), shorter], LABELS, PAPER, 0.95)


def test_seeds_trained_with_different_augmentations_are_refused():
    other = measured(seed=1, augmentations={"pretrain": ["strong"], "finetune": ["weak"]})
    with pytest.raises(UserError, match=r"kcl on cifar10 IF 100: .* different augmentations"):
        accuracy_table([measured(), other], LABELS, PAPER, 0.95)


def tabulate(folder, *metrics, paper=REPO / "config/paper/table2.csv"):
    return run(
        *("tabulate_runs.py", "--metrics", *metrics, "--config", REPO / "config"),
        *("--paper", paper),
        *("--output", folder / "table2.csv", "--markdown", folder / "table2.md"),
        *("--means", folder / "table2.json"),
    )


def test_script_writes_every_file_and_the_same_bytes_again(tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps(measured()))
    for _ in range(2):
        done = tabulate(tmp_path, tmp_path / "metrics.json")
        assert done.returncode == 0, done.stderr
        first = (tmp_path / "table2.csv").read_bytes()
    assert (tmp_path / "table2.csv").read_bytes() == first
    assert "KCL" in (tmp_path / "table2.md").read_text()
    means = json.loads((tmp_path / "table2.json").read_text())
    assert means == {"kcl": {"cifar10_if100": 77.0}}


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"method": "kcl"}', json.dumps({**measured(), "accuracy": "high"})],
)
def test_damaged_metrics_are_named_and_nothing_is_written(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    done = tabulate(tmp_path, tmp_path / "metrics.json")
    assert done.returncode == 2
    assert f"error: {tmp_path / 'metrics.json'}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "table2.csv").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a table of numbers"),
        ("method,dataset,factor,mean,std\nkcl,cifar10,100,high,\n", "not a table of numbers"),
        ("method,dataset,mean\n", "its columns must be method, dataset, factor, mean, std"),
        (
            "method,dataset,factor,mean,std\nkcl,cifar10,100,77,\nkcl,cifar10,100,78,\n",
            "kcl on cifar10 IF 100 is there twice",
        ),
    ],
)
def test_damaged_table_of_printed_numbers_is_named(tmp_path, text, message):
    (tmp_path / "metrics.json").write_text(json.dumps(measured()))
    (tmp_path / "paper.csv").write_text(text)
    done = tabulate(tmp_path, tmp_path / "metrics.json", paper=tmp_path / "paper.csv")
    assert done.returncode == 2
    assert f"error: {tmp_path / 'paper.csv'}: {message}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "table2.csv").exists()
