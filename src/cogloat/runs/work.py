"""Which stages do the same work, so that one of them can be measured for all. Imports no torch."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from cogloat.config.backbone import Backbone
from cogloat.config.dataset import Data
from cogloat.config.types import StageName
from cogloat.methods.settings import Computed, Training
from cogloat.runs.collections import OF_CLASSIFIER, Runs, Workflow
from cogloat.runs.effective import RunConfig
from cogloat.runs.load import load_method, run_config

# of a stage's settings: how many steps there are, and by which rate they go
NOT_OF_A_STEP = {"epochs", "optimizer", "schedule", "evaluate_every"}


def kind_of_work(settings: Training, data: Data, backbone: Backbone, *, frozen: bool) -> str:
    """Return a hash that stages share whose steps take equally long.

    Numbers with a fraction are weights, rates and temperatures; they change no step, and what they
    change in the number of passes is in `passes`.

    Args:
        settings: of the stage.
        data: of the dataset.
        backbone: of the network.
        frozen: whether only a classifier on top of the network learns.
    """
    work = {
        "settings": settings.model_dump(exclude=NOT_OF_A_STEP),
        "data": data.model_dump(include={"classes", "image_size", "augmentations"}),
    }
    named = [settings.passes, backbone.model_dump(), frozen, _without_fractions(work)]
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:16]


def stages_of(config: Path, method: str, runs: Runs) -> tuple[StageName, ...]:
    """Return the stages of a method that a table or figure needs: all, or its pre-training."""
    stages = load_method(config, method).stages
    return stages if runs.kind in OF_CLASSIFIER else ("pretrain",)


def works(config: Path, workflow: Workflow, dataset: str) -> dict[str, RunConfig]:
    """Return every kind of work that the collections ask for on a dataset, the most first.

    Args:
        config: folder of the configuration.
        workflow: its config.yaml.
        dataset: whose.

    Returns:
        The kind -> a stage that does it, with the first factor that is asked for.
    """
    found: dict[str, RunConfig] = {}
    amounts: dict[str, float] = defaultdict(float)
    for collection in workflow.collections.values():
        for part in collection.parts().values():
            runs = collection.runs_of(part)
            if dataset not in runs.datasets:
                continue
            for method in runs.methods:
                for stage in stages_of(config, method, runs):
                    own = run_config(config, dataset, runs.factors[0], method, 0, stage)
                    if isinstance(own.settings, Computed):
                        continue  # it takes no step
                    frozen = stage == "finetune"
                    kind = kind_of_work(own.settings, own.data, own.backbone, frozen=frozen)
                    found.setdefault(kind, own)
                    passes = 1 if frozen else own.settings.passes
                    count = len(runs.factors) * len(runs.seeds)
                    amounts[kind] += own.settings.epochs * passes * count
    return {kind: found[kind] for kind in sorted(found, key=lambda kind: -amounts[kind])}


def _without_fractions(value: Any) -> Any:
    match value:
        case float():
            return None
        case dict():
            return {key: _without_fractions(own) for key, own in value.items()}
        case list() | tuple():
            return [_without_fractions(own) for own in value]
    return value
