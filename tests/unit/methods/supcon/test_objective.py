"""What a step within the batch is made of, seen from outside: rows, positives, views, order."""

import formulas
import pytest
import torch
from miniature import build, configured, image_set, numbered
from single import BATCH, SMALL, Single

from cogloat.methods.moco.settings import AdaptiveTemperature, ConstantTemperature
from cogloat.methods.supcon.settings import BatchPositives

COUNTS = [13, 7, 5]  # so that the last of seven batches is one image
IMAGES = numbered(COUNTS)
GAMMA, WARM = 0.4, ConstantTemperature(kind="constant", value=0.6)
ADAPTIVE = AdaptiveTemperature(kind="adaptive", gamma=GAMMA)


def positives(dataset: int, batch: int | str, *, gradient: bool = True) -> BatchPositives:
    return BatchPositives(from_dataset=dataset, from_batch=batch, gradient=gradient)


CASES = {
    "supcon": ("supcon", {"temperature": WARM, "loss_scale": 0.2}),
    "supcon, adaptive": ("supcon", {"temperature": ADAPTIVE, "loss_scale": 0.2}),
    "simclr": ("simclr", {"temperature": WARM, "loss_scale": None}),
    "kcl": ("kcl_inbatch", {"temperature": WARM, "positives": positives(0, 2)}),
    "kcl, images of the set": (
        *("kcl_inbatch",),
        {"temperature": ADAPTIVE, "positives": positives(2, 1), "loss_scale": None},
    ),
    "cogloat": ("cogloat_inbatch", {"temperature": ADAPTIVE}),
    "cogloat, scaled": ("cogloat_inbatch", {"temperature": ADAPTIVE, "loss_scale": 0.5}),
    "cogloat, without gradient": (
        *("cogloat_inbatch",),
        {"temperature": ADAPTIVE, "positives": positives(3, "none", gradient=False)},
    ),
    "cogloat, k-positive": (
        *("cogloat_inbatch",),
        {"temperature": WARM, "positives": positives(3, 2)},
    ),
    "cogloat, supervised": (
        *("cogloat_inbatch",),
        {"temperature": ADAPTIVE, "positives": positives(1, "all")},
    ),
}


@pytest.fixture(params=CASES)
def single(request) -> Single:
    method, changes = CASES[request.param]
    return Single(method, IMAGES, **changes)


def expected_loss(single, made):
    """SupCon's, or eq. 1, of what the encoder was given in a step."""
    settings = single.settings
    adaptive = [GAMMA + (1 - GAMMA) * COUNTS[y] / max(COUNTS) for y in made.labels]
    others = made.positives_NPD
    return formulas.in_batch(
        made.anchors_ND,
        others if settings.positives.gradient else others.detach(),
        adaptive if settings.temperature == ADAPTIVE else [WARM.value] * len(made.labels),
        made.found_NN,
        separate=settings.denominator == "separate",
        scale=settings.loss_scale,
    )


@pytest.mark.slow
def test_every_step_of_every_epoch_is_the_formula_on_what_the_encoder_was_given(single):
    """Value and gradient, the short last batch's too; `Single` checks rows and passes."""
    sizes = []
    for made in single.steps(range(2)):
        sizes.append(len(made.labels))
        expected = expected_loss(single, made)
        torch.testing.assert_close(made.logged["loss"].double(), expected, rtol=1e-5, atol=1e-5)
        (gradient,) = torch.autograd.grad(expected, made.table)
        torch.testing.assert_close(made.gradient, gradient, rtol=1e-4, atol=1e-5)
    assert sizes == [2 * BATCH, 2 * BATCH, 2 * BATCH, 2 * BATCH, 2 * BATCH, 2 * BATCH, 2] * 2


def test_embeddings_in_bfloat16_are_compared_in_float32():
    single = Single("cogloat_inbatch", IMAGES, dtype=torch.bfloat16, temperature=ADAPTIVE)
    for made in single.steps(range(1)):
        assert made.logged["loss"].dtype == torch.float32
        expected = expected_loss(single, made)
        torch.testing.assert_close(made.logged["loss"].double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_positives_of_the_set_are_other_images_of_the_class_in_every_step(single):
    """Drawn once an image, for both of its views."""
    k, drawn = single.settings.positives.from_dataset, []
    for made in single.steps(range(2)):
        own, _, *rest = made.numbers
        for anchor, label in enumerate(made.labels[: len(own)]):
            chosen = [view[anchor] for view in rest]
            assert all(IMAGES.labels_N[image] == label for image in chosen)
            assert own[anchor] not in chosen
            assert len(set(chosen)) == k
            drawn.append((own[anchor], *chosen))
    assert len(set(drawn)) > len(IMAGES) or k == 0  # redrawn on every visit


def test_positives_of_the_set_are_drawn_anew_for_the_same_images_in_another_step():
    single, images = Single("cogloat_inbatch", IMAGES), torch.arange(BATCH)
    steps = [single.step(images, *step).numbers[2:] for step in ((0, 0), (0, 1), (1, 0), (1, 1))]
    assert len(torch.tensor(steps).flatten(1).unique(dim=0)) == 4


@pytest.mark.slow
def test_positives_of_the_batch_are_of_the_class_and_as_many_as_there_are(single):
    most = {"none": 0, "all": 2 * BATCH}.get(single.settings.positives.from_batch)
    most = single.settings.positives.from_batch if most is None else most
    for made in single.steps(range(2)):
        count = len(made.labels)
        for anchor, label in enumerate(made.labels):
            chosen = made.found_NN[anchor].nonzero()[:, 0].tolist()
            itself = {anchor, (anchor + count // 2) % count}
            same = {row for row in range(count) if made.labels[row] == label} - itself
            assert set(chosen) <= same
            assert len(chosen) == min(most, len(same))


def test_positives_of_the_batch_are_drawn_anew_in_every_step_and_for_each_anchor():
    single = Single("kcl_inbatch", numbered([20, 2, 2]), positives=positives(0, 2))
    ours = (single.images.labels_N == 0).nonzero()[:BATCH, 0]
    steps = [(0, 0), (0, 1), (1, 0), (1, 1)]
    masks = torch.stack([single.step(ours, *step).found_NN for step in steps])
    again = torch.stack([single.step(ours, *step).found_NN for step in steps])
    assert torch.equal(masks, again)
    assert len(masks.flatten(1).unique(dim=0)) == 4
    assert len(masks.flatten(0, 1).unique(dim=0)) > 8


def test_all_views_are_augmentations_of_their_own():
    """Which of them are flipped differs between an image's views, between steps and epochs."""
    single = Single("cogloat_inbatch", IMAGES)
    positions = torch.arange(BATCH)
    seen = [single.step(positions, *step).flipped for step in ((0, 0), (0, 1), (1, 0), (1, 1))]
    flips = torch.tensor(seen)  # steps, views, images
    assert flips.shape == (4, 5, BATCH)
    assert len(flips.flatten(1).unique(dim=0)) == 4
    assert len(flips.transpose(0, 1).flatten(1).unique(dim=0)) == 5
    assert 25 <= int(flips.sum()) <= 55  # of 80


def test_each_epoch_has_an_order_of_its_own_and_that_of_the_momentum_pair():
    objective = Single("supcon", IMAGES).objective
    other = build(configured("cogloat", "pretrain", 3, batch_size=BATCH, queue=12), IMAGES)
    orders = [objective.order(epoch).tolist() for epoch in range(5)]
    assert all(sorted(order) == list(range(25)) for order in orders)
    assert len({tuple(order) for order in orders}) == 5
    assert [other.order(epoch).tolist() for epoch in range(5)] == orders  # seeds are paired


def test_labels_of_the_batch_leave_eq_1_as_it_is():
    """No label filter: with one temperature, images of the class are negatives as all others."""
    images = numbered([8, 8])
    losses = []
    for labels in (images.labels_N, torch.arange(16) % 2, 1 - torch.arange(16) % 2):
        relabelled = type(images)(images.images_NCHW, labels, images.counts_C)
        single = Single(
            "cogloat_inbatch", relabelled, temperature=WARM, positives=positives(0, "none")
        )
        losses.append(single.step(torch.arange(BATCH), 0, 0).logged["loss"].detach())
    assert torch.equal(losses[0], losses[1])
    assert torch.equal(losses[0], losses[2])


# --- what stays, and what later stages get ---


def built(method: str, **changes):
    config = configured(method, "pretrain", 3, **(SMALL | changes))
    images = image_set(COUNTS)
    return build(config, images, images if "proco" in method else None)


def test_later_stages_get_the_encoder():
    objective = built("supcon")
    for weight in objective.encoder.parameters():
        weight.data += 1
    weights = objective.weights()
    assert weights.keys() == objective.encoder.state_dict().keys()
    assert all(torch.equal(weights[k], v) for k, v in objective.encoder.state_dict().items())


@pytest.mark.parametrize("method", ["kcl_inbatch", "cogloat_inbatch", "cogloat_proco_inbatch"])
def test_the_state_dictionary_is_all_the_state(method):
    """A second objective with the first one's state goes on as it does, and draws as it does."""
    one, two = built(method), built(method)
    one.start_epoch(0)
    one.loss(torch.arange(BATCH), 0, 0)
    for weight in two.parameters():
        weight.data.zero_()
    two.load_state_dict(one.state_dict())
    torch.manual_seed(1)
    losses = [objective.loss(torch.arange(BATCH), 1, 3)["loss"] for objective in (one, two)]
    assert torch.equal(*losses)
    assert all(torch.equal(one.state_dict()[k], v) for k, v in two.state_dict().items())


@pytest.mark.parametrize("size", [1, 2, BATCH])
@pytest.mark.parametrize("method", ["supcon", "simclr", "cogloat_inbatch", "cogloat_proco_inbatch"])
def test_every_choice_trains_a_real_network_on_batches_of_any_size(method, size):
    objective = built(method)
    objective.start_epoch(0)
    loss = objective.loss(torch.arange(size), 0, 0)["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    gradients = [weight.grad for weight in objective.encoder.parameters()]
    assert all(gradient is not None and torch.isfinite(gradient).all() for gradient in gradients)


def test_methods_are_losses_of_their_own():
    losses = {}
    for method in ("supcon", "simclr", "kcl_inbatch", "cogloat_inbatch", "cogloat_proco_inbatch"):
        changes = {"positives": positives(0, 1)} if method == "kcl_inbatch" else {}
        objective = built(method, **changes)
        objective.start_epoch(0)
        losses[method] = round(float(objective.loss(torch.arange(BATCH), 0, 0)["loss"].detach()), 4)
    assert len(set(losses.values())) == len(losses), losses
