"""The images that a tiny run was tested on, as files: predictions are those of its evaluation."""

import csv
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scripts import REPO, Tiny, must, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["ce", "ldam"])
def trained(request, tiny: Tiny) -> Path:
    """The folder of an evaluated run."""
    folder = tiny.root / "predict" / request.param / "seed0"
    config = tiny.effective(request.param, "train")
    stage = folder / "train"
    must("train.py", *tiny.arguments(config, stage))
    (stage / "config.json").write_bytes(config.read_bytes())
    must(
        *("evaluate.py", "--config", stage / "config.json", "--weights", stage / "weights.pt"),
        *("--history", stage / "history.csv", "--provenance", stage / "provenance.json"),
        *("--store", tiny.store, "--split", tiny.split, "--many-above", 50, "--few-below", 10),
        *("--metrics", folder / "metrics.json", "--confusion", folder / "confusion.csv"),
        *("--output-provenance", folder / "provenance.json"),
    )
    return folder


@pytest.fixture(scope="module")
def photos(tiny: Tiny) -> Path:
    """The store's test images as PNG files, in a folder a class."""
    images, labels = (np.load(tiny.store / f"test_{what}.npy") for what in ("images", "labels"))
    for number, (pixels, label) in enumerate(zip(images, labels, strict=True)):
        folder = tiny.root / "photos" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.transpose(1, 2, 0)).save(folder / f"{number:03d}.png")
    return tiny.root / "photos"


def predicted(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_accuracy_is_that_of_the_metrics_and_so_is_every_confusion(tiny, trained, photos):
    output = tiny.root / "predictions.csv"
    must("predict.py", "--run", trained, "--output", output, photos)
    rows = predicted(output)
    pairs = [(Path(row["file"]).parent.name, row["class"]) for row in rows]
    metrics = json.loads((trained / "metrics.json").read_text())
    assert len(rows) == len(np.load(tiny.store / "test_labels.npy"))
    hits = sum(true == found for true, found in pairs)
    assert 100 * hits / len(rows) == metrics["accuracy"]
    confused = predicted(trained / "confusion.csv")
    for row in confused:
        for name in metrics["classes"]:
            assert int(row[name]) == pairs.count((row["true class"], name))


def test_probabilities_are_a_distribution_whose_mode_is_the_class(tiny, trained, photos):
    output = tiny.root / "predictions.csv"
    must("predict.py", "--run", trained, "--output", output, photos / "3")
    names = json.loads((trained / "metrics.json").read_text())["classes"]
    for row in predicted(output):
        shares = {name: float(row[name]) for name in names}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-4)
        assert max(shares.values()) == shares[row["class"]] == float(row["probability"])


def test_by_hand_it_is_the_same_table(tiny, trained, photos):
    whole, by_hand = tiny.root / "whole.csv", tiny.root / "by_hand.csv"
    must("predict.py", "--run", trained, "--output", whole, photos)
    (tiny.root / "names.txt").write_text("".join(f"{name}\n" for name in range(10)))
    for classes in (tiny.store / "store.json", tiny.root / "names.txt"):
        must(
            *("predict.py", "--config", trained / "train/config.json"),
            *("--weights", trained / "train/weights.pt", "--classes", classes),
            *("--output", by_hand, "--threads", 2, photos),
        )
        assert by_hand.read_bytes() == whole.read_bytes()


def test_command_of_the_page_works(tiny, trained, photos):
    page = (REPO / "docs/sharing.md").read_text()
    (command,) = re.findall(r"^python src/predict\.py (--run .*)$", page, re.M)
    here = {"results/runs/digits/if100/ce/seed0": trained, "photos": photos}
    arguments = [here.get(word, word) for word in shlex.split(command)]
    arguments[arguments.index("predictions.csv")] = tiny.root / "page.csv"
    assert {*here.values()} < {*arguments}
    done = run("predict.py", *arguments)
    assert done.returncode == 0, done.stderr
    assert len(predicted(tiny.root / "page.csv")) > 300
