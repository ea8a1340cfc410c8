"""A file of every kind that is read, what reads it, and where a damaged one can stand in for it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from artefacts import (
    CONFIG,
    KCL,
    effective,
    metrics,
    process,
    stage_of,
    store_and_split,
    timings,
    untrained_run,
)
from scripts import REPO
from torch import nn

from cogloat.certificates import Certificate, Certificates, write_certificates
from cogloat.checkpoint import load_checkpoint, load_weights, save_checkpoint
from cogloat.claims.schema import load_claims
from cogloat.claims.tables import read_measured
from cogloat.claims.tables import read_printed as read_papers
from cogloat.cluster.image import read_lock
from cogloat.config.reading import dump, load
from cogloat.data.labels import read_labels
from cogloat.data.longtail import read_split
from cogloat.data.store import load_split_images
from cogloat.evaluated import read_evaluated
from cogloat.exported import Description, read_model, write_model
from cogloat.files import write_text
from cogloat.methods.settings import Optimizer
from cogloat.methods.tsc.settings import TargetPoints
from cogloat.methods.tsc.targets import read_targets
from cogloat.results.features import Features, Measures, Spaces
from cogloat.results.gradients import PARTS, Gradients
from cogloat.results.history import read_history, write_history
from cogloat.results.leak import Leak
from cogloat.results.metrics import Metrics
from cogloat.results.printed import ACCURACY, read_printed
from cogloat.results.provenance import Evaluation, Run, Stage
from cogloat.results.separability import Separability
from cogloat.results.timings import read_timings, write_timings
from cogloat.runs import load as runs
from cogloat.runs.collections import Workflow
from cogloat.runs.effective import CoresetConfig, RunConfig
from cogloat.runs.files import Coreset
from cogloat.training.progress import go_on
from cogloat.training.resume import ResumeState
from cogloat.training.sgd import Sgd

SHAPE = (4, 3)  # of the targets, and of the network
EPOCHS, STEPS = 3, 2


class Specimen(NamedTuple):
    """A file as it should be.

    Attributes:
        path: the file.
        place: where another may stand.
        read: reads the one at the place.
    """

    path: Path
    place: Path
    read: Callable[[Path], Any]


def documents(folder: Path) -> dict[str, Specimen]:
    """Return the YAML and JSON files by what they are."""
    config = Path(shutil.copytree(CONFIG, folder / "config"))
    shutil.copy(REPO / "containers/images.lock.yaml", folder)
    effective(folder / "config.json", "cogloat_proco", "pretrain")
    coreset = runs.coreset_config(CONFIG, "tiny", 10, "glister")
    write_text(folder / "coreset.json", dump(coreset))
    certificate = Certificate(
        stands_for="a" * 64, of="train.py", earlier="abc", day="2024-01-01", files=3
    )
    write_certificates(folder / "certified.json", {"b" * 64: certificate})
    write_results(folder)
    readers: dict[str, Callable[[Path], Any]] = {
        "config/coresets/glister.yaml": lambda path: load(Coreset, path),
        "config/config.yaml": lambda path: load(Workflow, path),
        "config/targets.yaml": lambda path: load(TargetPoints, path),
        "config/claims.yaml": load_claims,
        "images.lock.yaml": read_lock,
        "config.json": lambda path: load(RunConfig, path),
        "coreset.json": lambda path: load(CoresetConfig, path),
        "certified.json": lambda path: load(Certificates, path),
        "stage.json": Stage.read,
        "run.json": Run.read,
        "metrics.json": Metrics.read,
        "features.json": Features.read,
        "gradients.json": Gradients.read,
        "separability.json": Separability.read,
        "leak.json": Leak.read,
    }
    found = {name: in_place(folder / name, read) for name, read in readers.items()}
    for kind, read in (("method", read_method), ("dataset", read_dataset)):
        name = {"method": "cogloat_proco", "dataset": "digits"}[kind]
        path = config / f"{kind}s" / f"{name}.yaml"
        found[kind] = Specimen(path, path.with_name("damaged.yaml"), read)
    store = Path(shutil.copytree(folder / "store", folder / "described"))
    found["store.json"] = Specimen(folder / "store/store.json", store / "store.json", read_part)
    return found


def tables(folder: Path) -> dict[str, Specimen]:
    """Return the CSV tables by what they are."""
    store_and_split(folder)
    write_history(folder / "history.csv", rows(EPOCHS))
    write_timings(folder / "times.csv", timings("kcl", KCL))
    shutil.copy(CONFIG / "paper" / "table2.csv", folder / "printed.csv")
    shutil.copy(CONFIG / "paper" / "table2.csv", folder / "table2.csv")
    line = "kcl,digits,10,KCL,0 1,70.5 71.5,71.0,0.7"
    write_text(folder / "ours.csv", f"method,dataset,factor,label,seeds,values,mean,std\n{line}\n")
    found = {
        "split.csv": in_place(folder / "split.csv", read_split),
        "history.csv": in_place(
            folder / "history.csv", lambda path: read_history(path, "test_accuracy", EPOCHS)
        ),
        "times.csv": in_place(folder / "times.csv", lambda path: read_timings([path])),
        "printed.csv": in_place(
            folder / "printed.csv", lambda path: read_printed(path, numbers=ACCURACY)
        ),
        "table2.csv": in_place(folder / "table2.csv", lambda path: read_papers(path.parent, 3)),
    }
    paper = read_papers(CONFIG / "paper", 3)
    found["ours.csv"] = Specimen(
        folder / "ours.csv",
        folder / "ours" / "table2.csv",
        lambda path: read_measured(path.parent, paper, {}),
    )
    return found


def arrays(folder: Path) -> dict[str, Specimen]:
    """Return the NumPy arrays by what they are."""
    store_and_split(folder)
    np.save(folder / "labels.npy", np.arange(4).repeat(3))
    points = np.eye(*SHAPE)
    points[-1, 0] = 1
    np.save(folder / "targets.npy", points)
    found = {
        "labels.npy": in_place(folder / "labels.npy", read_labels),
        "targets.npy": in_place(folder / "targets.npy", lambda path: read_targets(path, SHAPE)),
    }
    for name in ("train_images.npy", "train_labels.npy"):
        store = Path(shutil.copytree(folder / "store", folder / name.removesuffix(".npy")))
        found[name] = Specimen(folder / "store" / name, store / name, read_part)
    return found


def checkpoints(folder: Path) -> dict[str, Specimen]:
    """Return weights and a resume state."""
    plane, optimizer = network()
    save_checkpoint(folder / "weights.pt", plane.state_dict())
    resume = resume_state(folder / "states")
    resume.save(
        {
            **{"objective": plane.state_dict(), "momenta": optimizer.momenta},
            **{"history": rows(1), "sums": {"loss": torch.ones(()).double()}},
            **{"epoch": 1, "step": 1},
        }
    )
    other = folder / "damaged" / resume.path.name
    return {
        "weights.pt": in_place(
            folder / "weights.pt", lambda path: load_weights(network()[0], path)
        ),
        "state.pt": Specimen(resume.path, other, read_state),
    }


def models(folder: Path) -> dict[str, Specimen]:
    """Return an exported classifier."""
    run = read_evaluated(untrained_run(folder / "run"))
    said = Description(config=run.config, classes=run.metrics.classes, provenance=run.provenance)
    file = folder / "model.safetensors"
    write_model(file, said, load_checkpoint(run.weights, "weights file"))
    return {file.name: in_place(file, read_model)}


# --- how they are written ---


def in_place(path: Path, read: Callable[[Path], Any]) -> Specimen:
    """Return a specimen whose stand-in is in a folder of its own."""
    return Specimen(path, path.parent / f"damaged_{path.stem}" / path.name, read)


def rows(epochs: int) -> list[dict[str, int | float | None]]:
    """Return a history."""
    return [
        {"epoch": epoch, "lr": 0.1, "loss": 1e-7, "test_accuracy": 50.5 if epoch % 2 else None}
        for epoch in range(1, epochs + 1)
    ]


def write_results(folder: Path) -> None:
    """Write what a run leaves, JSON; the files that it names first."""
    store_and_split(folder)
    for name in ("weights.pt", "history.csv"):
        write_text(folder / name, name)
    stage = stage_of(folder)
    stage.write(folder / "stage.json")
    evaluation = Evaluation(identity={}, processes=(process(),))
    Run(stages=(stage,), evaluation=evaluation).write(folder / "run.json")
    metrics().write(folder / "metrics.json")
    undefined = dict.fromkeys(("improved_inter", "variance_spread", "inter_spread"))
    own = Measures(intra_ordered=1, intra_unordered=2, variance=1, inter=1, **undefined)
    spaces = Spaces(projection=own, backbone=own)
    run = {"dataset": "digits", "factor": 10, "method": "kcl", "seed": 0, "split_sha256": "a"}
    Features(**run, train=spaces, test=spaces).write(folder / "features.json")
    norms = dict.fromkeys((*PARTS, "temperature"), (0.5, 0.25))
    of_classes = {"classes": ("cat", "dog"), "class_counts": (9, 1), "groups": ("medium", "few")}
    Gradients(**run, **of_classes, **norms).write(folder / "gradients.json")
    numbers = {"labels": (9, 8), "images": 70, "silhouette": -0.5, "knn_accuracy": 50.0}
    Separability(**run, **numbers).write(folder / "separability.json")
    Leak(**run, batch=90, running=60).write(folder / "leak.json")


def network() -> tuple[nn.Module, Sgd]:
    """Return a network after one step of training, and its optimizer."""
    torch.manual_seed(0)
    plane = nn.Linear(SHAPE[1], SHAPE[0])
    optimizer = Sgd(plane.parameters(), Optimizer(lr=0.1, momentum=0.9, weight_decay=0.0))
    plane(torch.ones(SHAPE[1])).sum().backward()
    optimizer.step()
    return plane, optimizer


# --- how they are read ---


def forget() -> None:
    """Forget what was read of config/."""
    for function in vars(runs).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()


def read_method(path: Path) -> None:
    """Read a method, and its stages on a dataset."""
    forget()
    config, name = path.parents[1], path.stem
    for stage in runs.load_method(config, name).stages:
        runs.run_config(config, "tiny", 10, name, 0, stage)


def read_dataset(path: Path) -> None:
    """Read a dataset, and a method on it."""
    forget()
    config, name = path.parents[1], path.stem
    runs.load_dataset(config, name)
    runs.run_config(config, name, 10, "kcl", 0, "pretrain")


def read_part(path: Path) -> None:
    """Read two images of the store that a file is in."""
    load_split_images(path.parent, "train", np.array([0, 5]))


def resume_state(folder: Path) -> ResumeState:
    """Return the resume state of a run."""
    return ResumeState(folder, {"code": "a"}, 0, process)


def read_state(path: Path) -> None:
    """Go on from a resume state."""
    state = resume_state(path.parent).load()
    assert state is not None
    go_on(path, state, *network(), EPOCHS, STEPS)
