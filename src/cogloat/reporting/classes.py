"""The accuracy of each class: means over seeds, beside how often it was seen. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from cogloat.errors import UserError
from cogloat.imbalance import Factor, title
from cogloat.reporting.seeds import by_cell, over_seeds
from cogloat.results.metrics import Metrics
from cogloat.results.printed import CELL


def class_table(metrics: Sequence[Metrics], confidence: float) -> pd.DataFrame:
    """Return one row a class of each method, dataset and factor, in the order they first appear.

    Args:
        metrics: of the runs.
        confidence: of the means' interval, such as 0.95.

    Returns:
        Columns method, dataset, factor, label, class (its name), train_images, and those of
        `over_seeds`, of the class's accuracy in percent after the last epoch.

    Raises:
        UserError: if a run is there twice, or runs of one dataset and factor are of different
            subsets or have other classes.
    """
    classes: dict[tuple[str, Factor], tuple[str, ...]] = {}
    rows = []
    for cell, seeds in by_cell(metrics).items():
        for run in seeds.values():
            if classes.setdefault((run.dataset, run.factor), run.classes) != run.classes:
                raise UserError(
                    f"{run.dataset} {title(run.factor)}: the runs have other names of the classes. "
                    "Evaluate them again."
                )
        first = next(iter(seeds.values()))
        for label, (name, images) in enumerate(zip(first.classes, first.class_counts, strict=True)):
            key = (*cell, label, name, images)
            named = dict(zip([*CELL, "label", "class", "train_images"], key, strict=True))
            accuracies = {seed: run.per_class[label] for seed, run in seeds.items()}
            rows.append(named | over_seeds(accuracies, confidence))
    return pd.DataFrame(rows)
