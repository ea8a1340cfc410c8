"""How long a stage is estimated to take."""

import itertools
import math

import numpy as np
import pytest
from artefacts import calibration, work_on
from scripts import REPO

from cogloat.config.dataset import Resources
from cogloat.data.longtail import write_split
from cogloat.results.calibration import Calibration
from cogloat.runs.collections import Runtime
from cogloat.runs.cost import Costs, Estimate, estimated_counts, minutes, training_images
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
            own = load_dataset(CONFIG, dataset)
            estimate = Costs(own.resources).training(
                config.settings,
                config.data,
                config.backbone,
                training_images(NOT_DRAWN, factor, own),
                frozen=stage == "finetune",
            )
            assert workflow.runtime.start < minutes(estimate, workflow.runtime) < 3 * 24 * 60


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


RESOURCES = Resources(threads=1, mem_mb=70, largest_class=600, images_per_second=1000)


def asked(method: str, stage: str) -> int:
    """Return the minutes for 6,000 images, of which a machine passes 1,000 in a second."""
    estimate = expected(method, stage, None)
    assert estimate.basis == "config"
    assert (estimate.memory_mb, estimate.device_mb) == (70, 0)
    return minutes(estimate, Runtime(start=7, margin=3.0))


def expected(
    method: str, stage: str, measured: Calibration | None, images: int = 6000, **changes
) -> Estimate:
    config = run_config(CONFIG, "cifar10", 1, method, 0, stage)
    settings = config.settings.model_copy(update=changes)
    frozen = stage == "finetune"
    costs = Costs(RESOURCES, measured)
    return costs.training(settings, config.data, config.backbone, images, frozen=frozen)


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
    assert asked("kcl", "pretrain") == 7 + 3 * 400


def test_classifier_costs_a_test_pass_where_it_is_due_and_no_gradient_where_frozen():
    # 200 epochs of 6000 images: 20 minutes a pass
    assert asked("ce", "train") == 7 + 3 * 20 * 3 + 12  # every fifth epoch
    assert asked("kcl", "finetune") == 7 + 3 * 20 * (1 + 1)


# --- by a calibration ---


def test_a_training_is_its_steps_refreshes_tests_and_getting_ready():
    kcl = work_on("cifar10", "kcl", "pretrain", step=0.5, refresh=2.0, ready=3.0, images=3000)
    found = expected("kcl", "pretrain", calibration(kcl))
    # 23 whole batches of 256 in 6000 images; a refresh is of twice as many images as measured
    assert found.seconds == pytest.approx(3 + 1000 * (23 * 0.5 + 2 * 2.0))
    assert (found.memory_mb, found.device_mb, found.basis) == (900, 400, "measured")

    ce = work_on("cifar10", "ce", "train", step=0.5)
    found = expected("ce", "train", calibration(ce), evaluate_every=30)
    # 46.875 batches of 128; the test set, as large as the training set, at 7 of 200 epochs
    assert found.seconds == pytest.approx(200 * 46.875 * 0.5 + 7 * 6000 * 0.01)

    frozen = work_on("cifar10", "kcl", "finetune", step=0.5)
    batch = run_config(CONFIG, "cifar10", 1, "kcl", 0, "finetune").settings.batch_size
    found = expected("kcl", "finetune", calibration(frozen), images=batch * 10)
    # the test set's features are computed once
    assert found.seconds == pytest.approx(200 * 10 * 0.5 + batch * 10 * 0.01)


def test_work_that_was_not_measured_costs_its_passes_at_the_median_rate():
    # a pass of an image takes 1, 2 and 6 ms
    rates = {"kcl": 0.256 * 4, "cogloat": 2 * 0.256 * 7, "cogloat_proco": 6 * 0.256 * 11}
    works = [
        work_on("cifar10", name, "pretrain", step=step, memory_mb=memory, device_mb=memory // 2)
        for (name, step), memory in zip(rates.items(), (10, 30, 20), strict=True)
    ]
    found = expected("kcl_inbatch", "pretrain", calibration(*works), images=10_240)
    epochs = run_config(CONFIG, "cifar10", 1, "kcl_inbatch", 0, "pretrain").settings.epochs
    assert found.seconds == pytest.approx(epochs * 10_240 * 6 * 0.002)
    assert (found.memory_mb, found.device_mb, found.basis) == (30, 15, "passes")


def test_a_calibration_without_any_work_counts_passes_of_inference():
    found = expected("kcl", "pretrain", calibration(), images=256)
    assert found.seconds == pytest.approx(1000 * 256 * 4 * 0.01)


def test_passing_images_needs_no_training():
    assert Costs(RESOURCES).passing(3000) == Estimate(3.0, 70, 0, "config")
    assert Costs(RESOURCES, calibration()).passing(3000).seconds == pytest.approx(30.0)


# --- data as they are ---


def test_data_as_they_are_have_the_images_that_their_file_states():
    """Before ImageNet-LT's list is there: 1280 to 5 images of a class, not 1280 of each."""
    dataset = load_dataset(CONFIG, "imagenet_lt")
    counts = estimated_counts("natural", dataset)
    assert sum(counts) == pytest.approx(115_846, rel=0.001)
    assert (len(counts), counts[0]) == (1000, 1280)
    assert counts == sorted(counts, reverse=True)
    assert training_images(NOT_DRAWN, "natural", dataset) == sum(counts)


def test_data_as_they_are_have_the_images_of_their_list_where_it_is_there(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("a b.jpg 1\n\nc.jpg 0\nd.jpg 1\n")
    dataset = load_dataset(CONFIG, "imagenet_lt")
    source = dataset.source.model_copy(update={"train": str(file)})
    counts = estimated_counts("natural", dataset.model_copy(update={"source": source}))
    assert counts == [2, 1]


@pytest.mark.parametrize("method", ["tau_norm", "ncm"])
def test_what_is_computed_takes_two_passes_over_the_images(method):
    assert asked(method, "train") == 7 + math.ceil(3 * 2 * 6000 / 1000 / 60)
