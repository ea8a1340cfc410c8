"""Which stages do the same work, and what is measured of a dataset."""

import pytest
from scripts import REPO

from cogloat.config.types import StageName
from cogloat.runs.load import load_workflow, run_config
from cogloat.runs.work import kind_of_work, works

CONFIG = REPO / "config"


def kind(method: str, stage: StageName = "pretrain", dataset: str = "cifar10", **changes) -> str:
    own = run_config(CONFIG, dataset, 100, method, 0, stage)
    settings = own.settings.model_copy(update=changes)
    return kind_of_work(settings, own.data, own.backbone, frozen=stage == "finetune")


@pytest.mark.parametrize(
    "changes", [{"epochs": 7}, {"loss_scale": 0.5}, {"key_momentum": 0.5}, {"init": "kaiming"}]
)
def test_numbers_of_epochs_rates_and_weights_are_no_other_work(changes):
    assert kind("kcl", **changes) == kind("kcl")


@pytest.mark.parametrize(
    "changes",
    [{"batch_size": 512}, {"queue": 8192}, {"joint_views": False}, {"groups": 2}],
)
def test_what_a_step_computes_is_other_work(changes):
    assert kind("kcl", **changes) != kind("kcl")


def test_methods_that_differ_in_a_weight_share_their_work():
    assert kind("reading_alpha_05", dataset="cifar10_readings") == kind(
        "cogloat_proco", dataset="cifar10_readings"
    )
    assert kind("kcl", "finetune") != kind("ce", "train")
    assert kind("kcl", dataset="cifar10") != kind("kcl", dataset="cifar100")


def test_a_share_of_the_epochs_counts_where_it_changes_the_passes():
    synthesis = run_config(CONFIG, "cifar10", 100, "m2m_ldam", 0, "train").settings.synthesis
    later = synthesis.model_copy(update={"start": 0.9})
    assert kind("m2m_ldam", "train", synthesis=later) != kind("m2m_ldam", "train")


def test_what_takes_most_is_measured_first_and_each_kind_once():
    found = works(CONFIG, load_workflow(CONFIG), "cifar100")
    names = [f"{own.method}/{own.stage}" for own in found.values()]
    assert names[0] == "cogloat_proco/pretrain"
    assert len(set(names)) == len(names)
    assert {own.factor for own in found.values()} == {100}
    # CE, CB-CE, focal and Balanced Softmax differ in their losses alone
    assert names.index("kcl/pretrain") < names.index("ce/train")


def test_of_a_dataset_that_nothing_lists_nothing_is_measured():
    assert works(CONFIG, load_workflow(CONFIG), "tiny") == {}
