"""How long a stage is estimated to take."""

import itertools
from pathlib import Path

import pytest
from scripts import REPO

from cogloat.config.cost import forward_passes, minutes
from cogloat.config.load import load_method, load_named_dataset, load_workflow, run_config
from cogloat.config.schema import Resources
from cogloat.config.workflow import Runtime

CONFIG = Path(REPO / "config")


def passes(method: str, stage: str) -> float:
    settings = run_config(CONFIG, "cifar100", 100, method, 0, stage).settings
    return forward_passes(settings, frozen=stage == "finetune")


def test_passes_are_those_of_the_methods():
    assert passes("ce", "train") == 3
    assert passes("kcl", "pretrain") == 4
    assert passes("cogloat", "pretrain") == 7
    assert passes("kcl", "finetune") == 1
    assert passes("paco", "train") == 4
    assert passes("bcl", "train") == 9
    # two views with gradient, four keys, and the prototypes' passes over the coreset
    assert passes("cogloat_proco", "pretrain") == 11
    # ten steps on the images made in the last fifth of the epochs
    assert passes("m2m_ldam", "train") == pytest.approx(3 + 0.2 * 10 * 3)


def test_every_stage_of_every_collection_has_an_estimate():
    workflow = load_workflow(CONFIG)
    runs = {
        (dataset, factor, method)
        for collection in workflow.collections.values()
        for grid in collection.grids().values()
        for dataset, factor, method in itertools.product(grid.datasets, grid.factors, grid.methods)
    }
    for dataset, factor, method in runs:
        for stage in load_method(CONFIG, method).stages:
            config = run_config(CONFIG, dataset, factor, method, 0, stage)
            asked = minutes(
                config.settings,
                frozen=stage == "finetune",
                factor=factor,
                classes=config.data.classes,
                resources=load_named_dataset(CONFIG, dataset).resources,
                runtime=workflow.runtime,
            )
            assert workflow.runtime.start < asked < 3 * 24 * 60


def test_minutes_are_the_start_and_the_margin_times_the_training():
    config = run_config(CONFIG, "cifar10", 1, "kcl", 0, "pretrain")
    resources = Resources(threads=1, mem_mb=1, largest_class=600, images_per_second=1000)
    asked = minutes(
        config.settings,
        frozen=False,
        factor=1,
        classes=10,
        resources=resources,
        runtime=Runtime(start=7, margin=3.0),
    )
    # 1000 epochs of 6000 images, 4 passes each, at 1000 a second: 400 minutes
    assert asked == 7 + 3 * 400
