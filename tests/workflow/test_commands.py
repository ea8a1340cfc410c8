"""Every command that the README or a page shows is run as it is shown, by a test or in CI."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import PAGES, blocks, commands, name_of
from pictures import make_images
from project import Project, interpreters
from scripts import REPO
from small import make_small

from cogloat.results.provenance import Stage

README = (REPO / "README.md").read_text()

# what is run elsewhere -> where, and how that is written there
RUN_BY = {
    "make env TORCH=cpu": (".github/workflows/ci.yml", "run: make env TORCH=cpu"),
    "make env TORCH=none": ("tests/cluster/run.sh", "make env TORCH=none"),
    ". .venv/bin/activate": ("tests/project.py", "Path(sys.executable).parent"),
    "make demo": (".ci/run", "\nmake demo\n"),
    "make audit": (".ci/run", "\nmake audit\n"),
    "make test": (".ci/run", "\nmake test\n"),
    "make report": ("tests/workflow/test_first_minutes.py", '"report": "demo-full"'),
    "make watch": ("tests/workflow/test_first_minutes.py", 'make("watch")'),
    "make container": ("tests/cluster/run.sh", "make container"),
    "make container MIRROR=http://deb.debian.org/debian": ("tests/cluster/run.sh", "MIRROR=http"),
    "make container WHEELS=$PWD/wheels": ("tests/cluster/run.sh", "WHEELS=$wheels"),
    "make wheels WHEELS=$PWD/wheels": ("tests/cluster/run.sh", "make wheels WHEELS=$wheels"),
    "make container-lock": ("Makefile", "$(MAKE) container-lock"),  # by `make container`
    "make container-verify": ("tests/cluster/test_mistakes.py", '"container-verify"'),
    "make dockerfile DOCKER_BASE=debian:bookworm-slim@sha256:...": (
        "tests/unit/cluster/test_image.py",
        "containers/dockerfile.py",
    ),
    "apptainer test --nv containers/train.sif": ("tests/cluster/test_mistakes.py", '"--nv"'),
    **dict.fromkeys(
        [
            "snakemake --profile slurm results/table2.csv",
            "snakemake --profile slurm --config collection=paper -- calibrations",
            "snakemake --profile slurm --config collection=paper",
        ],
        ("tests/cluster/test_run.py", 'commands(REPO / "docs/cluster.md")'),
    ),
}
# pages whose commands are run where what they speak of is tested
ELSEWHERE = {
    "docs/versions.md": ("tests/workflow/test_versions.py", "docs/versions.md"),
    "config/README.md": ("tests/workflow/test_extending.py", "config/README.md"),
    "docs/methods/README.md": ("tests/unit/docs/test_methods.py", 'must("describe_methods.py"'),
}
SCRIPTS = {"docs/cluster.md": ("tests/smoke/test_ranks.py", "docs/cluster.md")}  # of bash
HERE = [name for page in PAGES if (name := name_of(page)) not in ELSEWHERE and commands(page)]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A clone whose collections and datasets are small; with the photos that a page speaks of."""
    project = make_small(tmp_path_factory.mktemp("small") / "project")
    photos = make_images(tmp_path_factory.mktemp("photos"), ("a",), train=2, test=1)
    shutil.copytree(photos / "train/a", project.root / "photos")
    return project


def test_every_command_is_run_somewhere():
    shown = {command for page in HERE for command in commands(REPO / page)}
    assert shown >= RUN_BY.keys()
    assert len(shown) > 40
    told = {name_of(page) for page in PAGES if blocks(page.read_text())}
    assert told == {*HERE, *ELSEWHERE}
    scripts = {name_of(page) for page in PAGES if "\n```\n#!" in page.read_text()}
    assert scripts == SCRIPTS.keys()
    for file, written in [*RUN_BY.values(), *ELSEWHERE.values(), *SCRIPTS.values()]:
        assert written in (REPO / file).read_text(), file


@pytest.mark.long
@pytest.mark.parametrize("page", HERE)
def test_every_command_of_a_page_does_what_it_says(small: Project, page):
    if page == "docs/sharing.md":  # speaks of a run and of a file that are there
        run(small, "snakemake results/runs/digits/if100/ce/seed0/metrics.json")
    for command in commands(REPO / page):
        if command not in RUN_BY:
            run(small, command)
        if command.startswith("make export"):
            (model, *_) = (small.root / "exports").rglob("model.safetensors")
            shutil.copy(model, small.root)


def run(small: Project, command: str) -> None:
    """Run a command, which must make what it asks for."""
    tool, *arguments = shlex.split(command)
    done = (
        small.snakemake(*arguments)
        if tool == "snakemake"
        else small.run("bash", "-c", command, **interpreters())
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    asked = [word for word in arguments if word.startswith(("results/", "data/", "exports/"))]
    for path in asked if "-n" not in arguments else ():
        assert (small.root / path).exists(), command


@pytest.mark.long
def test_a_stage_is_trained_again_and_all_in_another_precision(small: Project):
    """By the options that the README shows."""
    shown = commands(REPO / "README.md")
    (again,) = (command for command in shown if "-R pretrain" in command)
    folder = small.root / Path(shlex.split(again)[-1]).parent
    run(small, again)
    first = Stage.read(folder / "pretrain/provenance.json")
    os.utime(folder / "pretrain/weights.pt", (0, 0))
    run(small, again)
    assert (folder / "pretrain/weights.pt").stat().st_mtime > 0
    assert Stage.read(folder / "pretrain/provenance.json").outputs == first.outputs
    (other,) = (command for command in shown if "precision=bfloat16" in command)
    runs = small.root / "results/runs/cifar100/if100/ce"
    shutil.rmtree(runs, ignore_errors=True)
    (small.root / "results/table2.csv").unlink(missing_ok=True)
    run(small, other)
    (stage,) = runs.glob("seed0/train/provenance.json")
    assert {one.precision for one in Stage.read(stage).processes} == {"bfloat16"}


@pytest.mark.slow
def test_configuration_is_shown_as_its_page_says():
    (command,) = (one for one in commands(REPO / "config/README.md") if one.startswith("python"))
    done = subprocess.run(
        [sys.executable, *shlex.split(command)[1:]], cwd=REPO, capture_output=True, check=True
    )
    assert json.loads(done.stdout)["method"] == "cogloat"


@pytest.mark.parametrize("file", ["README.md", "docs/versions.md", "docs/cluster.md"])
def test_an_option_of_several_values_does_not_swallow_the_target(file):
    """Such as --config: it ends at `--`, or nothing follows it."""
    text = (REPO / file).read_text()
    several = "-R|-f|--forcerun|--config|--logger|--set-resources|--sdm|--report-metadata"
    for found in re.findall(rf"snakemake [^\n`#]*?(?:{several})[ =]([^\n`#]*)", text):
        assert " -- " in found or "results/" not in found, found


def test_readme_is_short_and_its_links_lead_somewhere():
    assert len(README.splitlines()) <= 150
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) > 8
    there = [link for link in links if (REPO / link.partition("#")[0]).exists()]
    assert set(links) - set(there) == set()
