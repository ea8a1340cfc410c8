"""What a contrastive step is made of, seen from outside: rows, positives, queue, views, order."""

import formulas
import miniature
import pytest
import torch
from miniature import configured, image_set, numbered
from pair import BATCH, QUEUE, SMALL, Pair, found_in_queue
from torch import nn

from cogloat.methods.moco.settings import AdaptiveTemperature, ConstantTemperature, Positives

COUNTS = [13, 6, 5]
IMAGES = numbered(COUNTS)
GAMMA = 0.4
WARM = ConstantTemperature(kind="constant", value=0.6)
ADAPTIVE = AdaptiveTemperature(kind="adaptive", gamma=GAMMA)


LESS = AdaptiveTemperature(kind="adaptive", gamma=GAMMA, head=0.8, base=1.5)


def positives(dataset: int, queue: int | str) -> Positives:
    return Positives(from_dataset=dataset, from_queue=queue)


CASES = {
    "kcl": ("kcl", {"temperature": WARM, "positives": positives(0, 2)}),
    "kcl, all": ("kcl", {"temperature": ADAPTIVE, "positives": positives(0, "all")}),
    "kcl, images of the set": ("kcl", {"temperature": WARM, "positives": positives(2, 1)}),
    "cogloat": ("cogloat", {"temperature": ADAPTIVE}),
    "cogloat, one view a pass": ("cogloat", {"temperature": ADAPTIVE, "joint_views": False}),
    "cogloat, k-positive": ("cogloat", {"temperature": WARM, "positives": positives(3, 2)}),
    "cogloat, supervised": ("cogloat", {"temperature": ADAPTIVE, "positives": positives(1, "all")}),
    "batch": ("cogloat", {"temperature": ADAPTIVE, "negatives": "batch"}),
    "both": (
        "cogloat",
        {"temperature": ADAPTIVE, "negatives": "both", "positives": positives(2, 2)},
    ),
    "kcl, batch": (
        "kcl",
        {"temperature": WARM, "negatives": "batch", "positives": positives(0, "none")},
    ),
    "kcl, both": (
        "kcl",
        {"temperature": WARM, "negatives": "both", "positives": positives(0, 2)},
    ),
    "shuffled": ("cogloat", {"temperature": ADAPTIVE, "groups": 2}),
    "not shuffled": ("cogloat", {"temperature": ADAPTIVE, "groups": 1}),
    "kcl, scaled": ("kcl", {"temperature": LESS, "positives": positives(0, 2), "loss_scale": 0.25}),
    "cogloat, scaled": ("cogloat", {"temperature": LESS, "negatives": "both", "loss_scale": 1.0}),
    "shuffled, one view a pass": (
        "kcl",
        {
            "temperature": WARM,
            "positives": positives(2, 2),
            "groups": 2,
            "joint_views": False,
        },
    ),
}


@pytest.fixture(params=CASES)
def pair(request) -> Pair:
    method, changes = CASES[request.param]
    return Pair(method, IMAGES, **changes)


def expected_loss(pair, made):
    """Eq. 1, or KCL's, of what the encoders were given in a step."""
    settings = pair.settings
    queue, own = made.queue_KD, made.positives_BPD[:, 0]
    found = found_in_queue(made) & (settings.positives.from_queue != "none")
    nothing, itself = torch.zeros(BATCH, BATCH, dtype=torch.bool), torch.eye(BATCH).bool()
    parts = {"queue": [(queue, found, torch.zeros_like(found))], "batch": [(own, nothing, itself)]}
    parts["both"] = parts["queue"] + parts["batch"]
    negatives, found, masked = zip(*parts[settings.negatives], strict=True)
    shares = [COUNTS[y] / max(COUNTS) for y in made.labels]
    tau = {
        WARM: [WARM.value] * BATCH,
        ADAPTIVE: [GAMMA + (1 - GAMMA) * share for share in shares],
        LESS: [1.5 * (GAMMA + (0.8 - GAMMA) * share) for share in shares],
    }[settings.temperature]
    return formulas.contrast(
        made.queries_ABD[0],
        made.positives_BPD,
        torch.cat(negatives),
        tau,
        torch.cat(found, dim=1),
        torch.cat(masked, dim=1),
        separate=settings.denominator == "separate",
        scale=settings.loss_scale,
    )


@pytest.mark.slow
def test_every_step_of_every_epoch_is_the_formula_on_what_the_encoders_were_given(pair):
    """Value and gradient; `Pair` checks rows, momentum and queue."""
    for made in pair.steps(range(3)):
        expected = expected_loss(pair, made)
        torch.testing.assert_close(made.logged["loss"].double(), expected, rtol=1e-5, atol=1e-5)
        (gradient,) = torch.autograd.grad(expected, made.table)
        torch.testing.assert_close(made.gradient, gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("joint", [True, False])
def test_embeddings_in_bfloat16_are_compared_in_float32(joint):
    """And are so in the queue, from the first entries on."""
    changes = CASES["cogloat, k-positive"][1] | {"queue_prefill": True, "joint_views": joint}
    pair = Pair("cogloat", IMAGES, dtype=torch.bfloat16, **changes)
    for made in pair.steps(range(2)):
        assert made.logged["loss"].dtype == torch.float32
        expected = expected_loss(pair, made)
        torch.testing.assert_close(made.logged["loss"].double(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_positives_of_the_set_are_other_images_of_the_class_in_every_step(pair):
    k, drawn = pair.settings.positives.from_dataset, []
    for made in pair.steps(range(2)):
        own, *rest = made.numbers
        assert len(rest) == k
        for anchor, label in enumerate(made.labels):
            chosen = [view[anchor] for view in rest]
            assert all(IMAGES.labels_N[image] == label for image in chosen)
            assert own[anchor] not in chosen
            assert len(set(chosen)) == k
            drawn.append((own[anchor], *chosen))
    assert len(set(drawn)) > len(IMAGES) or k == 0  # redrawn on every visit


@pytest.mark.slow
def test_positives_of_the_queue_are_of_the_class_and_as_many_as_there_are(pair):
    """From the second epoch on the queue is full of labelled keys."""
    if pair.settings.positives.from_queue == "none":
        return
    most = pair.settings.positives.from_queue
    seen = set()
    for made in pair.steps(range(3)):
        found = found_in_queue(made)
        for anchor, label in enumerate(made.labels):
            chosen = found[anchor].nonzero()[:, 0].tolist()
            same = [place for place, other in enumerate(made.queue_labels) if other == label]
            assert set(chosen) <= set(same)
            assert len(chosen) == (len(same) if most == "all" else min(most, len(same)))
            seen |= set(chosen)
    assert seen == set(range(QUEUE))


@pytest.mark.slow
def test_keys_are_shuffled_anew_in_every_step_where_batch_norm_is_split():
    """Two of 24 orders of four are the given one by chance, so a few steps may keep it."""
    plain, split = (
        [made.shuffled for made in Pair("cogloat", IMAGES, groups=splits).steps(range(4))]
        for splits in (1, 2)
    )
    assert not any(plain)
    assert sum(split) > 18
    pair = Pair("kcl", IMAGES, groups=2)
    positions, orders = torch.arange(BATCH), set()
    for epoch, step in ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 3)):
        pair.step(positions, epoch, step)
        orders.add(pair.objective.key.given[0].numbers)
    assert len(orders) > 3


def test_an_images_views_are_in_one_group_of_a_batch_norm_in_groups():
    """Own key and k positives of two images in each half of a pass, as on two devices."""
    pair = Pair("cogloat", IMAGES, groups=2)
    for positions in pair.objective.order(0).split(BATCH):
        made = pair.step(positions, 0, 0)
        (given,) = pair.objective.key.given
        owns = dict(zip(made.numbers[0], zip(*made.numbers, strict=True), strict=True))
        rows = [given.numbers[start : start + 4] for start in range(0, 16, 4)]
        assert sorted(rows) == sorted(owns.values())


def test_query_and_keys_are_views_of_their_own():
    """Which of them are flipped differs between an image's views, between steps and epochs."""
    pair = Pair("cogloat", IMAGES, groups=1, joint_views=False)
    positions, seen = torch.arange(BATCH), []
    for epoch, step in ((0, 0), (0, 1), (1, 0), (1, 1)):
        pair.step(positions, epoch, step)
        views = [*pair.objective.query.given, *pair.objective.key.given]
        seen.append([flip for view in views for flip in view.flipped])
    flips = torch.tensor(seen).view(4, 5, BATCH)  # steps, views, images
    assert len(flips.flatten(1).unique(dim=0)) == 4
    assert len(flips.transpose(0, 1).flatten(1).unique(dim=0)) == 5
    assert 25 <= int(flips.sum()) <= 55  # of 80


def test_views_are_one_pass_or_one_each():
    for joint, passes in ((True, [4 * BATCH]), (False, [BATCH] * 4)):
        pair = Pair("cogloat", IMAGES, joint_views=joint)
        pair.step(torch.arange(BATCH), 0, 0)
        assert [len(given.numbers) for given in pair.objective.key.given] == passes


def test_each_epoch_has_an_order_of_its_own_and_always_the_same():
    objective, other = Pair("kcl", IMAGES).objective, Pair("cogloat", IMAGES).objective
    orders = [objective.order(epoch).tolist() for epoch in range(5)]
    assert all(sorted(order) == list(range(24)) for order in orders)
    assert len({tuple(order) for order in orders}) == 5
    assert [other.order(epoch).tolist() for epoch in range(5)] == orders  # seeds are paired


# --- the queue before the first step ---


@pytest.mark.parametrize("batches", [3, 6, 15])
def test_a_queue_filled_before_the_first_step_holds_keys_of_whole_passes(batches):
    """26 images give 6 whole batches a pass; of 15 batches, each pass has an order of its own."""
    images = numbered([14, 7, 5])
    pair = Pair("kcl", images, queue=batches * BATCH, queue_prefill=True)
    objective, key = pair.objective, pair.objective.key
    objective.start_epoch(0)
    assert objective.query.given == []
    assert [len(given.numbers) for given in key.given] == [BATCH] * batches
    assert not any(given.gradient for given in key.given)
    assert all(given.training for given in key.given)
    rows = [row for given in key.given for row in given.rows]
    numbers = [number for number, _ in rows]
    passes = [numbers[start : start + 24] for start in range(0, len(numbers), 24)]
    assert all(len(set(one)) == len(one) for one in passes)
    assert len({tuple(one[:BATCH]) for one in passes}) == len(passes)
    flips = [given.flipped for given in key.given]
    assert batches < 6 or len(set(flips)) > 4
    assert objective.queue.labels.tolist() == images.labels_N[numbers].tolist()
    torch.testing.assert_close(objective.queue.keys, miniature.rows_of(key.table, rows))
    kept = objective.queue.keys.clone()
    objective.start_epoch(1)
    assert torch.equal(objective.queue.keys, kept)


def test_a_queue_that_is_not_filled_begins_with_nobodys_random_keys():
    objective = Pair("kcl", IMAGES, queue_prefill=False).objective
    objective.start_epoch(0)
    assert objective.key.given == []
    assert objective.queue.labels.tolist() == [-1] * QUEUE
    torch.testing.assert_close(objective.queue.keys.norm(dim=1), torch.ones(QUEUE))


# --- what stays, and what later stages get ---


def built(method: str, **changes):
    config = configured(method, "pretrain", 3, **(SMALL | changes))
    images = image_set(COUNTS)
    coreset = images if "proco" in method else None
    return miniature.build(config, images, coreset)


def test_the_twins_begin_equal_and_only_one_is_trained():
    objective = built("kcl")
    for query, key in zip(objective.query.parameters(), objective.key.parameters(), strict=True):
        assert torch.equal(query, key)
        assert query.requires_grad
        assert not key.requires_grad


def test_later_stages_get_the_query_encoder():
    objective = built("kcl")
    for weight in objective.query.parameters():
        weight.data += 1
    weights = objective.weights()
    assert weights.keys() == objective.query.state_dict().keys()
    assert all(torch.equal(weights[k], v) for k, v in objective.query.state_dict().items())


@pytest.mark.parametrize("method", ["kcl", "cogloat", "cogloat_proco"])
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


@pytest.mark.slow
@pytest.mark.parametrize("splits", [1, 2])
@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("negatives", ["batch", "both", "queue"])
def test_every_choice_trains_a_real_network(negatives, joint, splits):
    objective = built("cogloat", negatives=negatives, groups=splits, joint_views=joint)
    loss = objective.loss(torch.arange(BATCH), 0, 0)["loss"]
    loss.backward()
    assert torch.isfinite(loss)
    assert all(weight.grad is not None for weight in objective.query.parameters())
    assert all(weight.grad is None for weight in objective.key.parameters())
    assert any(isinstance(m, nn.BatchNorm2d) for m in objective.query.modules())


@pytest.mark.slow
def test_every_ablation_of_the_paper_is_a_loss_of_its_own():
    losses = {}
    for method in (
        *("kcl", "kcl_global", "kcl_adaptive", "kcl_proco"),
        *("cogloat", "cogloat_supervised", "cogloat_k_positive", "cogloat_proco"),
    ):
        objective = built(method, queue=24)  # more of a class than the k of a k-positive loss
        for epoch in range(2):
            objective.start_epoch(epoch)
            for step, positions in enumerate(objective.order(epoch).split(BATCH)):
                loss = objective.loss(positions, epoch, step)["loss"]
        losses[method] = round(float(loss.detach()), 4)
    assert len(set(losses.values())) == len(losses), losses
