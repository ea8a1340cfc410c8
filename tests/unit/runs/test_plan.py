"""Which jobs are behind a collection, how long they take together, and what they leave."""

import pytest
import torch
from artefacts import calibration, work_on
from miniature import image_set
from scripts import REPO

from cogloat.methods import rooms
from cogloat.methods.inputs import Inputs
from cogloat.runs.collections import Collection
from cogloat.runs.cost import Estimate
from cogloat.runs.load import load_workflow, run_config
from cogloat.runs.plan import Job, Planner, planned_jobs, together, wall_clock, weights_bytes

CONFIG = REPO / "config"


def job(seconds: float, *after: str) -> Job:
    return Job(1.0, Estimate(seconds - 1, 10, 0, "config"), 100, tuple((own,) for own in after))


def table(kind: str = "accuracy", **changes) -> dict:
    known = {"kind": kind, "datasets": ["cifar10"], "factors": [100], "methods": ["kcl"]}
    return known | {"seeds": [0, 1]} | changes


def planned(tmp_path, measured=None, **tables):
    rows = Planner(CONFIG, {"cifar10": measured} if measured else {}, tmp_path).rows(
        Collection.model_validate_json(__import__("json").dumps({"tables": tables}))
    )
    return rows


def counts(rows) -> dict[str, int]:
    kinds = [key[0] for key in together(rows)]
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}


# --- which jobs ---


def test_a_run_that_tables_share_is_there_once(tmp_path):
    rows = planned(tmp_path, one=table(), two=table(methods=["kcl", "kcl_baseline"], seeds=[0]))
    # kcl_baseline stands on KCL's encoder
    assert counts(rows) == {
        **{"configure": 2 + 2 + 1, "fetch": 1, "pretrain": 2, "finetune": 3},
        "evaluate": 3,
    }
    assert [row.method for row in rows] == ["kcl", "kcl", "kcl_baseline"]
    assert [row.runs for row in rows] == [2, 1, 1]


def test_what_a_method_needs_is_among_its_jobs(tmp_path):
    assert counts(planned(tmp_path, own=table(methods=["m2m_ldam"], seeds=[0]))) == {
        **{"configure": 2, "fetch": 1, "train": 2, "evaluate": 1},
    }
    jobs = together(planned(tmp_path, own=table(methods=["cogloat_proco"], seeds=[0])))
    pretrain = jobs["pretrain", "cifar10", "if100", "cogloat_proco", "seed0"]
    assert ("coreset", "cifar10", "if100", "glister") in pretrain.after


@pytest.mark.parametrize(
    ("kind", "more", "trained"),
    [
        (
            "features",
            {"convention": {"images": "test", "space": "backbone", "pairs": "ordered"}},
            2,
        ),
        ("separability", {"rarest": 4}, 2),
        ("gradients", {}, 2),
        ("groups", {}, 4),
    ],
)
def test_what_measures_an_encoder_needs_no_classifier(tmp_path, kind, more, trained):
    found = counts(planned(tmp_path, own=table(kind, **more)))
    assert found["pretrain"] + found.get("finetune", 0) == trained
    assert found["evaluate" if kind == "groups" else kind] == 2


def test_what_is_timed_is_not_trained(tmp_path):
    own = {**table("times"), "rounds": 7, "steps": 4}
    del own["seeds"]
    kcl = work_on("cifar10", "kcl", "pretrain", step=0.5)
    rows = planned(tmp_path, calibration(kcl), own=own)
    assert counts(rows) == {"fetch": 1, "times": 1}
    # eight rounds of four steps, each with its floor; 48 of 48.46 steps an epoch are whole
    (found,) = [own for key, own in together(rows).items() if key[0] == "times"]
    assert found.seconds == pytest.approx(2 * 8 * 4 * 0.5, rel=0.02)


def test_jobs_of_a_calibrated_dataset_have_the_start_of_their_script(tmp_path):
    kcl = work_on("cifar10", "kcl", "pretrain", step=0.5)
    jobs = together(planned(tmp_path, calibration(kcl), own=table(seeds=[0])))
    lines = {line.job: line for line in planned_jobs(jobs)}
    # 12,406 images are 48 whole batches
    assert lines["pretrain"].seconds == pytest.approx(1000 * 48 * 0.5)
    assert (lines["pretrain"].start, lines["configure"].start) == (5.0, 1.0)
    assert lines["pretrain"].of == "cifar10/if100/kcl/seed0"
    assert lines["evaluate"].seconds == pytest.approx(12_406 * 0.01)
    assert (lines["pretrain"].basis, lines["finetune"].basis) == ("measured", "passes")


def test_images_of_a_set_that_is_drawn_are_counted(tmp_path):
    split = tmp_path / "cifar10/if100.csv"
    split.parent.mkdir()
    split.write_text("index,label\n" + "0,0\n" * 2560)
    kcl = work_on("cifar10", "kcl", "pretrain", step=0.5)
    jobs = together(planned(tmp_path, calibration(kcl), own=table(seeds=[0])))
    found = jobs["pretrain", "cifar10", "if100", "kcl", "seed0"]
    assert found.work.seconds == pytest.approx(1000 * 10 * 0.5)


def test_every_collection_has_a_plan(tmp_path):
    for name, own in load_workflow(CONFIG).collections.items():
        rows = Planner(CONFIG, {}, tmp_path).rows(own)
        jobs = together(rows)
        assert jobs, name
        assert all(key in jobs for found in jobs.values() for key in found.after)


# --- how long ---


def test_wall_clock_is_that_of_jobs_that_begin_as_soon_as_they_can():
    jobs = {
        ("a",): job(3),
        ("b",): job(2),
        ("c",): job(4, "b"),
        ("d",): job(5, "a", "b"),
    }
    assert wall_clock(jobs, 1) == 14
    # b ends at 2, then c until 6; a ends at 3, then d until 8
    assert wall_clock(jobs, 2) == 8
    assert wall_clock(jobs, 100) == 8


def test_a_job_does_not_wait_for_what_is_not_there():
    assert wall_clock({("c",): job(4, "b")}, 1) == 4


# --- what is left ---


@pytest.mark.parametrize(
    ("method", "stage"),
    [("kcl", "pretrain"), ("supcon", "pretrain"), ("ce", "train"), ("ldam", "train")],
)
@pytest.mark.parametrize("dataset", ["cifar100", "digits"])
def test_weights_are_as_large_as_those_of_the_networks(dataset, method, stage):
    own = run_config(CONFIG, dataset, 100, method, 0, stage)
    images = image_set([2] * own.data.classes)
    inputs = Inputs(own.data, own.backbone, images, torch.device("cpu"), 0)
    weights = rooms.build(own.settings, inputs).weights().values()
    size = sum(tensor.numel() * tensor.element_size() for tensor in weights)
    assert weights_bytes(own.settings, own.data, own.backbone) == pytest.approx(size, rel=0.005)
