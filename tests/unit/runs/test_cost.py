"""How long a stage is estimated to take."""

import itertools

import numpy as np
import pytest
from scripts import REPO

from cogloat.config.dataset import Resources
from cogloat.data.longtail import write_split
from cogloat.runs.collections import Runtime
from cogloat.runs.cost import minutes, training_images
from cogloat.runs.load import load_dataset, load_method, load_workflow, method_of, run_config

CONFIG = REPO / "config"
NOT_DRAWN = REPO / "results/splits/nothing/if1.csv"


def passes(method: str, stage: str) -> float:
    return run_config(CONFIG, "cifar100", 100, method, 0, stage).settings.passes


def test_passes_are_those_of_the_methods():
    assert passes("ce", "train") == 3
    assert passes("kcl", "pretrain") == 4
    assert passes("cogloat", "pretrain") == 7
    assert passes("paco", "train") == 4
    assert passes("bcl", "train") == 9
    # two views with gradient, four keys, and the prototypes' passes over the coreset
    assert passes("cogloat_proco", "pretrain") == 11
    # two views with gradient, and three more of each, or without
    assert passes("kcl_inbatch", "pretrain") == 6
    assert passes("cogloat_inbatch", "pretrain") == 15
    assert passes("cogloat_proco_inbatch", "pretrain") == 16
    # ten steps on the images made in the last fifth of the epochs
    assert passes("m2m_ldam", "train") == pytest.approx(3 + 0.2 * 10 * 3)


def test_every_stage_of_every_collection_has_an_estimate():
    workflow = load_workflow(CONFIG)
    runs = {
        (dataset, factor, method)
        for collection in workflow.collections.values()
        for part in collection.parts().values()
        for own in [collection.runs_of(part)]
        for dataset, factor, method in itertools.product(own.datasets, own.factors, own.methods)
    }
    for dataset, factor, method in runs:
        for stage in load_method(CONFIG, method).stages:
            config = run_config(CONFIG, dataset, factor, method, 0, stage)
            asked = minutes(
                config.settings,
                frozen=stage == "finetune",
                images=training_images(NOT_DRAWN, factor, load_dataset(CONFIG, dataset)),
                resources=load_dataset(CONFIG, dataset).resources,
                runtime=workflow.runtime,
            )
            assert workflow.runtime.start < asked < 3 * 24 * 60


def test_readings_take_one_gpu_two_hours():
    collection = load_workflow(CONFIG).collections["readings"]
    tables = [own for own in collection.tables.values() if own.kind == "accuracy"]
    stages = {
        (seed, method_of(CONFIG, method, stage), stage)
        for table in tables
        for seed, method in itertools.product(table.seeds, table.methods)
        for stage in load_method(CONFIG, method).stages
    }
    dataset = load_dataset(CONFIG, "cifar10_readings")
    images = training_images(NOT_DRAWN, 100, dataset)
    steps = 0
    for seed, method, stage in stages:
        own = run_config(CONFIG, "cifar10_readings", 100, method, seed, stage).settings
        steps += own.epochs * images / min(own.batch_size, 256)
    assert steps == pytest.approx(860_000, abs=5000)  # as config.yaml says, of at most 256 images
    assert steps / 150 < 2 * 3600  # 150 of them a second


def asked(method: str, stage: str, *, frozen: bool) -> int:
    """Return the minutes for 6,000 images, of which a machine passes 1,000 in a second."""
    config = run_config(CONFIG, "cifar10", 1, method, 0, stage)
    resources = Resources(threads=1, mem_mb=1, largest_class=600, images_per_second=1000)
    return minutes(
        config.settings,
        frozen=frozen,
        images=6000,
        resources=resources,
        runtime=Runtime(start=7, margin=3.0),
    )


@pytest.mark.parametrize(
    ("factor", "images"),
    [(1, 1400), (140, 324), ("step10", 770), ("natural", 1400), (1000, 1863), ("step1000", 5005)],
)
def test_images_are_estimated_before_a_set_is_drawn(factor, images):
    # of ten classes, the largest of 140 images; a factor that only the data can refuse is estimated
    assert training_images(NOT_DRAWN, factor, load_dataset(CONFIG, "digits")) == images


def test_images_are_counted_where_the_set_is_drawn(tmp_path):
    write_split(tmp_path / "natural.csv", np.arange(53), np.repeat([0, 1, 2], [40, 12, 1]))
    digits = load_dataset(CONFIG, "digits")
    assert training_images(tmp_path / "natural.csv", "natural", digits) == 53


def test_minutes_are_the_start_and_the_margin_times_the_training():
    # 1000 epochs of 6000 images, 4 passes each, at 1000 a second: 400 minutes
    assert asked("kcl", "pretrain", frozen=False) == 7 + 3 * 400


def test_classifier_costs_a_test_pass_where_it_is_due_and_no_gradient_where_frozen():
    # 200 epochs of 6000 images: 20 minutes a pass
    assert asked("ce", "train", frozen=False) == 7 + 3 * 20 * 3 + 12  # every fifth epoch
    assert asked("kcl", "finetune", frozen=True) == 7 + 3 * 20 * (1 + 1)
