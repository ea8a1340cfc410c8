"""Rooms are found by their folders, and get what was handed over."""

from pathlib import Path

import numpy as np
import pytest
import torch
from miniature import BACKBONE, CPU, build, configured, image_set, numbered

from cogloat.data.longtail import write_split
from cogloat.data.store import Images, write_store
from cogloat.errors import UserError
from cogloat.methods import rooms
from cogloat.methods.inputs import Inputs
from cogloat.methods.settings import Judged

COUNTS = [6, 4, 2]
IMAGES = numbered(COUNTS)


@pytest.fixture
def store(tmp_path) -> Path:
    """A store of numbered images, and a split that lists them all."""
    part = Images(IMAGES.images_NCHW.numpy(), IMAGES.labels_N.numpy())
    write_store(tmp_path / "store", {"train": part, "test": part}, ["a", "b", "c"])
    write_split(tmp_path / "split.csv", np.arange(len(IMAGES)), part.labels_N)
    return tmp_path / "store"


@pytest.fixture
def coreset(store) -> Path:
    """A file that lists five of them."""
    chosen = torch.cat([(IMAGES.labels_N == y).nonzero()[:n, 0] for y, n in enumerate((2, 2, 1))])
    write_split(store.with_name("coreset.csv"), chosen.numpy(), IMAGES.labels_N[chosen].numpy())
    return store.with_name("coreset.csv")


def test_each_folder_is_a_room_whose_settings_bear_its_name():
    found = rooms.settings_types()
    assert set(found) == {
        *("bcl", "classifier", "m2m", "moco", "paco", "proco", "tsc"),
        *("decoupled", "gpaco", "oltr", "readout", "vmf"),
        *("supcon", "supcon_proco", "supcon_tsc"),
    }
    for name, settings in found.items():
        assert settings.model_fields["objective"].annotation.__args__ == (name,)
        assert settings.stages
        assert settings.framework
        assert issubclass(settings, Judged) == ("pretrain" not in settings.stages)


@pytest.mark.parametrize(
    ("method", "stage", "kind"),
    [
        ("kcl", "pretrain", "Contrast"),
        ("kcl_inbatch", "pretrain", "InBatch"),
        ("kcl", "finetune", "Classification"),
        ("ldam", "train", "Classification"),
        ("paco", "train", "PaCo"),
        ("bcl", "train", "Bcl"),
    ],
)
def test_settings_build_the_objective_of_their_room(method, stage, kind):
    objective = build(configured(method, stage, 3), image_set(COUNTS))
    assert type(objective).__name__ == kind
    assert objective.size == 12


def inputs(data=None, **given) -> Inputs:
    data = data or configured("cogloat_proco", "pretrain", 3).data
    return Inputs(data, BACKBONE, image_set(COUNTS), CPU, 0, **given)


def test_the_coreset_is_the_listed_images_of_the_store(store, coreset):
    config = configured("cogloat_proco", "pretrain", 3)
    settings = config.settings
    of_two_pixels = config.data.model_copy(update={"image_size": 2})
    split = store.with_name("split.csv")
    given = inputs(of_two_pixels, store=store, split=split, files={"coreset": coreset})
    images = given.images("coreset")
    assert images.counts_C.tolist() == [2, 2, 1]
    assert images.labels_N.tolist() == [0, 0, 1, 1, 2]
    chosen = images.images_NCHW[:, 0, 0, 0].tolist()
    assert IMAGES.labels_N[chosen].tolist() == images.labels_N.tolist()
    objective = rooms.build(settings, given)
    seen = []
    objective.key.register_forward_hook(lambda _, of, __: seen.append(len(of[0])))
    objective.start_epoch(0)
    assert seen == [5, 5]


def test_what_was_not_handed_over_is_named(coreset):
    settings = configured("cogloat_proco", "pretrain", 3).settings
    with pytest.raises(UserError, match=r"needs its coreset\. Give it: --input coreset=FILE"):
        rooms.build(settings, inputs())
    with pytest.raises(UserError, match=r"coreset\.csv: its images are in a store\. Give --store"):
        rooms.build(settings, inputs(files={"coreset": coreset}))
