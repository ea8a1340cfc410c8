"""Data that are long-tailed as they are train with every method, whole; a part can be held out."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from scripts import REPO, must

from cogloat.data.longtail import read_split
from cogloat.methods.settings import Computed, CoresetOf, FileAt, WeightsOf
from cogloat.results.history import read_history
from cogloat.results.metrics import Metrics
from cogloat.runs.load import load_method, run_config

pytestmark = pytest.mark.slow

COUNTS = {"ant": 40, "bee": 12, "cat": 1}
METHODS = sorted(file.stem for file in (REPO / "config/methods").glob("*.yaml"))
BUDGETS = {
    "pretrain": {"epochs": 2, "batch_size": 16},
    "finetune": {"epochs": 2, "batch_size": 16, "evaluate_every": 1},
    "train": {"epochs": 2, "batch_size": 16, "evaluate_every": 1},
    **{room: {"queue": 32, "key_momentum": 0.9} for room in ("moco", "proco", "tsc", "paco")},
    "proxy": {"epochs": 1, "batch_size": 16, "evaluate_every": 1},
}


class Own:
    """A user's own images, and runs on all of them."""

    def __init__(self, root: Path, counts: dict[str, int], **more: object) -> None:
        self.root, self.config = root, root / "config"
        self.store, self.split = root / "data", root / "natural.csv"
        self.done: dict[str, Path] = {}  # method -> weights.pt of its last stage
        draw = np.random.default_rng(0)
        for part, sizes in (("train", counts), ("test", dict.fromkeys(counts, 5))):
            for label, (name, count) in enumerate(sizes.items()):
                (root / "images" / part / name).mkdir(parents=True)
                for number in range(count):
                    pixels = draw.integers(0, 80, (8, 8, 3), dtype=np.uint8)
                    pixels[:, :, label] += 120
                    path = root / "images" / part / name / f"{number:02}.png"
                    Image.fromarray(pixels).save(path)
        (self.config / "datasets").mkdir(parents=True)
        for folder in ("methods", "coresets", "targets.yaml"):
            (self.config / folder).symlink_to(REPO / "config" / folder)
        digits = yaml.safe_load((REPO / "config/datasets/digits.yaml").read_text())
        source = {"kind": "image_folder", "path": str(root / "images")}
        own = {"label": "Mine", "source": source, "classes": len(counts), "overrides": BUDGETS}
        text = yaml.safe_dump(digits | own | more)
        (self.config / "datasets/mine.yaml").write_text(text)
        must("fetch.py", "--config", self.config, "--dataset", "mine", "--output", self.store)

    def drawn(self, *more: object) -> None:
        """Write the split."""
        must(
            *("split.py", "--labels", self.store / "train_labels.npy", "--factor", "natural"),
            *("--seed", 0, "--output", self.split, *more),
        )

    def trained(self, method: str, **files: Path) -> Path:
        """Train a method's stages and return the last one's folder."""
        folder = self.root / method
        for stage in load_method(self.config, method).stages:
            config = run_config(self.config, "mine", "natural", method, 0, stage)
            own = {name: self.needed(need) for name, need in config.settings.needs.items()}
            if stage == "finetune":
                own["encoder"] = self.done[method]
            output = folder / stage
            must(
                *("configure.py", "--config", self.config, "run", "--dataset", "mine", "--factor"),
                *("natural", "--method", method, "--seed", 0, "--stage", stage),
                *("--output", output / "config.json"),
            )
            inputs = own | (files if stage != "pretrain" else {})
            must(
                *("train.py", "--config", output / "config.json", "--store", self.store),
                *("--split", self.split, "--output-dir", output, "--scratch", folder / "scratch"),
                *(part for name, path in inputs.items() for part in ("--input", f"{name}={path}")),
            )
            self.done[method] = output / "weights.pt"
        return output

    def needed(self, need: CoresetOf | WeightsOf | FileAt) -> Path:
        """Return a file that a method needs, made if it is not there."""
        if isinstance(need, WeightsOf):
            if need.method not in self.done:
                self.trained(need.method)
            return self.done[need.method]
        path = self.root / "needed.npy" if isinstance(need, FileAt) else self.root / need.coreset
        if isinstance(need, FileAt):
            must(
                *("place_targets.py", "--classes", len(COUNTS), "--dimension", 128),
                *("--config", self.config / "targets.yaml", "--output", path),
            )
        elif not path.exists():
            config = self.root / f"{need.coreset}.json"
            must(
                *("configure.py", "--config", self.config, "coreset", "--dataset", "mine"),
                *("--factor", "natural", "--coreset", need.coreset, "--output", config),
            )
            must(
                *("select_coreset.py", "--config", config, "--store", self.store),
                *("--split", self.split, "--output", path, "--scratch", self.root / "scratch"),
            )
        return path


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Own:
    made = Own(tmp_path_factory.mktemp("own"), COUNTS)
    made.drawn()
    return made


def test_natural_data_are_all_there(own):
    _, labels = read_split(own.split)
    assert np.bincount(labels).tolist() == list(COUNTS.values())


@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_on_classes_of_40_12_and_1_images(own, method):
    last = own.trained(method)
    computed = isinstance(load_method(own.config, method).train, Computed)  # at once
    epochs = 1 if computed else 2
    accuracy = read_history(last / "history.csv", "test_accuracy", epochs)
    assert sorted(accuracy) == [*range(1, epochs + 1)]


def test_images_held_out_are_in_no_training_and_choose_the_best_epoch(tmp_path):
    held = {"images_per_class": 3, "seed": 0}
    own = Own(tmp_path, {"ant": 40, "bee": 12, "cat": 6}, validation=held)
    validation = tmp_path / "validation.csv"
    must(
        *("hold_out.py", "--labels", own.store / "train_labels.npy", "--images-per-class", 3),
        *("--seed", 0, "--output", validation),
    )
    own.drawn("--held-out", validation)
    trained_on, labels = read_split(own.split)
    held_out, _ = read_split(validation)
    assert np.bincount(labels).tolist() == [37, 9, 3]
    assert sorted([*trained_on, *held_out]) == list(range(58))
    last = own.trained("kcl", validation=validation)
    must(
        *("evaluate.py", "--config", last / "config.json", "--weights", last / "weights.pt"),
        *("--history", last / "history.csv", "--store", own.store, "--split", own.split),
        *("--many-above", 20, "--few-below", 5, "--metrics", tmp_path / "metrics.json"),
        *("--confusion", tmp_path / "confusion.csv"),
        *("--provenance", last.parent / "pretrain/provenance.json", last / "provenance.json"),
        *("--output-provenance", tmp_path / "provenance.json"),
    )
    judged = read_history(last / "history.csv", "validation_accuracy", 2)
    tested = read_history(last / "history.csv", "test_accuracy", 2)
    best = max(judged, key=lambda epoch: (judged[epoch], -epoch))
    found = Metrics.read(tmp_path / "metrics.json")
    assert (found.judged_by, found.best_epoch) == ("validation", best)
    assert found.best_accuracy == tested[best]
    identity = json.loads((last / "provenance.json").read_text())["identity"]
    assert "validation" in identity
