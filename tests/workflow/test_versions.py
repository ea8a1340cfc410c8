"""Results under version control: real DVC and git, with a remote that is a folder."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from damage import flip
from project import Project, interpreters, jobs
from scripts import REPO

pytestmark = pytest.mark.long

TRACKED = (".dvc/.gitignore", ".dvc/config", ".dvc/plots", ".dvcignore", ".gitignore", "dvc.yaml")
OUTPUTS = (".snakemake/metadata", "data", "results/runs")
METHODS = ("ce", "focal", "kcl")
RUN = "results/runs/tiny/if10/{}/seed0"
TABLE = {
    "tabulate": {"results/tiny/table2.csv"},
    "tabulate_machines": {"results/tiny/machines.csv"},
    "plot_curves": {"results/tiny/figures/curves_tiny_if10.png"},
}
UP_TO_DATE = "Data and pipelines are up to date."
GATE = f"dvc repro --dry --allow-missing | grep '{UP_TO_DATE}'"
FOCAL = ("config/methods/focal.yaml", "gamma: 1.0", "gamma: 2.0")


class Versioned(Project):
    """A project in git, with DVC."""

    def must(self, *command: str) -> str:
        """Run a command that must succeed; return what it says."""
        done = self.run(*command, **interpreters())
        assert done.returncode == 0, done.stdout
        return done.stdout

    def clone(self, root: Path, link: str = "copy") -> "Versioned":
        """Clone with git; nothing of DVC's is there yet."""
        self.must("git", "clone", "--quiet", str(self.root), str(root))
        clone = Versioned(root)
        clone.must("dvc", "config", "--local", "cache.type", link)
        return clone

    def commit(self) -> None:
        """Commit everything that git does not ignore."""
        self.must("git", "add", ".")
        self.must("git", "commit", "--quiet", "--message", "results")


@pytest.fixture(scope="module", autouse=True)
def _apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep out what git and DVC know of this user and machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("GIT_AUTHOR", "GIT_COMMITTER"):
            patch.setenv(f"{name}_NAME", "test")
            patch.setenv(f"{name}_EMAIL", "test@example.org")
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        for name in ("DVC_SITE_CACHE_DIR", "DVC_GLOBAL_CONFIG_DIR"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name)))
        yield


@pytest.fixture(scope="module")
def original(
    finished: Project, _apart: None, tmp_path_factory: pytest.TempPathFactory
) -> Versioned:
    """Three methods' runs, made by Snakemake, recorded by DVC, pushed to the folder beside."""
    root = tmp_path_factory.mktemp("versions") / "project"
    project = Versioned(finished.copy(root).root)
    for name in TRACKED:
        copy = shutil.copytree if (REPO / name).is_dir() else shutil.copyfile
        (root / name).parent.mkdir(exist_ok=True)
        copy(REPO / name, root / name)
    config = root / "config/config.yaml"
    workflow = yaml.safe_load(config.read_text())
    grid = {"kind": "accuracy", "datasets": ["tiny"], "factors": [10], "seeds": [0]}
    figures = {"curves": {"kind": "curves", "of": "table2"}}
    methods = {"tiny": METHODS, "other": METHODS[:1]}
    made = {
        name: {"tables": {"table2": grid | {"methods": list(own)}}, "figures": figures}
        for name, own in methods.items()
    }
    config.write_text(yaml.safe_dump(workflow | {"collections": made}))
    for unused in ("results/tiny", "results/metrics", "results/curves"):
        shutil.rmtree(root / unused)
    for run in (root / "results/runs/tiny/if10").iterdir():
        if run.name not in METHODS:
            shutil.rmtree(run)
    project.must("git", "init", "--quiet")
    assert jobs(project.must("dvc", "repro")) == TABLE
    project.must("dvc", "remote", "add", "--default", "store", "../store")
    project.commit()
    project.must("dvc", "push")
    return project


@pytest.fixture
def published(original: Versioned, tmp_path: Path) -> Versioned:
    """A copy of it and of its remote, `store`."""
    shutil.copytree(original.root.parent, tmp_path, symlinks=True, dirs_exist_ok=True)
    return Versioned(tmp_path / "project")


def changed(method: str, *stages: str) -> dict[str, set[str]]:
    """Return the jobs of a one-stage run that is made again, and what follows."""
    run = RUN.format(method)
    return {
        "configure_stage": {f"{run}/{stage}/config.json" for stage in stages},
        **{stage: {f"{run}/{stage}/weights.pt"} for stage in stages},
        "evaluate": {f"{run}/metrics.json"},
        **TABLE,
    }


@pytest.mark.parametrize("link", ["copy", "hardlink", "symlink"])
def test_clone_has_nothing_to_do_until_a_number_changes_and_then_its_runs_alone(
    published: Versioned, tmp_path: Path, link
):
    clone = published.clone(tmp_path / "clone", link)
    clone.must("dvc", "pull")
    assert clone.plan() == {}
    assert clone.must("dvc", "status").strip() == UP_TO_DATE
    clone.change(*FOCAL)
    if link != "copy":  # links are not writable, for Snakemake neither
        clone.must("dvc", "unprotect", *OUTPUTS)
    assert clone.plan() == changed("focal", "train")
    clone.must("dvc", "checkout", "--relink", "--force")
    before = {path: path.read_bytes() for path in cached(clone)}
    assert before
    assert jobs(clone.must("dvc", "repro")) == changed("focal", "train")
    assert {path: path.read_bytes() for path in before} == before
    assert clone.plan() == {}
    assert clone.must("dvc", "status").strip() == UP_TO_DATE
    rows = clone.must("dvc", "metrics", "diff").splitlines()[1:]
    assert [row.split()[:2] for row in rows] == [
        ["results/metrics/tiny/table2.json", "focal.tiny_if10"]
    ]


def cached(project: Versioned) -> list[Path]:
    return [path for path in (project.root / ".dvc/cache").rglob("*") if path.is_file()]


def test_without_data_nothing_is_to_do_until_an_edit_has_no_results(
    published: Versioned, tmp_path: Path
):
    clone = published.clone(tmp_path / "clone")
    clone.must("dvc", "pull", ".snakemake/metadata")
    assert not (clone.root / "data").exists()
    assert not (clone.root / "results/runs").exists()
    assert clone.plan() == {}
    clone.must("bash", "-c", GATE)
    for file, old, new in (
        FOCAL,
        ("config/config.yaml", "collection: tiny", "collection: other"),
        ("src/train.py", "def main(", "CHANGED = 1\n\n\ndef main("),
        ("workflow/rules/evaluate.smk", "--metrics {", "--metrics={"),
    ):
        with clone.edited(file, old, new):
            assert clone.run("bash", "-c", GATE).returncode != 0, file
        clone.must("bash", "-c", GATE)


def test_gate_of_the_continuous_integration_is_the_tested_one():
    assert f"run: {GATE}" in (REPO / ".github/workflows/ci.yml").read_text()


def test_report_of_a_clone_is_complete(published: Versioned, tmp_path: Path):
    clone = published.clone(tmp_path / "clone")
    clone.must("dvc", "pull")
    said = clone.must("snakemake", "--report", "report.html")
    assert "WARNING" not in said.upper()
    page = (clone.root / "report.html").read_text()
    assert all(f"{RUN.format(method)}/provenance.json" in page for method in METHODS)


def test_second_repro_does_nothing_at_once(published: Versioned):
    started = time.monotonic()
    assert published.must("dvc", "repro").splitlines()[-1] == UP_TO_DATE
    assert time.monotonic() - started < 10
    assert published.must("git", "status", "--short") == ""


def test_interrupted_repro_keeps_what_is_finished(published: Versioned):
    published.change("config/methods/kcl.yaml", "from_queue: 6", "from_queue: 3")
    shorter = "finetune: {epochs: 3,"  # only KCL has this stage here
    longer = "finetune: {epochs: 60,"
    published.change("config/datasets/tiny.yaml", shorter, longer)
    log = published.root / "logs/repro.log"
    process = published.popen("bash", "-c", f"exec dvc repro > {log} 2>&1")
    while not list(published.root.glob("scratch/tiny/if10/kcl/seed0/finetune/*.pt")):
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait() != 0
    ran = jobs(published.must("dvc", "repro"))
    assert ran.keys() - {"configure_stage"} == {"finetune", "evaluate", *TABLE}
    assert published.must("dvc", "status").strip() == UP_TO_DATE


def test_lost_seed_is_made_or_fetched_again_and_nothing_else(published: Versioned):
    lost = published.root / RUN.format("ce")
    weights = (lost / "train/weights.pt").read_bytes()
    table = (published.root / "results/tiny/table2.csv").read_bytes()
    shutil.rmtree(lost)
    assert "results/runs" in published.must("dvc", "status")
    published.must("dvc", "checkout")
    assert (lost / "train/weights.pt").read_bytes() == weights
    assert published.must("dvc", "status").strip() == UP_TO_DATE
    assert published.plan() == {}
    shutil.rmtree(lost)
    assert jobs(published.must("dvc", "repro")) == changed("ce", "train")
    assert (lost / "train/weights.pt").read_bytes() == weights
    assert (published.root / "results/tiny/table2.csv").read_bytes() == table


def objects(folder: Path, file: Path) -> Path:
    """Return where DVC keeps a file's bytes."""
    md5 = subprocess.run(["md5sum", file], text=True, capture_output=True, check=True).stdout[:32]
    return folder / "files/md5" / md5[:2] / md5[2:]


IMAGES = "data/tiny/train_images.npy"
WEIGHTS = f"{RUN.format('kcl')}/pretrain/weights.pt"


def test_corrupt_file_of_a_verified_remote_is_not_fetched(published: Versioned, tmp_path: Path):
    broken = objects(tmp_path / "store", published.root / IMAGES)
    flip(broken)
    published.must("dvc", "remote", "modify", "store", "verify", "true")
    published.commit()
    clone = published.clone(tmp_path / "clone")
    done = clone.run("dvc", "pull")
    assert done.returncode != 0
    assert not (clone.root / IMAGES).exists()
    missing = clone.must("dvc", "data", "status", "--granular")
    assert re.search(rf"Not in cache:\n.*\n +{IMAGES}\n", missing)


@pytest.mark.parametrize(("where", "file"), [("cache", WEIGHTS), ("remote", IMAGES)])
def test_nothing_trains_on_a_corrupt_file(published: Versioned, tmp_path: Path, where, file):
    """By default DVC takes what a remote that is a folder, or its cache, has under a hash."""
    clone = published.clone(tmp_path / "clone")
    if where == "remote":
        flip(objects(tmp_path / "store", published.root / file))
        clone.must("dvc", "pull")
    else:
        clone.must("dvc", "pull")
        flip(objects(clone.root / ".dvc/cache", published.root / file))
        (clone.root / file).unlink()
        clone.must("dvc", "checkout")
    old = "optimizer: {lr: 0.1, momentum: 0.9, weight_decay: 0.0}"
    clone.change("config/methods/base/finetune.yaml", old, old.replace("lr: 0.1", "lr: 0.2"))
    done = clone.run("dvc", "repro")
    assert done.returncode != 0
    assert re.search(rf"error: {file}: .*(corrupt|not what .* left)", done.stdout), done.stdout
    stages = jobs(done.stdout).keys()
    assert "evaluate" not in stages
    audit = "DVC_SITE_CACHE_DIR=$(mktemp -d) dvc data status --granular"
    assert f"modified: {file}\n" in clone.must("bash", "-c", audit)


def test_experiment_is_another_collection_by_one_option(published: Versioned):
    published.must("dvc", "exp", "run", "--set-param", "config/config.yaml:collection=other")
    assert (published.root / "results/other/table2.csv").exists()
    shown = published.must("dvc", "exp", "show", "--csv")
    assert "results/metrics/other/table2.json:ce.tiny_if10" in shown.splitlines()[0]


def test_accuracies_and_curves_are_shown(published: Versioned):
    head, row = published.must("dvc", "metrics", "show").splitlines()
    assert head.split() == ["Path", "ce.tiny_if10", "focal.tiny_if10", "kcl.tiny_if10"]
    assert row.split()[0] == "results/metrics/tiny/table2.json"
    published.must("dvc", "plots", "show")
    page = (published.root / "dvc_plots/index.html").read_text()
    assert '"title": "results/curves/tiny/curves_tiny_if10.csv"' in page
    for method in METHODS:
        assert f'{{"method": "{method}", "epoch": "3", "accuracy": ' in page
    assert published.must("git", "status", "--short") == ""


def test_every_command_of_the_page_on_versions_works(published: Versioned, tmp_path: Path):
    text = (REPO / "docs/versions.md").read_text()
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.M | re.S)
    assert len(blocks) == text.count("```") / 2  # none is left out
    assert len(blocks) >= 3
    (published.root / "containers/train.sif").write_bytes(b"an image")
    published.must("dvc", "remote", "remove", "store")
    script = "\n".join(blocks)
    here = {
        "/path/to/store": "../shared",
        "digits/if100": "tiny/if10",
        "collection: demo/collection: paper": "collection: tiny/collection: other",
        "--profile slurm": "",
    }
    for written, meant in here.items():
        assert written in script
        script = script.replace(written, meant)
    published.must("bash", "-euo", "pipefail", "-c", script)
    clone = published.clone(tmp_path / "clone")
    clone.must("dvc", "pull")
    assert clone.plan() == {}
    assert (clone.root / "containers/train.sif").read_bytes() == b"an image"


def test_git_has_no_large_file(published: Versioned):
    for root in (published.root, REPO):
        if not (root / ".git").exists():
            continue
        names = Versioned(root).must("git", "ls-files", "-z").split("\0")
        sizes = {name: (root / name).lstat().st_size for name in filter(None, names)}
        assert sizes
        assert [name for name, size in sizes.items() if size > 1_000_000] == []
