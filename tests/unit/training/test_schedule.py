import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from miniature import CONFIG

from cogloat.methods.settings import Cosine, Steps, Training
from cogloat.runs.load import load_method
from cogloat.training.schedule import begins_cycle, learning_rate_factor

TEN = range(1, 11)


def cosine(share: float) -> float:
    return 0.5 + 0.5 * math.cos(math.pi * share)


def factors_of(stage: Training, epochs: int | None = None) -> list[float]:
    epochs = epochs or stage.epochs
    return [learning_rate_factor(stage.schedule, epoch, epochs) for epoch in range(epochs)]


@pytest.mark.parametrize(
    "method",
    ["balanced_softmax", "cb_ce", "ce", "ce_drw", "focal", "ldam", "ldam_drw", "m2m_ldam"],
)
def test_ldam_recipe_in_every_epoch(method):
    """kaidic/LDAM-DRW:cifar_train.py: 0.1, five epochs of warm-up, falls by 100 at 160 and 180."""
    train = load_method(CONFIG, method).train
    warmup = [1 / 5, 2 / 5, 3 / 5, 4 / 5, 1]
    assert (train.epochs, train.optimizer.lr) == (200, 0.1)
    assert factors_of(train) == pytest.approx(
        warmup + [1] * 155 + [0.01] * 20 + [0.0001] * 20, rel=1e-12
    )


def test_paco_recipe_in_every_epoch():
    """PaCo/LT/sh/CIFAR100_train_imb*.sh: 0.05, ten epochs of warm-up, falls by 10 at 321 and 361.

    The official warm-up of its CIFAR script goes on to 1.1 in the eleventh epoch.
    """
    train = load_method(CONFIG, "paco").train
    warmup = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
    assert (train.epochs, train.optimizer.lr) == (400, 0.05)
    assert factors_of(train) == pytest.approx(
        warmup + [1.1] + [1] * 310 + [0.1] * 40 + [0.01] * 39, rel=1e-12
    )


def test_bcl_recipe_in_every_epoch():
    """ConCutMix:run_files: 0.15, five epochs of warm-up, falls by 10 at 160 and 180."""
    train = load_method(CONFIG, "bcl").train
    warmup = [1 / 5, 2 / 5, 3 / 5, 4 / 5, 1]
    assert (train.epochs, train.optimizer.lr) == (200, 0.15)
    assert factors_of(train) == pytest.approx(
        warmup + [1] * 155 + [0.1] * 20 + [0.01] * 20, rel=1e-12
    )


@pytest.mark.parametrize(
    "method", ["kcl", "tsc", "cogloat", "cogloat_proco", "kcl_inbatch", "tsc_inbatch", "supcon"]
)
def test_second_stage_in_every_epoch(method):
    """Appendix A of TSC's supplement: 200 epochs at 0.1, falls by 10 at 140, 180 and 190."""
    finetune = load_method(CONFIG, method).finetune
    assert (finetune.epochs, finetune.optimizer.lr) == (200, 0.1)
    assert factors_of(finetune) == pytest.approx(
        [1] * 140 + [0.1] * 40 + [0.01] * 10 + [0.001] * 10, rel=1e-12
    )


@pytest.mark.parametrize("method", ["kcl", "cogloat", "cogloat_proco"])
def test_contrastive_stage_is_one_cosine_without_warm_up(method):
    """LTH14/targeted-supcon:moco, over the 1000 epochs of the paper."""
    pretrain = load_method(CONFIG, method).pretrain
    expected = [0.5 + 0.5 * math.cos(math.pi * e / 1000) for e in range(1000)]
    assert factors_of(pretrain) == pytest.approx(expected, abs=1e-12)
    starts = [e for e in range(1000) if begins_cycle(pretrain.schedule, e, 1000)]
    assert starts == [0]


@pytest.mark.parametrize(
    "method", ["supcon", "simclr", "kcl_inbatch", "cogloat_inbatch", "cogloat_proco_inbatch"]
)
def test_stage_within_the_batch_warms_up_from_one_fiftieth_and_falls_to_a_thousandth(method):
    """SupContrast: 0.5, ten epochs from 0.01, a cosine to 0.5 / 1000 over all 1000."""
    pretrain = load_method(CONFIG, method).pretrain
    assert (pretrain.epochs, pretrain.optimizer.lr) == (1000, 0.5)
    rates = [0.5 * factor for factor in factors_of(pretrain)]
    assert rates[:10] == pytest.approx([0.01 + 0.49 * e / 9 for e in range(10)])
    low = 0.0005
    expected = [low + (0.5 - low) * cosine(e / 1000) for e in range(10, 1000)]
    assert rates[10:] == pytest.approx(expected)


@pytest.mark.parametrize("epochs", [400, 1000])
def test_tsc_is_two_cosines_and_the_second_begins_with_the_targets(epochs):
    """LTH14/targeted-supcon: 200 epochs KCL, 200 with targets, each its own cosine to 0."""
    pretrain, half = load_method(CONFIG, "tsc").pretrain, epochs // 2
    one = [0.5 + 0.5 * math.cos(math.pi * e / half) for e in range(half)]
    factors = factors_of(pretrain, epochs)
    assert factors == pytest.approx(one + one, abs=1e-12)
    assert [e for e, factor in enumerate(factors) if factor == 1] == [0, half]
    starts = [e for e in range(epochs) if begins_cycle(pretrain.schedule, e, epochs)]
    assert starts == [0, half]
    assert pretrain.targets.start * epochs == half


@pytest.mark.parametrize("method", ["ce_drw", "ldam_drw", "m2m_ldam"])
def test_deferral_ends_where_the_rate_first_falls(method):
    """Epoch 160 of 200: Cao et al. 2019 (weights), Kim et al. 2020 (synthesis)."""
    train = load_method(CONFIG, method).train
    deferred = train.synthesis if method == "m2m_ldam" else train.reweight
    assert deferred.start * train.epochs == 160
    assert factors_of(train)[159:161] == [1, 0.01]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(cycles=st.integers(1, 6), epochs=st.integers(1, 60))
def test_cycles_are_equal_parts_that_fall_from_one(cycles, epochs):
    """As many as there are epochs for; lengths differ by one epoch at most."""
    schedule = Cosine(kind="cosine", cycles=cycles)
    starts = [e for e in range(epochs) if begins_cycle(schedule, e, epochs)]
    assert starts[0] == 0
    assert len(starts) == min(cycles, epochs)
    parts = list(zip(starts, [*starts[1:], epochs], strict=True))
    lengths = [end - start for start, end in parts]
    assert max(lengths) - min(lengths) <= 1
    for start, end in parts:
        factors = [learning_rate_factor(schedule, e, epochs) for e in range(start, end)]
        assert factors[0] == 1
        assert factors == sorted(set(factors), reverse=True)
        assert factors[-1] > 0


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Cosine(kind="cosine", warmup=0.2), [0.5, 1, *(cosine(e / 10) for e in range(2, 10))]),
        (
            Cosine(kind="cosine", warmup=0.25, cycles=2),  # the warm-up is of the first cycle alone
            [1 / 3, 2 / 3, 1, cosine(3 / 5), cosine(4 / 5), *(cosine(e / 5) for e in range(5))],
        ),
        (
            Steps(kind="steps", warmup=0.01, at=(0.25, 0.45), factors=(0.3, 2.0)),  # 3 and 5
            [1, 1, 1, 0.3, 0.3, 2, 2, 2, 2, 2],
        ),
        (Steps(kind="steps", at=(0.0,), factors=(0.5,)), [0.5] * 10),
        (Steps(kind="steps", at=(), factors=()), [1] * 10),
        (
            Steps(kind="steps", warmup=1.0, at=(0.3,), factors=(0.1,)),
            [e / 10 for e in range(1, 11)],
        ),
    ],
)
def test_ten_epochs_by_hand(schedule, expected):
    assert [learning_rate_factor(schedule, e, 10) for e in range(10)] == pytest.approx(expected)


@given(
    epochs=st.integers(1, 40),
    start=st.floats(0, 1),
    floor=st.floats(0, 1),
    share=st.floats(0.01, 1),
)
def test_warm_up_rises_from_its_first_value_and_the_cosine_stays_above_its_floor(
    epochs, start, floor, share
):
    schedule = Cosine(kind="cosine", warmup=share, warmup_from=start, floor=floor)
    factors = [learning_rate_factor(schedule, epoch, epochs) for epoch in range(epochs)]
    warm = max(1, math.floor(share * epochs + 0.5))
    assert factors[0] == start
    assert factors[:warm] == sorted(factors[:warm])
    assert warm == 1 or factors[warm - 1] == pytest.approx(1)
    assert all(floor <= factor + 1e-12 for factor in factors[warm:])
    assert factors[warm:] == sorted(factors[warm:], reverse=True)


@given(epochs=st.integers(1, 40), warmup=st.floats(0, 1), cycles=st.integers(1, 3))
def test_without_a_first_value_and_a_floor_it_is_as_it_always_was(epochs, warmup, cycles):
    given_none = Cosine(kind="cosine", warmup=warmup, cycles=cycles)
    given_zero = Cosine(kind="cosine", warmup=warmup, cycles=cycles, warmup_from=None, floor=0.0)
    for epoch in range(epochs):
        one, two = (learning_rate_factor(s, epoch, epochs) for s in (given_none, given_zero))
        assert one == two


def test_first_value_of_no_warm_up_is_refused():
    with pytest.raises(ValueError, match=r"warmup_from \(0.02\) has no warm-up. Write a `warmup`"):
        Cosine(kind="cosine", warmup_from=0.02)


def test_steps_begin_no_cycle():
    schedule = Steps(kind="steps", at=(0.5,), factors=(0.1,))
    assert not any(begins_cycle(schedule, epoch, 10) for epoch in range(10))


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ("from_one", [cosine(epoch / 5) for epoch in range(5)]),  # MoCo, KCL, TSC
        ("between", [cosine(epoch / 6) for epoch in range(1, 6)]),  # PaCo, BCL
        ("to_zero", [0.9045085, 0.6545085, 0.3454915, 0.0954915, 0.0]),  # LWS' five epochs
    ],
)
def test_epochs_are_at_the_named_points_of_the_cosine(points, expected):
    schedule = Cosine(kind="cosine", points=points)
    found = [learning_rate_factor(schedule, epoch, 5) for epoch in range(5)]
    assert found == pytest.approx(expected, abs=1e-7)


def test_pacos_cosine_begins_after_its_warm_up():
    """PaCo/LT/paco_lt.py: with w epochs of warm-up, cos(pi (e - w + 1) / (E - w + 1))."""
    schedule = Cosine(kind="cosine", warmup=0.025, points="between")
    found = [learning_rate_factor(schedule, epoch, 400) for epoch in range(400)]
    warmup = [(epoch + 1) / 10 for epoch in range(10)]
    assert found == pytest.approx(warmup + [cosine((e - 9) / 391) for e in range(10, 400)])


def test_each_cycle_has_the_named_points_of_its_own():
    schedule = Cosine(kind="cosine", cycles=2, points="to_zero")
    found = [learning_rate_factor(schedule, epoch, 8) for epoch in range(8)]
    assert found == pytest.approx([cosine(e / 4) for e in (1, 2, 3, 4)] * 2, abs=1e-12)


def test_cosine_starts_at_one_and_falls_towards_zero():
    factors = [learning_rate_factor(Cosine(kind="cosine"), e, 1000) for e in range(1000)]
    assert factors[0] == 1
    assert factors[500] == pytest.approx(0.5)
    assert factors[999] == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.999)))
    assert factors == sorted(factors, reverse=True)


@given(epochs=st.integers(1, 50), warmup=st.floats(0, 1))
def test_factor_stays_between_zero_and_one(epochs, warmup):
    schedule = Cosine(kind="cosine", warmup=warmup)
    factors = [learning_rate_factor(schedule, epoch, epochs) for epoch in range(epochs)]
    assert all(0 <= factor <= 1 for factor in factors)
