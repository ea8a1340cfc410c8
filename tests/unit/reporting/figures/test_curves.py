import numpy as np
import pytest
from artefacts import CONFIG, effective
from drawing import refused, twice_the_same

from cogloat.reporting.figures.curves import Curve, looks
from cogloat.reporting.figures.style import PALETTE
from cogloat.results.history import write_history
from plot_curves import main

pytestmark = pytest.mark.slow

THIRD = 100 / 3


def of_stages(stages):
    return [Curve(f"m{n}", stage, np.ones(1), np.ones((1, 1))) for n, stage in enumerate(stages)]


@pytest.mark.parametrize(
    "stages", [["train", "finetune"] * 14, ["train"] * 14 + ["finetune"] * 14, ["train"] * 14]
)
def test_up_to_14_methods_of_a_kind_differ_in_colour_or_line(stages):
    found = looks(of_stages(stages))
    assert len(set(found.values())) == len(found) == len(stages)
    dashes = {(stage, dash) for stage, (_, dash) in zip(stages, found.values(), strict=True)}
    assert dashes <= {("train", "--"), ("train", ":"), ("finetune", "-"), ("finetune", "-.")}


def test_few_methods_differ_in_colour_whatever_their_kind():
    found = looks(of_stages(["train", "finetune", "finetune", "train"] + ["train"] * 3))
    assert len({ink for ink, _ in found.values()}) == len(PALETTE)


# --- the script ---


@pytest.fixture
def histories(tmp_path):
    """Two seeds of a one-stage and of a two-stage method: history.csv and config.json."""
    folder = tmp_path / "runs"
    for method, stages in (("ce", ("train",)), ("kcl", ("pretrain", "finetune"))):
        for stage in stages:
            for seed in (0, 1):
                own = folder / method / str(seed) / stage
                effective(own / "config.json", method, stage, seed, epochs=4)
                measured = [None, 40.0 + seed, None, THIRD]
                rows = [
                    {"epoch": epoch, "lr": 0.1, "loss": 5.0 - epoch, "test_accuracy": accuracy}
                    for epoch, accuracy in enumerate(measured, 1)
                ]
                if stage == "pretrain":
                    rows = [{key: row[key] for key in ("epoch", "lr", "loss")} for row in rows]
                write_history(own / "history.csv", rows)
    return folder


def flags(folder, **changed):
    files = sorted(folder.rglob("history.csv"))
    return {"history": files, "config": CONFIG, "numbers": "curves.csv"} | changed


def test_figure_is_drawn_and_its_numbers_are_means_over_the_seeds(histories, tmp_path):
    files = twice_the_same(main, tmp_path, **flags(histories))
    assert sorted(files) == ["curves.csv", "figure.pdf", "figure.png"]
    rows = [f"{method},{row}" for method in ("ce", "kcl") for row in ("2,40.5", f"4,{THIRD!r}")]
    assert files["curves.csv"].decode().split() == ["method,epoch,accuracy", *rows]


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["train", "pretrain"])
def test_curves_of_one_kind_alone_are_drawn(histories, tmp_path, stage):
    files = sorted(histories.rglob(f"{stage}/history.csv"))
    twice_the_same(main, tmp_path, **flags(histories, history=files))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("history.csv", "epoch,lr\n1,\n2,\n3,\n4,\n", "history.csv: test_accuracy: not measured"),
        ("history.csv", "epoch,lr\n1,0.1\n", "history.csv: has 1 of the stage's 4 epochs"),
        (
            *("history.csv", "epoch,test_accuracy\n1,\n2,\n3,\n4,5\n"),
            "history.csv: epoch: not those of",
        ),
        ("config.json", "{}", "config.json: dataset: missing key"),
        ("config.json", None, "config.json: no such file"),
    ],
)
def test_damaged_stage_is_named(histories, tmp_path, name, text, message):
    stage = histories / "kcl" / "1" / "finetune"
    if text is None:
        (stage / name).unlink()
    else:
        (stage / name).write_text(text)
    refused(main, tmp_path, f"{stage}/{message}", **flags(histories))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"factor": 100}, "dataset: digits IF 100, but"),
        ({"seed": 0}, "seed: digits/if60/kcl/seed0/finetune is"),
    ],
)
def test_other_data_or_the_same_run_is_refused(histories, tmp_path, changed, message):
    stage = histories / "kcl" / "1" / "finetune"
    effective(stage / "config.json", "kcl", "finetune", **({"seed": 1, "epochs": 4} | changed))
    refused(main, tmp_path, f"{stage}/history.csv: {message}", **flags(histories))
