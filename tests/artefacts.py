"""Files of results written by hand, and the smallest store with a split of it."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from miniature import BACKBONE
from scripts import REPO

from cogloat.checkpoint import save_checkpoint
from cogloat.config.reading import dump
from cogloat.config.types import HeadName, StageName
from cogloat.data.longtail import write_split
from cogloat.data.store import MANIFEST, Images, write_store
from cogloat.files import sha256, write_text
from cogloat.models.networks import Classifier
from cogloat.results.calibration import Calibration, Work
from cogloat.results.history import write_history
from cogloat.results.metrics import Metrics
from cogloat.results.provenance import Evaluation, Process, Run, Stage
from cogloat.results.timings import PARTS, Timing
from cogloat.runs.effective import RunConfig
from cogloat.runs.load import run_config
from cogloat.runs.work import kind_of_work

CONFIG = REPO / "config"
CLASSES, EACH = 10, 3  # test images of a class
CLASS_NAMES = tuple(f"class {label}" for label in range(CLASSES))
COUNTS = (60, 60, 50, 30, 20, 10, 10, 2, 2, 1)
KCL = [(1.0, 0.5, 0.0), (4.0, 3.0, 0.0), (2.0, 1.5, 0.0)]  # step, floor, refresh of three rounds


def command_line(**flags: Any) -> list[str]:
    """Return --flag value ...; a list is several values of one flag."""
    arguments = []
    for flag, value in flags.items():
        values = value if isinstance(value, list | tuple) else [value]
        arguments += [f"--{flag.replace('_', '-')}", *map(str, values)]
    return arguments


def metrics(**changes: Any) -> Metrics:
    """Return the metrics of a run; all groups' numbers differ."""
    known = {
        **{"dataset": "cifar10", "factor": 100, "method": "kcl", "seed": 0},
        **{"split_sha256": "a" * 64, "epochs": {"pretrain": 1000, "finetune": 200}},
        "augmentations": {"pretrain": ("contrastive",), "finetune": ("weak",)},
        **{"accuracy": 77.0, "history_accuracy": 77.0, "best_accuracy": 78.0, "best_epoch": 190},
        **{"judged_by": "test", "validation_accuracy": None},
        **{"many": 80.0, "medium": 70.0, "few": None, "group_mean": 75.0},
        "group_sizes": {"many": 1, "medium": 1, "few": 0},
        **{"classes": ("cat", "dog"), "per_class": (80.0, 70.0), "class_counts": (500, 50)},
    }
    return Metrics(**known | changes)


def store_and_split(folder: Path) -> Images:
    """Write store/ of random 8x8 images and split.csv; return the test images."""
    draw = np.random.default_rng(0)
    labels = {"train": np.repeat(np.arange(CLASSES), 60), "test": np.arange(CLASSES).repeat(EACH)}
    parts = {
        name: Images(draw.integers(0, 256, (len(own), 3, 8, 8), np.uint8), own)
        for name, own in labels.items()
    }
    write_store(folder / "store", parts, [str(label) for label in range(CLASSES)])
    chosen = np.concatenate([60 * label + np.arange(n) for label, n in enumerate(COUNTS)])
    write_split(folder / "split.csv", chosen, labels["train"][chosen])
    return parts["test"]


def effective(
    path: Path, method: str, stage: StageName, seed: int = 0, factor: int = 60, **changes: Any
) -> RunConfig:
    """Write and return the configuration of a stage on the digits, with some settings changed."""
    config = run_config(CONFIG, "digits", factor, method, seed, stage)
    settings = config.settings.model_copy(update=changes)
    config = config.model_copy(update={"settings": settings})
    write_text(path, dump(config))
    return config


def process(**changes: Any) -> Process:
    """Return a process of half a second."""
    known = {
        **{"device": "EPYC", "cpu_capability": "AVX2", "threads": 1, "precision": "float32"},
        **{"image": None, "versions": {"torch": "2"}, "seconds": 0.5},
    }
    return Process(**known | changes)


def stage_of(folder: Path, **changes: Any) -> Stage:
    """Return the provenance of a stage whose files are in a folder, beside store/ and split.csv."""
    made_of = {
        "configuration": folder / "config.json",
        "split": folder / "split.csv",
        "store": folder / "store" / MANIFEST,
    }
    outputs = [folder / "weights.pt", folder / "history.csv"]
    known = {
        **{"stage": "train", "epochs": 5, "augmentations": ("tilt",)},
        "identity": {name: sha256(path) for name, path in made_of.items()}
        | {"precision": "float32"},
        "outputs": {path.name: sha256(path) for path in outputs},
        **{"processes": (process(),), "seconds": 0.5},
    }
    return Stage(**known | changes)


def classifier(seed: int = 0, head: HeadName = "linear") -> Classifier:
    """Return a classifier that was not trained."""
    torch.manual_seed(seed)
    return Classifier(BACKBONE, CLASSES, head).eval()


def untrained_run(folder: Path) -> Path:
    """Write all that an evaluated one-stage run leaves, of a classifier that was not trained."""
    stage = folder / "train"
    store_and_split(stage)
    config = effective(stage / "config.json", "ce", "train")
    save_checkpoint(stage / "weights.pt", classifier().state_dict())
    write_history(stage / "history.csv", [{"epoch": 1, "test_accuracy": 50.0}])
    origin = stage_of(stage)
    origin.write(stage / "provenance.json")
    evaluation = Evaluation(identity={}, processes=(process(),))
    Run(stages=(origin,), evaluation=evaluation).write(folder / "provenance.json")
    metrics(
        **{key: getattr(config, key) for key in ("dataset", "factor", "method", "seed")},
        **{"epochs": {"train": 5}, "augmentations": {"train": ("tilt",)}, "classes": CLASS_NAMES},
        **{"per_class": (50.0,) * CLASSES, "class_counts": (5,) * CLASSES},
        group_sizes={"many": 0, "medium": CLASSES, "few": 0},
    ).write(folder / "metrics.json")
    return folder


def timings(method: str, rounds: list[tuple[float, float, float]], **changes: Any) -> list[Timing]:
    """Return step, floor and refresh of some rounds as timings, ten steps an epoch."""
    known = {
        **{"dataset": "cifar10", "factor": 100, "method": method, "steps_per_epoch": 10},
        **{"device": "EPYC", "threads": 1, "precision": "float32", "arithmetic": "native"},
    }
    return [
        Timing(round=number, part=part, seconds=seconds or 1e-9, **known | changes)
        for number, (step, floor, refresh) in enumerate(rounds)
        for part, seconds in zip(PARTS, (refresh, step, floor), strict=True)
    ]


def work_on(dataset: str, method: str, stage: StageName, **numbers: Any) -> tuple[str, Work]:
    """Return the kind of work of a stage, and what it costs: a step a second, and nothing else."""
    config = run_config(CONFIG, dataset, 100, method, 0, stage)
    frozen = stage == "finetune"
    known = {
        **{"measured_on": f"{method}/{stage}", "batch_size": config.settings.batch_size},
        **{"passes": 1 if frozen else config.settings.passes, "images": 1000},
        **{"ready": 0.0, "refresh": 0.0, "step": 1.0, "memory_mb": 900, "device_mb": 400},
    }
    kind = kind_of_work(config.settings, config.data, config.backbone, frozen=frozen)
    return kind, Work(**known | numbers)


def calibration(*works: tuple[str, Work], **changes: Any) -> Calibration:
    """Return what was measured of CIFAR-10: scripts start in 5 s, 100 images pass in a second."""
    known = {
        **{"dataset": "cifar10", "process": process(), "undisturbed": 1.0, "start": 5.0},
        **{"light_start": 1.0, "inference": 0.01, "works": dict(works)},
    }
    return Calibration(**known | changes)
