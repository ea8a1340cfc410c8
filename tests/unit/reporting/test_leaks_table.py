"""The table of leaks."""

import csv

import pytest
from artefacts import CONFIG, command_line

from cogloat.errors import UserError
from cogloat.reporting.leaks import leak_table
from cogloat.results.leak import Leak
from tabulate_leaks import main

RUN = {"dataset": "cifar10", "factor": 100, "split_sha256": "a" * 64}


def measured(method="kcl", seed=0, batch=90.0, running=60.0, **changes):
    return Leak(
        **RUN | {"method": method, "seed": seed, "batch": batch, "running": running} | changes
    )


def test_leak_is_what_batch_statistics_add_seed_by_seed():
    runs = [measured(seed=1, running=70.0), measured(batch=92.0), measured("cogloat")]
    table = leak_table(runs, {"kcl": "KCL", "cogloat": "CoGloAT"}, 0.95)
    assert list(table["metric"]) == ["leak", "leak", "batch", "batch", "running", "running"]
    assert list(table["method"]) == ["kcl", "cogloat"] * 3
    row = table.iloc[0]
    assert (row["label"], row["seeds"], row["values"]) == ("KCL", "0 1", "32.0 20.0")
    assert row["mean"] == 26
    assert list(table["mean"])[2:] == [91, 90, 65, 60]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (measured(), "seed 0 is there twice"),
        (measured(seed=1, split_sha256="b" * 64), "the runs are of different subsets"),
    ],
)
def test_runs_that_are_not_seeds_of_one_subset_are_refused(other, message):
    with pytest.raises(UserError, match=message):
        leak_table([measured(), other], {"kcl": "KCL"}, 0.95)


def tabulate(folder, files, **more):
    outputs = {"output": folder / "leaks.csv", "markdown": folder / "leaks.md"}
    main(command_line(leaks=files, config=CONFIG, **outputs, **more))


def test_script_writes_the_table_twice(tmp_path):
    files = [tmp_path / f"{seed}.json" for seed in (0, 1)]
    for seed, file in enumerate(files):
        measured(seed=seed, batch=90.0 + seed).write(file)
    tabulate(tmp_path, files, confidence=0.5)
    text = (tmp_path / "leaks.md").read_text()
    assert "| Leak | KCL | 30.5 ± 0.7 |" in text
    assert "training seeds 0 1 of one long-tailed subset" in text
    with (tmp_path / "leaks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["metric"] == "leak"
    assert float(rows[0]["interval"]) == pytest.approx(0.5)  # t is 1


@pytest.mark.parametrize("text", ["{", "[]", '{"batch": 101}'])
def test_damaged_measures_are_named_and_nothing_is_written(tmp_path, text):
    (tmp_path / "leak.json").write_text(text)
    with pytest.raises(UserError, match=r"leak\.json: .* Measure the run again\."):
        tabulate(tmp_path, [tmp_path / "leak.json"])
    assert [path.name for path in tmp_path.iterdir()] == ["leak.json"]
