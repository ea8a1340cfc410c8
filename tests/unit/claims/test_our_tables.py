"""Tables as the project writes them, read by the audit of the claims."""

import pandas as pd
import pytest
from artefacts import timings
from scripts import REPO, must

from cogloat.claims.schema import Column
from cogloat.claims.tables import Sampled, read_measured, read_printed
from cogloat.reporting.seeds import over_seeds
from cogloat.results.timings import write_timings

PRINTED = read_printed(REPO / "config/paper", seeds=3)


def test_values_of_seeds_are_read_in_full_precision(tmp_path):
    values = {0: 100 / 3, 1: 40.0, 2: 200 / 7}
    row = {"method": "ce", "dataset": "digits", "factor": 10, **over_seeds(values, 0.95)}
    pd.DataFrame([row]).to_csv(tmp_path / "table2.csv", index=False)
    (cell,) = read_measured(tmp_path, PRINTED, {}).tables["table2"].cells.values()
    assert (cell.values, cell.timed) == (values, False)
    assert cell.number.nominal_value == pytest.approx(row["mean"])


def test_one_seed_has_its_value_and_no_deviation(tmp_path):
    row = {"method": "ce", "dataset": "digits", "factor": 10, **over_seeds({4: 40.0}, 0.95)}
    pd.DataFrame([row]).to_csv(tmp_path / "table2.csv", index=False)
    (cell,) = read_measured(tmp_path, PRINTED, {}).tables["table2"].cells.values()
    assert (cell.values, cell.number.tag) == ({4: 40.0}, Sampled(1))


def test_rounds_of_times_are_read_as_ratios(tmp_path):
    steps = {"kcl": (1.0, 2.0), "kcl_global": (3.0, 4.0)}  # each with its floor and no refresh
    lines = [timings(name, [(s, s / 2, 0.0) for s in own]) for name, own in steps.items()]
    write_timings(tmp_path / "times.csv", [timing for part in lines for timing in part])
    must(
        *("tabulate_times.py", "--times", tmp_path / "times.csv", "--config", REPO / "config"),
        *("--output", tmp_path / "table4.csv", "--markdown", tmp_path / "table4.md"),
    )
    cells = read_measured(tmp_path, PRINTED, {}).tables["table4"].cells
    column = Column(dataset="cifar10", factor=100)
    ratios = {(column, 0): 3.0, (column, 1): 2.0}
    assert cells[column, ("kcl_global",)].values == pytest.approx(ratios)
    assert cells[column, ("kcl",)].values == {(column, 0): 1.0, (column, 1): 1.0}
    assert all(cell.timed for cell in cells.values())
