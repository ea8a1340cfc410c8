"""What a user adds is a few files by hand, and each runs to its table."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from project import PARTS, Project
from scripts import REPO

pytestmark = pytest.mark.slow

ROOM = "src/cogloat/methods/scaled"
CLASSIFIER = "src/cogloat/methods/classifier"
CONFIG = "config/config.yaml"


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the repository's files, with the tiny runs that were made."""
    project = Project.new(tmp_path / "project")
    for made in ("data", "results", ".snakemake"):
        shutil.copytree(finished.root / made, project.root / made, copy_function=shutil.copyfile)
    return project


def files(root: Path) -> dict[str, bytes]:
    """Return what a person edits: name -> content."""
    found = [path for part in PARTS for path in (root / part).rglob("*") if path.is_file()]
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in found
        if path.suffix not in (".pyc", ".sif")
    }


def edited(project: Project) -> set[str]:
    """Return the files that differ from the repository's."""
    return {name for name, _ in files(project.root).items() ^ files(REPO).items()}


def write(project: Project, file: str, text: str) -> None:
    """Write a new file."""
    path = project.root / file
    assert not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def table(**changes: list) -> dict:
    """Return an accuracy table of tiny runs."""
    small = {"datasets": ["tiny"], "factors": [10], "methods": ["kcl"], "seeds": [0]}
    return {"kind": "accuracy", **small, **changes}


def list_table(project: Project, name: str, **changes: list) -> None:
    """Add a table to those of the paper."""
    config = yaml.safe_load((project.root / CONFIG).read_text())
    config["collections"]["paper"]["tables"][name] = table(**changes)
    (project.root / CONFIG).write_text(yaml.safe_dump(config))


def rows(project: Project, name: str, *arguments: str) -> list[tuple[str, str]]:
    """Make a table; return the dataset and the method of each row, which has an accuracy."""
    done = project.snakemake(f"results/{name}.csv", *arguments)
    assert done.returncode == 0, done.stdout
    with (project.root / f"results/{name}.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert all(0 < float(line["mean"]) <= 100 for line in lines)
    return [(line["dataset"], line["method"]) for line in lines]


def weights(project: Project, method: str) -> bytes:
    """Return what a method's first stage left."""
    run = project.root / "results/runs/tiny/if10" / method / "seed0"
    return (
        next(run / stage for stage in ("pretrain", "train") if (run / stage).exists())
        .joinpath("weights.pt")
        .read_bytes()
    )


SCALED_SETTINGS = '''"""Settings of a contrast whose temperatures a file scales, class by class."""

from typing import Literal

from cogloat.methods.moco.settings import MomentumContrast
from cogloat.methods.settings import FileAt


class Settings(MomentumContrast):
    objective: Literal["scaled"]

    @property
    def needs(self):
        return {"scales": FileAt("data/scales/{dataset}_{imbalance}.txt")}
'''
SCALED_OBJECTIVE = '''"""A contrast whose temperatures a file scales, class by class."""

import torch

from cogloat.methods.moco.objective import Contrast


class Scaled(Contrast):
    def __init__(self, settings, inputs):
        super().__init__(settings, inputs)
        scales = [float(line) for line in inputs.file("scales").read_text().split()]
        self._temperatures_C = self._temperatures_C * torch.tensor(scales)


build = Scaled
'''


def test_contrastive_method_with_an_input_of_its_own_is_four_files(project: Project):
    write(project, f"{ROOM}/settings.py", SCALED_SETTINGS)
    write(project, f"{ROOM}/objective.py", SCALED_OBJECTIVE)
    own = "extends: kcl\nlabel: KCL, scaled\npretrain: {objective: scaled}\n"
    write(project, "config/methods/scaled.yaml", own)
    list_table(project, "scales", methods=["kcl", "scaled"])
    assert len(edited(project)) == 4

    done = project.snakemake("-n", "results/scales.csv")
    assert done.returncode != 0
    assert "data/scales/tiny_if10.txt" in done.stdout  # which nobody has given yet
    write(project, "data/scales/tiny_if10.txt", "2\n" * 10)
    run = "results/runs/tiny/if10/scaled/seed0"
    assert project.plan("results/scales.csv")["pretrain"] == {f"{run}/pretrain/weights.pt"}
    assert rows(project, "scales") == [("tiny", "kcl"), ("tiny", "scaled")]
    assert weights(project, "scaled") != weights(project, "kcl")
    provenance = json.loads((project.root / run / "pretrain/provenance.json").read_text())
    assert "scales" in provenance["identity"]
    (project.root / "data/scales/tiny_if10.txt").write_text("3\n" * 10)
    assert project.plan("results/scales.csv")["pretrain"] == {f"{run}/pretrain/weights.pt"}


def test_loss_of_a_classifier_is_three_files_and_its_table_a_line_of_the_command(project: Project):
    project.change(
        f"{CLASSIFIER}/settings.py",
        "class NoReweighting(Strict):",
        'class Poly(Strict):\n    kind: Literal["poly"]\n    epsilon: float\n\n\n'
        "class NoReweighting(Strict):",
    )
    project.change(f"{CLASSIFIER}/settings.py", "Focal | Ldam,", "Focal | Ldam | Poly,")
    objective = f"{CLASSIFIER}/objective.py"
    project.change(objective, "    Ldam,\n", "    Ldam,\n    Poly,\n")
    project.change(
        objective,
        "            case CrossEntropy():",
        "            case Poly(epsilon=epsilon):\n"
        "                missed_B = 1 - scores_BC.softmax(1).gather(1, labels_B[:, None])\n"
        "                return F.cross_entropy(scores_BC, labels_B) + epsilon * missed_B.mean()\n"
        "            case CrossEntropy():",
    )
    own = "extends: base/classifier\nlabel: Poly\ntrain: {loss: {kind: poly, epsilon: 1.0}}\n"
    write(project, "config/methods/poly.yaml", own)
    assert len(edited(project)) == 3

    given = f"collections={{paper: {{tables: {{mine: {json.dumps(table(methods=['poly']))}}}}}}}"
    assert rows(project, "mine", "--config", given) == [("tiny", "poly")]
    assert weights(project, "poly") != weights(project, "ce")


def test_table_of_ones_own_is_lines_of_the_configuration_and_is_in_the_report(project: Project):
    list_table(project, "my_ablation", methods=["kcl", "kcl_adaptive", "kcl_proco"])
    assert edited(project) == {CONFIG}
    assert project.plan("results/my_ablation.csv") == {"tabulate": {"results/my_ablation.csv"}}
    assert [method for _, method in rows(project, "my_ablation")] == [
        *("kcl", "kcl_adaptive", "kcl_proco"),
    ]
    done = project.snakemake("--report", "report.html", "results/my_ablation.csv")
    assert done.returncode == 0, done.stdout
    assert "results/my_ablation.csv" in (project.root / "report.html").read_text()


def test_dataset_is_one_file_and_its_line_in_the_configuration(project: Project):
    draw = np.random.default_rng(0)
    for part, count in (("train", 20), ("test", 3)):
        for name in ("cat", "dog", "emu"):
            folder = project.root / "data/raw/pets" / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = draw.integers(0, 256, (9, 12, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    source = "source: {kind: image_folder, path: data/raw/pets}"
    own = f"extends: tiny\nlabel: Pets\n{source}\nclasses: 3\n"
    write(project, "config/datasets/pets.yaml", f"{own}overrides: {{train: {{batch_size: 8}}}}\n")
    list_table(project, "animals", datasets=["pets"], methods=["ce"])
    assert edited(project) == {CONFIG, "config/datasets/pets.yaml"}

    assert project.plan("results/animals.csv")["decode"] == {"data/pets/store.json"}
    assert rows(project, "animals") == [("pets", "ce")]
