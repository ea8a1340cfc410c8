"""What of the paper has been made: rows by tables, from the files that say so. Imports no torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

import pandas as pd

from cogloat.imbalance import Factor, folder, title
from cogloat.reporting.acceptance import acceptance_table, held
from cogloat.reporting.layout import Sheet
from cogloat.reporting.seeds import by_cell
from cogloat.results.evidence import Evidence, Kept
from cogloat.runs.collections import (
    OF_CLASSIFIER,
    AcceptanceTable,
    Collection,
    Configurations,
    Table,
)
from cogloat.runs.load import (
    expectations,
    load_dataset,
    load_method,
    load_workflow,
    method_labels,
    run_config,
)

SMALL = "small"
SHOWN = {
    "accuracy": "accuracy",
    "groups": "accuracy by group of classes",
    "features": "alignment and uniformity",
    "times": "seconds of an epoch",
}


class Run(NamedTuple):
    """A run that a table asks for."""

    dataset: str
    factor: Factor
    method: str
    seed: int


def made(evidence: Iterable[Evidence]) -> list[Kept]:
    """Return the runs of all evidence."""
    return [run for own in evidence for run in own.runs]


def summary(collection: Collection, small: set[str], whole: set[Run]) -> Sheet:
    """Return a row for each table of a collection that the paper prints.

    Args:
        collection: the paper's.
        small: methods that have been trained on the smallest data.
        whole: from `at_whole_budget`.
    """
    rows = []
    for name, table in collection.tables.items():
        if table.printed is None:
            continue
        asked = list(_runs(table))
        done = _done(table, asked, whole)
        methods = table.methods
        rows.append(
            [
                name,
                SHOWN[table.kind],
                str(len(methods)),
                str(sum(method in small for method in methods)),
                f"{done} of {len(asked)}",
            ]
        )
    heads = ["Table", "Shows", "Methods", "Trained small", "Runs at the whole budget"]
    return Sheet(heads, rows)


def matrix(config: Path, collection: Collection, small: set[str], whole: set[Run]) -> Sheet:
    """Return a row a method, labelled by the configuration, a column a table; as `summary`."""
    methods = dict.fromkeys(
        method for table in collection.tables.values() for method in table.methods
    )
    rows = []
    for method in methods:
        cells = [_cell(table, method, small, whole) for table in collection.tables.values()]
        rows.append([load_method(config, method).label, *cells])
    return Sheet(["Method", *collection.tables], rows)


def evidence_table(
    config: Path, runs: Sequence[Kept], printed: Mapping[tuple[str, str, Factor], float]
) -> Sheet:
    """Return a row for each run that was made.

    Args:
        config: folder of the configuration.
        runs: from `made`.
        printed: method, dataset and factor -> the paper's number.
    """
    rows = []
    for run in runs:
        own = run.metrics
        method, dataset = load_method(config, own.method), load_dataset(config, own.dataset)
        known = method.expect.get(f"{own.dataset}_{folder(own.factor)}")
        paper = printed.get((own.method, own.dataset, own.factor))
        rows.append(
            [
                method.label,
                f"{dataset.label} {title(own.factor)}",
                "+".join(map(str, own.epochs.values())),
                str(own.seed),
                f"{own.accuracy:.2f}, best {own.best_accuracy:.2f}",
                "" if known is None else f"{known.mean:g}",
                "" if paper is None else f"{paper:g}",
                _when(run),
            ]
        )
    heads = ["Method", "Data", "Epochs", "Seed", "Here", "Known", "Paper", "Made"]
    return Sheet(heads, rows)


def by_method(config: Path, runs: Sequence[Kept]) -> Sheet:
    """Return a row for the runs of each method, dataset and factor, over their seeds."""
    rows = []
    for (name, data, factor), seeds in by_cell(run.metrics for run in runs).items():
        method, dataset = load_method(config, name), load_dataset(config, data)
        known = method.expect.get(f"{data}_{folder(factor)}")
        last = [own.accuracy for own in seeds.values()]
        spread = f" ± {stdev(last):.1f}" if len(last) > 1 else ""
        best = fmean(own.best_accuracy for own in seeds.values())
        there = [own for own in runs if own.metrics in seeds.values()]
        rows.append(
            [
                method.label,
                f"{dataset.label} {title(factor)}",
                "+".join(map(str, next(iter(seeds.values())).epochs.values())),
                " ".join(map(str, sorted(seeds))),
                f"{fmean(last):.1f}{spread}, best {best:.1f}",
                "" if known is None else f"{known.mean:g}",
                _places(there),
                "; ".join(dict.fromkeys(map(_when, there))),
            ]
        )
    heads = ["Method", "Data", "Epochs", "Seeds", "Here", "Known", "On", "Made"]
    return Sheet(heads, rows)


def verdicts(config: Path, runs: Sequence[Kept]) -> str:
    """Return what the windows of all acceptance tables decide of runs that were made, if anything.

    Args:
        config: folder of the configuration.
        runs: from `made`; of any seed.

    Returns:
        Such as "1 of 1 windows hold: CE-DRW less CE 4.13 (2 to 6, seed 0) holds."
    """
    decided = list(_decided(config, runs))
    if not decided:
        return ""
    table = pd.concat(decided)
    told = [
        f"{row.label} {row.value:.2f} ({row.low:g} to {row.high:g}, seed {row.seed}) {row.verdict}"
        for row in table.itertuples()
    ]
    return f"{held(table)}: {'; '.join(told)}.\n"


def _decided(config: Path, runs: Sequence[Kept]) -> Iterator[pd.DataFrame]:
    """Yield the rows of each acceptance table whose runs were made, where it has a window."""
    collections = load_workflow(config).collections.values()
    for table in (own for collection in collections for own in collection.tables.values()):
        if not isinstance(table, AcceptanceTable):
            continue
        own = [
            run.metrics
            for run in runs
            if (run.metrics.dataset, run.metrics.factor) in _cells(table)
            and run.metrics.method in table.methods
        ]
        if not own:
            continue
        methods = {run.method for run in own}
        labels, known = method_labels(config, methods), expectations(config, methods)
        decided = acceptance_table(own, labels, known, table.differences).dropna(subset=["low"])
        if len(decided):
            yield decided


def at_whole_budget(config: Path, runs: Iterable[Kept]) -> set[Run]:
    """Return the runs that had as many epochs as the configuration says today."""
    whole = set()
    for run in runs:
        own = run.metrics
        if all(
            run_config(config, own.dataset, own.factor, own.method, own.seed, stage).settings.epochs
            == own.epochs.get(stage)
            for stage in load_method(config, own.method).stages
        ):
            whole.add(Run(own.dataset, own.factor, own.method, own.seed))
    return whole


def _cell(table: Table, method: str, small: set[str], whole: set[Run]) -> str:
    """Return how far a method is in a table: of its runs that were made, or trained small."""
    asked = [run for run in _runs(table) if run.method == method]
    if not asked:
        return ""
    done = _done(table, asked, whole)
    return f"{done} of {len(asked)}" if done else SMALL if method in small else "implemented"


def _done(table: Table, asked: Iterable[Run], whole: set[Run]) -> int:
    """Return how many of a table's runs were made; only of classifiers is it kept."""
    return sum(run in whole for run in asked) if table.kind in OF_CLASSIFIER else 0


def _cells(table: AcceptanceTable) -> set[tuple[str, Factor]]:
    return set(itertools.product(table.datasets, table.factors))


def _when(run: Kept) -> str:
    return f"{run.made}, {run.revision}"


def _places(runs: Iterable[Kept]) -> str:
    """Return what runs were trained on, such as "NVIDIA H200, bfloat16"."""
    processes = [own for run in runs for stage in run.provenance.stages for own in stage.processes]
    return "; ".join(dict.fromkeys(f"{own.device}, {own.precision}" for own in processes))


def _runs(table: Table) -> Iterator[Run]:
    """Yield the runs behind a table; of what is timed, one a configuration."""
    seeds = (0,) if isinstance(table, Configurations) else table.seeds
    for each in itertools.product(table.datasets, table.factors, table.methods, seeds):
        yield Run(*each)
