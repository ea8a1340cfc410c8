"""What goes wrong on a cluster ends with one message that says what to do."""

import hashlib
import os
import re
import shutil
from pathlib import Path

import pytest
import yaml
from project import Project
from scripts import REPO
from slurm import PROFILE, jobs, output

RUN = "results/runs/tiny/if10/ce/seed0/metrics.json"
TRAIN = "rule_train_wildcards_tiny_if10_ce_0"


def one_error(said: str) -> str:
    """Return the one line that begins with error."""
    (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in said
    return line


def fails(project: Project, *arguments: str, **environment: str) -> str:
    done = project.snakemake(*PROFILE, "--retries", "0", *arguments, "--", RUN, **environment)
    assert done.returncode != 0, done.stdout
    return one_error(done.stdout)


def test_missing_image(short: Project):
    (short.root / "containers/train.sif").unlink()
    said = fails(short)
    assert "containers/train.sif: the image that rules run in is missing" in said
    assert "`make container`" in said
    assert not jobs(short)
    assert not (short.root / "results").exists()


def test_stale_image(short: Project):
    with (short.root / "requirements/train.txt").open("a") as file:
        file.write("# a package more\n")
    assert "train.sif is stale: requirements/train.txt has changed" in fails(short)


def test_another_image(short: Project):
    image = short.root / "containers/train.sif"
    image.unlink()
    image.write_bytes(b"another")
    assert "is not the image that containers/images.lock.yaml names" in fails(short)


def test_no_sbatch(short: Project, tmp_path: Path):
    """A PATH with Apptainer and without SLURM."""
    for tool in ("apptainer", "bash", "sh", "git", "which", "env"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    said = fails(short, PATH=f"{REPO / '.venv/bin'}{os.pathsep}{tmp_path}")
    assert "sbatch is not installed on this machine" in said


def test_no_gpu_in_the_partition(short: Project):
    said = fails(short, "--set-resources", "train:slurm_partition='cpu'")
    assert "no node of the partition has what a job asks for" in said
    assert "`slurm_partition`" in said


def test_unknown_partition(short: Project):
    said = fails(short, "--set-resources", "train:slurm_partition='cup'")
    assert "the partition does not exist" in said


def test_out_of_memory(short: Project):
    said = fails(short, "--set-resources", "train:mem_mb=100")
    assert "a job used more memory than it asked for" in said
    log = said.split(": ")[1]
    number = jobs(short, TRAIN)[-1].number
    assert log.startswith(f"logs/slurm/rule_train/tiny_if10_ce_0_train/{number}")
    assert "exceeded" in (short.root / log).read_text()


def test_out_of_time_and_it_has_saved(long: Project):
    """SLURM ends it without its warning, as where a site's own limit comes first."""
    long.change("config/datasets/tiny.yaml", "epochs: 300", "epochs: 3000")
    said = fails(long, "--set-resources", "train:runtime=1", "train:slurm_extra=''")
    assert "a job reached its time limit. Nothing is lost" in said
    assert jobs(long, TRAIN)[-1].state == "TIMEOUT"
    log = (long.root / "logs/tiny/if10/ce/seed0/train.log").read_text()
    assert re.search(r"goes on from scratch/tiny/if10/ce/seed0/train/\w+\.pt\n$", log)  # saved


def test_image_says_what_it_computes_on_and_is_the_locked_one():
    tested = output("apptainer", "test", "--nv", str(REPO / "containers/train.sif"))
    assert "sees no GPU: what runs here runs on the CPU" in tested
    assert "a convolution's gradient is right on cpu" in tested
    verified = output("make", "--directory", str(REPO), "container-verify")
    assert "sha256       " in verified


def fetch_in_the_image(project: Project, dataset: str) -> str:
    """Return the one error of what makes a dataset's store in the image, without SLURM."""
    inside = ("apptainer", "exec", "--cleanenv", "--bind", str(project.root))
    script = ("containers/train.sif", "python", "src/fetch.py")
    arguments = ("--config", "config", "--dataset", dataset, "--output", f"data/{dataset}")
    done = project.run(*inside, *script, *arguments)
    assert done.returncode != 0
    return one_error(done.stdout)


def test_archive_is_unpacked_by_the_images_python(short: Project):
    """Debian's, which is older than most. That its images are not the released ones comes last."""
    base, raw = "config/datasets/base/cifar10.yaml", short.root / "data/raw"
    folder = raw / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name in ("batches.meta", "test_batch", *(f"data_batch_{number}" for number in range(1, 6))):
        (folder / name).write_bytes(b"no images")
    archive = shutil.make_archive(str(raw / "cifar-10-python"), "gztar", raw, folder.name)
    released = yaml.safe_load((short.root / base).read_text())["source"]["sha256"]
    short.change(base, released, hashlib.sha256(Path(archive).read_bytes()).hexdigest())
    assert "its files have other checksums" in fetch_in_the_image(short, "cifar10")


def test_link_to_a_folder_that_the_image_does_not_see(short: Project):
    (short.root / "data").symlink_to("/elsewhere")
    said = fetch_in_the_image(short, "digits")
    assert said.startswith("error: data: a link to /elsewhere, which is not there.")
    assert said.endswith("add `--bind /elsewhere` to apptainer-args.")


@pytest.mark.parametrize("name", ["train", "evaluate", "fetch", "audit", "plot_embedding"])
def test_script_starts_in_the_image(name):
    image, script = REPO / "containers/train.sif", REPO / "src" / f"{name}.py"
    command = ("apptainer", "exec", "--cleanenv", "--bind", str(REPO), str(image))
    assert "usage:" in output(*command, "python", str(script), "--help")
