"""What a user adds is a few files by hand, and each runs to its table."""

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from pages import blocks, section
from PIL import Image
from project import Project, files
from scripts import REPO

pytestmark = pytest.mark.long

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


def do_as_written(project: Project, heading: str) -> list[list[str]]:
    """Write what a section of config/README.md has one write; return its commands of Snakemake."""
    text = section((REPO / "config/README.md").read_text(), f"## {heading}")
    for file, content in re.findall(r"^`(\S+)`:\n\n```yaml\n(.*?)^```$", text, re.M | re.S):
        write(project, file, content)
    (lines,) = re.findall(
        r"^At the end of `config/config\.yaml`.*?\n\n```yaml\n(.*?)^```$", text, re.M | re.S
    )
    with (project.root / CONFIG).open("a") as config:
        config.write(lines)
    commands = re.findall(r"^snakemake (.*)$", "".join(blocks(text)), re.M)
    return [command.split() for command in commands]


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
    assert "results/my_ablation.html" in (project.root / "report.html").read_text()


def test_ablation_of_the_page_on_configuration_is_planned_as_it_says_and_runs(project: Project):
    commands = do_as_written(project, "An ablation of your own")
    own = "cogloat_gamma"
    assert edited(project) == {CONFIG, f"config/methods/{own}.yaml"}
    assert commands == [["-n", "results/mine/gamma.csv"], ["results/mine/gamma.csv"]]
    runs = "results/runs/digits/if100"
    assert project.plan(*commands[0])["pretrain"] == {
        f"{runs}/{method}/seed{seed}/pretrain/weights.pt"
        for method in ("cogloat", own)
        for seed in (0, 1)
    }

    for written, tiny in (("[digits]", "[tiny]"), ("[100]", "[10]"), ("[0, 1]", "[0]")):
        text = (project.root / CONFIG).read_text()
        before, last = text.rsplit("\n  mine:\n", 1)
        assert last.count(written) == 1
        (project.root / CONFIG).write_text(f"{before}\n  mine:\n{last.replace(written, tiny)}")
    run = f"results/runs/tiny/if10/{own}/seed0/pretrain"
    assert project.plan(*commands[1])["pretrain"] == {f"{run}/weights.pt"}  # the other is there
    assert rows(project, "mine/gamma") == [("tiny", "cogloat"), ("tiny", own)]
    config = json.loads((project.root / run / "config.json").read_text())
    temperature = {"kind": "adaptive", "gamma": 0.2, "head": 1.0, "base": 1.0}
    assert config["settings"]["temperature"] == temperature
    assert weights(project, own) != weights(project, "cogloat")


def test_dataset_of_the_page_on_configuration_is_planned_as_it_says_and_runs(tmp_path: Path):
    project = Project.new(tmp_path / "project")
    commands = do_as_written(project, "A dataset of your own")
    file = "config/datasets/animals.yaml"
    assert edited(project) == {CONFIG, file}
    draw = np.random.default_rng(0)
    for part, count in (("train", 20), ("test", 3)):
        for name in ("cat", "dog", "emu"):
            folder = project.root / "data/raw/animals" / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = draw.integers(0, 256, (9, 12, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    project.change(file, "epochs: 100", "epochs: 2")
    assert commands == [["-n", "results/animals/baselines.csv"], ["results/animals/baselines.csv"]]
    assert project.plan(*commands[0])["decode"] == {"data/animals/store.json"}
    made = rows(project, "animals/baselines")
    assert made == 2 * [("animals", "ce"), ("animals", "balanced_softmax")]
    assert (project.root / "data/animals/summary.json").exists()
    splits = project.root / "results/splits/animals"
    counts = {
        path.stem: [line.split(",")[1] for line in path.read_text().splitlines()[1:]]
        for path in splits.iterdir()
    }
    assert [counts["natural"].count(label) for label in "012"] == [20, 20, 20]
    assert [counts["if5"].count(label) for label in "012"] == [20, 8, 4]
