"""What of the paper has been made: rows by tables, from the files that say so. Imports no torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from cogloat.imbalance import Factor, folder, title
from cogloat.reporting.layout import Sheet
from cogloat.results.evidence import Evidence, Kept
from cogloat.runs.collections import OF_CLASSIFIER, Collection, Configurations, Table
from cogloat.runs.load import load_dataset, load_method, run_config

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


class Made(NamedTuple):
    """A run that was made, and where that is written."""

    kept: Kept
    evidence: Evidence


def made(evidence: Iterable[Evidence]) -> list[Made]:
    """Return the runs of all evidence."""
    return [Made(kept, own) for own in evidence for kept in own.runs]


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
    config: Path, runs: Sequence[Made], printed: Mapping[tuple[str, str, Factor], float]
) -> Sheet:
    """Return a row for each run that was made.

    Args:
        config: folder of the configuration.
        runs: from `made`.
        printed: method, dataset and factor -> the paper's number.
    """
    rows = []
    for kept, evidence in runs:
        own = kept.metrics
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
                f"{evidence.made}, {evidence.revision}",
            ]
        )
    heads = ["Method", "Data", "Epochs", "Seed", "Here", "Known", "Paper", "Made"]
    return Sheet(heads, rows)


def at_whole_budget(config: Path, runs: Iterable[Made]) -> set[Run]:
    """Return the runs that had as many epochs as the configuration says today."""
    whole = set()
    for kept, _ in runs:
        own = kept.metrics
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


def _runs(table: Table) -> Iterator[Run]:
    """Yield the runs behind a table; of what is timed, one a configuration."""
    seeds = (0,) if isinstance(table, Configurations) else table.seeds
    for each in itertools.product(table.datasets, table.factors, table.methods, seeds):
        yield Run(*each)
