"""A user's mistake ends Snakemake with one message that names the thing and the fix."""

import shutil
import sys
from pathlib import Path

import pytest
from pictures import make_images
from project import Project, jobs

pytestmark = pytest.mark.slow

RUN = "results/runs/{dataset}/if{factor}/{method}/seed{seed}/metrics.json"


def run(dataset="digits", factor="10", method="kcl", seed="0") -> str:
    return RUN.format(dataset=dataset, factor=factor, method=method, seed=seed)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            run(dataset="digit"),
            "dataset 'digit' is unknown: there is no config/datasets/digit.yaml. "
            "Did you mean 'digits'?",
        ),
        (
            run(method="kcll"),
            "method 'kcll' is unknown: there is no config/methods/kcll.yaml. Did you mean 'kcl'?",
        ),
        (
            run(factor="0"),
            "'if0' is no imbalance: it is if<number>, step<number> (whole numbers of at least 1) "
            "or natural. Change the path you ask for.",
        ),
        (run(seed="one"), "seed 'one' is not a whole number of at least 0"),
        (run(seed="4294967296"), "seed 4294967296 is more than 4294967295. Change the path"),
        (
            run(dataset="my birds"),
            "dataset: 'my birds' is no name, which has letters (a to z), digits, _ and - only, "
            "begins with a letter or a digit and is no longer than 64. Name it 'my_birds'.",
        ),
        (run(method="$(touch made)"), "method: '$(touch made)' is no name"),
        (
            "results/coresets/digits/if10/glistr/coreset.csv",
            "coreset 'glistr' is unknown: there is no config/coresets/glistr.yaml. "
            "Did you mean 'glister'?",
        ),
        ("data/digit/store.json", "dataset 'digit' is unknown"),
        (
            "results/dmo/table2.csv",
            "collection 'dmo' is unknown: config/config.yaml does not list it. "
            "Did you mean 'demo'?",
        ),
        (
            "results/demo/table5.csv",
            "collection 'demo' has no table5. Did you mean 'table2'?",
        ),
        (
            "results/runs/digits/if10/ce/seed0/pretrain/weights.pt",
            "config/methods/ce.yaml: has no stage 'pretrain'",
        ),
    ],
)
def test_unknown_part_of_a_path_is_named_with_the_nearest(fresh: Project, target, message):
    done = fresh.snakemake("-n", target)
    assert done.returncode != 0
    assert f"error: {message}" in done.stdout
    assert "Traceback" not in done.stdout
    assert "Exception" not in done.stdout


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "config/methods/base/moco.yaml",
            "key_momentum:",
            "key_momentun:",
            "config/methods/base/moco.yaml: pretrain.key_momentun: unknown key. "
            "Did you mean 'key_momentum'?",
        ),
        (
            "config/config.yaml",
            "methods: &spaces [kcl, cogloat_proco]\n        seeds: [0, 1, 2]",
            "methods: &spaces [kcl, cogloat_proco]\n        seeds: [0, -1]",
            "config/config.yaml: collections.paper.tables.table1.features.seeds.1: "
            "Input should be greater than or equal to 0, but it is -1. Write 0 or more.",
        ),
        (
            "config/claims.yaml",
            "level: 0.05",
            "level: 5",
            "config/claims.yaml: level: Input should be less than 1, but it is 5. Write a number",
        ),
        (
            "config/config.yaml",
            "collection: demo",
            "collection: dmo",
            "config/config.yaml: collection: 'dmo' is unknown. Did you mean 'demo'?",
        ),
        (
            "config/config.yaml",
            "collection: demo",
            "collection: [demo",
            "config/config.yaml: line 3: not valid YAML: a comma or a closing bracket of line 2",
        ),
    ],
)
def test_bad_configuration_stops_before_anything_is_planned(
    fresh: Project, file, old, new, message
):
    with fresh.edited(file, old, new):
        done = fresh.snakemake("-n", "results/splits/digits/if10.csv")
    assert done.returncode != 0
    assert "error: config/" in done.stdout
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert "Building DAG" not in done.stdout


def test_file_that_no_name_is_of_is_told_and_the_rest_is_planned(fresh: Project):
    copy = fresh.root / "config/methods/$(touch made).yaml"
    copy.write_text((fresh.root / "config/methods/ce.yaml").read_text())
    done = fresh.snakemake("-n", "results/runs/tiny/if10/ce/seed0/metrics.json")
    copy.unlink()
    assert done.returncode == 0
    (told,) = [line for line in done.stdout.splitlines() if line.startswith("warning: ")]
    assert told.startswith("warning: 'config/methods/$(touch made).yaml' is passed over: ")
    assert told.endswith("Name it 'touch_made'.")
    assert not (fresh.root / "made").exists()


def test_dataset_that_nobody_asks_for_stops_nothing(fresh: Project):
    mine = fresh.root / "config/datasets/mine.yaml"
    mine.write_text("label: Mine\nlabel: Again\n")
    other = fresh.snakemake("-n", "results/runs/tiny/if10/ce/seed0/metrics.json")
    asked = fresh.snakemake("-n", "data/mine/store.json")
    mine.unlink()
    assert other.returncode == 0, other.stdout
    assert asked.returncode != 0
    message = "config/datasets/mine.yaml: line 2: the key 'label' is there twice"
    assert f"error: {message}" in asked.stdout


def block(path, how: str) -> None:
    """Put something that cannot be read where a file was."""
    path.unlink()
    match how:
        case "folder":
            path.mkdir()
        case "loop":
            path.symlink_to(path.name)
        case "empty":
            path.touch()


@pytest.mark.parametrize(
    ("file", "how", "message"),
    [
        ("config/config.yaml", "folder", "config/config.yaml: this is a folder, a file is needed"),
        ("config/config.yaml", "empty", "config/config.yaml: line 1: the file is empty. Write"),
        ("config/datasets/digits.yaml", "loop", "digits.yaml: its links lead in a circle. Mend"),
        ("containers/images.lock.yaml", "folder", "images.lock.yaml: this is a folder, a file is"),
    ],
)
def test_file_that_cannot_be_read_stops_before_anything_is_planned(
    fresh: Project, tmp_path, file, how, message
):
    blocked = fresh.copy(tmp_path / "blocked")
    block(blocked.root / file, how)
    done = blocked.snakemake("-n", "results/splits/digits/if10.csv")
    assert done.returncode != 0
    assert f"error: {file.rpartition('/')[0]}/" in done.stdout
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert "Building DAG" not in done.stdout


def test_function_of_a_rule_that_cannot_read_a_file_is_one_message(fresh: Project, tmp_path):
    """A coreset that no collection has is read only when it is asked for."""
    blocked = fresh.copy(tmp_path / "blocked")
    (blocked.root / "config/coresets/mine.yaml").mkdir()
    done = blocked.snakemake("-n", "results/coresets/digits/if10/mine/coreset.csv")
    assert done.returncode != 0
    assert "error: config/coresets/mine.yaml: this is a folder, a file is needed" in done.stdout
    assert "Traceback" not in done.stdout
    assert "Exception" not in done.stdout


def test_estimate_of_the_time_refuses_no_run(fresh: Project):
    done = fresh.snakemake("-n", "results/runs/digits/if100000/ce/seed0/metrics.json")
    assert done.returncode == 0, done.stdout


def test_python_that_lacks_packages_is_told_before_the_first_job(fresh: Project, tmp_path):
    """As where the environment is not active; a plan needs none."""
    blocked = fresh.copy(tmp_path / "blocked")
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text("#!/bin/sh\necho torch\n")
    python.chmod(0o755)
    snakemake = tmp_path / "bin" / "snakemake"
    snakemake.symlink_to(Path(sys.executable).with_name("snakemake"))
    target, path = "results/splits/digits/if10.csv", f"{python.parent}:/usr/bin:/bin"
    assert blocked.snakemake("-n", target, PATH=path).returncode == 0
    done = blocked.snakemake(target, PATH=path)
    assert done.returncode != 0
    assert f"error: {python} lacks torch, needed by src/fetch.py. Activate the en" in done.stdout
    assert "Traceback" not in done.stdout
    assert not (blocked.root / "data/digits").exists()
    assert not list((blocked.root / ".snakemake").glob("locks/*"))


def test_key_given_on_the_command_line_is_checked(fresh: Project):
    mine = "{kind: accuracy, datasets: [digits], factors: [10], metods: [ce], seeds: [0]}"
    done = fresh.snakemake("-n", "--config", f"collections={{paper: {{tables: {{mine: {mine}}}}}}}")
    assert done.returncode != 0
    assert "collections.paper.tables.mine" in done.stdout
    assert "metods: unknown key. Did you mean 'methods'?" in done.stdout
    assert "Traceback" not in done.stdout


def test_unknown_collection_on_the_command_line_is_named(fresh: Project):
    done = fresh.snakemake("-n", "--config", "collection=papr")
    assert done.returncode != 0
    assert "error: collection 'papr' is unknown" in done.stdout
    assert "Did you mean 'paper'?" in done.stdout


def test_damaged_certificates_are_named(fresh: Project):
    file = fresh.root / "workflow/certified.json"
    file.write_text("{")
    done = fresh.snakemake("-n")
    file.unlink()
    assert done.returncode != 0
    assert f"error: {file}: line 1: not valid JSON" in done.stdout
    assert "Traceback" not in done.stdout


def test_images_that_are_not_there_are_named_before_anything_is_done(fresh: Project):
    missing = "data/raw/cifar10-images/train: no such folder. It must hold one folder a class."
    done = fresh.snakemake("-n", "data/cifar10_folder/store.json")
    assert done.returncode == 0
    assert done.stdout.count(f"planned without the images of cifar10_folder: {missing}") == 1
    assert "decode" in jobs(done.stdout)
    done = fresh.snakemake("data/cifar10_folder/store.json")
    assert done.returncode != 0
    assert f"error: {missing}" in done.stdout
    assert "Traceback" not in done.stdout
    assert "Exception" not in done.stdout
    assert fresh.plan("data/digits/store.json") == {"fetch": {"data/digits/store.json"}}


def test_failed_job_names_its_log_and_shows_it_and_nothing_is_locked(fresh: Project):
    target = "data/cifar10_folder/store.json"
    root = make_images(fresh.root / "data/raw/cifar10-images", tuple("abcdefghij"), train=1, test=1)
    (root / "train/c/0.png").write_text("no image")
    done = fresh.snakemake(target)
    shutil.rmtree(root)
    assert done.returncode != 0
    log = "logs/cifar10_folder/fetch.log"
    message = (fresh.root / log).read_text().strip()
    assert message.startswith("error: ")
    assert "data/raw/cifar10-images/train/c/0.png" in message
    assert f"log: {log} (check log file(s) for error details)" in done.stdout
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert not (fresh.root / target).exists()
    assert fresh.snakemake("results/runs/digits/if10/kcll/seed0/metrics.json").returncode != 0
    assert not list((fresh.root / ".snakemake" / "locks").iterdir())


def test_effective_configuration_that_was_changed_is_not_trained_on(finished: Project, tmp_path):
    """By hand or by a disk; it is still valid, so that only its hash tells."""
    changed = finished.copy(tmp_path / "changed")
    path = "results/runs/tiny/if10/ce/seed0/train/config.json"
    text = (changed.root / path).read_text()
    (changed.root / path).write_text(text.replace('"lr": 0.1', '"lr": 0.2'))
    done = changed.snakemake("results/tiny/table2.csv")
    assert done.returncode != 0
    assert f"error: {path}: corrupt or edited: it is not what config/ says" in done.stdout
