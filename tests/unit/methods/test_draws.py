"""Every draw of a run, whatever the method, has a generator of its own."""

from pathlib import Path

import numpy as np
import pytest
import torch
from miniature import (
    BACKBONE,
    CPU,
    Draw,
    build,
    configured,
    image_set,
    recorded_draws,
    save_weights,
    trained_epochs,
)

from cogloat.data.imageset import ImageSet
from cogloat.methods.moco.settings import Positives
from cogloat.models.networks import Classifier
from cogloat.randomness import derive_seed, generator, seeded_globally

COUNTS = [13, 6, 5]
BATCH, EPOCHS, STEPS = 4, 4, 6
PAIR = {"queue": 8 * BATCH, "projection": (8, 8), "groups": 1}
BOTH = {"positives": Positives(from_dataset=3, from_queue=2), "groups": 2}
ALONE = {"projection": (8, 8)}
TWIN = {"queue": 4 * BATCH, "projection": (8, 8), "drop_last": True}


def tiny(counts: list[int]) -> ImageSet:
    """Return 2x2 images: their pixels do not matter here."""
    images = image_set(counts)
    return ImageSet(images.images_NCHW[:, :, :2, :2], images.labels_N, images.counts_C)


SHIPPED = configured("m2m_ldam", "train", 3).settings.synthesis
SURE = {"synthesis": SHIPPED.model_copy(update={"confidence": 0.0, "beta": 0.9})}
IMAGES, TWO_PARTS = tiny(COUNTS), tiny([500, 50, 50])
KEYS = ("positives", "augment", "queue")
VIEWS = ("positives", "augment", "batch")
# method, stage, changes, what is drawn in an epoch (with its number before the rest), and in a step
RUNS = {
    "kcl": ("kcl", "pretrain", PAIR, ["order"], KEYS),
    "cogloat, from the queue too, split": (
        *("cogloat", "pretrain", PAIR | BOTH),
        ["order"],
        (*KEYS, "shuffle"),
    ),
    "proco, coreset of two parts": (
        *("cogloat_proco", "pretrain", PAIR),
        ["order", *(("coreset", view, part) for view in (0, 1) for part in (0, 1))],
        KEYS,
    ),
    "tsc": ("tsc", "pretrain", PAIR, ["order"], KEYS),
    "kcl, in-batch": ("kcl_inbatch", "pretrain", ALONE, ["order"], VIEWS),
    "tsc, in-batch": ("tsc_inbatch", "pretrain", ALONE, ["order"], VIEWS),
    "proco, in-batch": (
        *("cogloat_proco_inbatch", "pretrain", ALONE),
        ["order", *(("coreset", view, part) for view in (0, 1) for part in (0, 1))],
        VIEWS,
    ),
    "paco": ("paco", "train", TWIN, ["order"], ("augment", "augment key")),
    "bcl": ("bcl", "train", {"projection": (8, 8)}, ["order"], ("augment", "augment contrast")),
    "m2m": ("m2m_ldam", "train", SURE, ["order"], ("augment", "translate")),
    "ce": ("ce", "train", {}, ["order"], ("augment",)),
    "finetune": ("kcl", "finetune", {}, ["order"], ("augment",)),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    """What methods need, by its name."""
    folder = tmp_path_factory.mktemp("files")
    np.save(folder / "targets.npy", np.eye(3, 8))
    weights = save_weights(folder / "weights.pt", Classifier(BACKBONE, 3, "linear"))
    return {"targets": folder / "targets.npy", "guide": weights, "encoder": weights}


def made(run: str, files: dict[str, Path], seed: int = 0, device: torch.device = CPU, **more):
    method, stage, changes, *_ = RUNS[run]
    small = {"batch_size": BATCH, "epochs": EPOCHS}
    config = configured(method, stage, 3, **small | changes | more)
    config = config.model_copy(
        update={"data": config.data.model_copy(update={"image_size": 2}), "backbone": BACKBONE}
    )
    given = {name: files[name] for name in config.settings.needs if name in files}
    if stage == "finetune":
        given["encoder"] = files["encoder"]
    coreset = TWO_PARTS if "proco" in method else None
    return build(config, IMAGES, coreset, seed=seed, device=device, **given)


def draws_of(run: str, files: dict[str, Path], seed: int = 0) -> list[Draw]:
    objective = made(run, files, seed)
    with recorded_draws() as draws:
        trained_epochs(objective, BATCH, range(EPOCHS))
    return draws


def expected_draws(run: str) -> list[tuple[int | str, ...]]:
    """Each is named by what is drawn, then epoch and step (or view and part)."""
    *_, an_epoch, a_step = RUNS[run]
    expected: list[tuple[int | str, ...]] = []
    for epoch in range(EPOCHS):
        for name in an_epoch:
            name, *rest = (name,) if isinstance(name, str) else name
            expected.append((name, epoch, *rest))
        for step in range(STEPS):
            # M2m makes images from the last of four epochs on
            names = [name for name in a_step if name != "translate" or epoch == EPOCHS - 1]
            expected += [(name, epoch, step) for name in names]
    return expected


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS)
def test_every_draw_is_another_and_always_the_same(run, files):
    """Names are pinned: with another name, or another order of numbers, no result comes again."""
    draws, again, other = (draws_of(run, files, seed) for seed in (0, 0, 1))
    assert sorted(map(str, (draw.where for draw in draws))) == sorted(map(str, expected_draws(run)))
    seeds = {draw.seed for draw in draws}
    assert len(seeds) == len(draws)
    assert draws == again
    assert {draw.run for draw in draws} == {0}
    assert {draw.run for draw in other} == {1}
    assert seeds.isdisjoint(draw.seed for draw in other)


def test_a_queue_is_filled_by_draws_of_its_own(files):
    """An order for each of two passes, and views for each of eight batches, six in a pass."""
    objective = made("kcl", files, queue_prefill=True)
    with recorded_draws() as draws:
        objective.start_epoch(0)
    batches = [("fill", *divmod(batch, STEPS)) for batch in range(8)]
    assert {draw.where for draw in draws} == {("fill", 0), ("fill", 1), *batches}
    seeds = {draw.seed for draw in draws}
    assert len(seeds) == 10
    assert seeds.isdisjoint(draw.seed for draw in draws_of("kcl", files))
    with recorded_draws() as again:
        objective.start_epoch(0)
        objective.start_epoch(1)
    assert again == draws
    another = made("kcl", files, 1, queue_prefill=True)
    with recorded_draws() as other:
        another.start_epoch(0)
    assert {draw.run for draw in other} == {1}


@pytest.mark.slow
@pytest.mark.parametrize("run", RUNS)
def test_a_step_draws_the_same_wherever_the_run_went_on_and_whatever_was_drawn_before(run, files):
    """Nothing comes from the global generator, so a resumed run draws as an uninterrupted one."""
    states = []
    for globally in (1, 2):
        objective = made(run, files)
        torch.manual_seed(globally)
        trained_epochs(objective, BATCH, range(1 + globally, EPOCHS))  # the second starts later
        objective.load_state_dict(made(run, files).state_dict())
        loss = objective.loss(torch.arange(BATCH), 3, 2)["loss"]
        states.append([loss.detach(), *objective.state_dict().values()])
    assert all(torch.equal(*values) for values in zip(*states, strict=True))


@pytest.mark.filterwarnings("ignore:.*from a non-meta parameter")
@pytest.mark.parametrize("run", RUNS)
def test_all_state_is_on_the_runs_device(run, files):
    """Shapes without values will do: nothing may be left on the CPU."""
    device = torch.device("meta")
    objective = made(run, files, device=device)
    assert {tensor.device for tensor in objective.state_dict().values()} == {device}


# --- where seeds come from ---


def test_seeds_of_different_draws_differ_and_fit_into_63_bits():
    where = [
        ("order", 0),
        ("order", 1),
        ("augment", 0, 1),
        ("augment", 1, 0),
        ("augment", 0, 11),
        ("augment", 1, 1),
        ("augment", 11, 1),
        (),
    ]
    seeds = [derive_seed(run, *draw) for run in (0, 1, 10) for draw in where]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(0, "order", 1) == derive_seed(0, "order", 1)


def test_a_generator_is_fresh_each_time():
    one, two = (torch.rand(3, generator=generator(0, "a", 1)) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, torch.rand(3, generator=generator(0, "a", 2)))


def test_initial_weights_depend_on_the_seed_alone_and_the_global_generator_is_left_alone():
    def drawn(seed: int) -> torch.Tensor:
        with seeded_globally(seed, "initialise", "train"):
            return torch.rand(3)

    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    one = drawn(0)
    assert torch.equal(torch.rand(2), expected)
    assert torch.equal(one, drawn(0))
    assert not torch.equal(one, drawn(1))
