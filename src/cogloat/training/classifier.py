"""What the two scripts that train a classifier share."""

from __future__ import annotations

import importlib
from pathlib import Path

from cogloat.data.imageset import load_test_set
from cogloat.training.loop import fit
from cogloat.training.networks import Classifier, to_device
from cogloat.training.stage import Stage


def fit_classifier(stage: Stage, classifier: Classifier, store: Path, *, frozen: bool) -> None:
    """Train a classifier by the stage's objective and write what the stage leaves.

    Args:
        stage: an opened finetune or train stage.
        classifier: initialised, on the CPU.
        store: folder with the test images.
        frozen: whether only the head learns.
    """
    config, machine = stage.config, stage.machine
    assert config.classify is not None
    to_device(classifier, machine.device)
    test = load_test_set(store, config.data.classes, machine.device)
    objectives = importlib.import_module(f"cogloat.objectives.{config.classify.objective}")
    objective = objectives.build(
        classifier, config.classify, config.data, stage.training, test, config.seed, frozen=frozen
    )
    history = fit(objective, config.classify, config.seed, machine, stage.resume, config.name)
    stage.finish(classifier.state_dict(), history)
