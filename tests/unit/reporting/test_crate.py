"""archive.py: the crate has what it names, says where it came from, and is a valid one."""

import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from artefacts import command_line, untrained_run
from scripts import REPO

from archive import main
from cogloat.errors import UserError
from cogloat.files import sha256, write_text
from cogloat.reporting.crate import FILES, FOLDERS, NO_CODE

pytestmark = pytest.mark.slow

RUN = "results/runs/digits/if60/ce/seed0"
VALIDATOR = REPO / ".venv/validator/bin/python"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """The project with a table of one run."""
    root = tmp_path_factory.mktemp("project")
    for name in FOLDERS:
        ignored = shutil.ignore_patterns(*(f"*{kind}" for kind in NO_CODE))
        shutil.copytree(REPO / name, root / name, ignore=ignored)
    write_text(root / "src/__pycache__/train.pyc", "made of what is there")
    for name in FILES:
        shutil.copy(REPO / name, root / name)
    file = root / "config/config.yaml"
    grid = {"datasets": ["digits"], "factors": [60], "methods": ["ce"], "seeds": [0]}
    own = {"tables": {"mine": {"kind": "accuracy", **grid}}}
    known = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(known | {"collections": known["collections"] | {"own": own}}))
    run = untrained_run(root / RUN)
    (root / "results/splits/digits").mkdir(parents=True)
    shutil.move(run / "train/split.csv", root / "results/splits/digits/if60.csv")
    write_text(root / "results/own/mine.csv", "dataset,mean\ndigits,50.0\n")
    write_text(root / "results/own/figures/curves.png", "a picture")
    write_text(root / "results/own/report.html", "made of what is there")
    write_text(root / "results/demo/other.csv", "of another collection\n")
    return root


def archive(project, output):
    main(command_line(root=project, collection="own", output=output))
    return output


@pytest.fixture(scope="module")
def crate(project, tmp_path_factory):
    return archive(project, tmp_path_factory.mktemp("crate") / "own.crate.zip")


@pytest.fixture(scope="module")
def entities(crate):
    with zipfile.ZipFile(crate) as file:
        graph = json.loads(file.read("ro-crate-metadata.json"))["@graph"]
    return {entity["@id"]: entity for entity in graph}


def test_every_file_is_there_with_its_hash(project, crate, entities):
    with zipfile.ZipFile(crate) as file:
        names = set(file.namelist())
    described = {unquote(name): own for name, own in entities.items() if "sha256" in own}
    assert described.keys() <= names
    for name, own in described.items():
        assert own["sha256"] == sha256(project / name)
    assert {
        *("results/own/mine.csv", "results/own/figures/curves.png", f"{RUN}/metrics.json"),
        *(f"{RUN}/train/{name}" for name in ("config.json", "history.csv", "provenance.json")),
        *("results/splits/digits/if60.csv", "workflow/rules/train.smk", "README.md"),
        *("src/train.py", "src/cogloat/files.py", "config/config.yaml"),
    } <= described.keys()


def test_weights_data_and_other_collections_are_left_out(crate):
    with zipfile.ZipFile(crate) as file:
        names = file.namelist()
    assert len(names) == len(set(names))
    left_out = ("weights.pt", ".npy", "other.csv", "report.html", ".pyc")
    assert not [name for name in names if name.endswith(left_out)]


def test_a_training_links_what_it_was_made_of_and_what_it_left(project, entities):
    action = entities["#train-digits/if60/ce/seed0/train"]
    assert action["@type"] == "CreateAction"
    assert action["instrument"] == {"@id": "workflow/Snakefile"}
    assert action["object"] == [
        {"@id": f"{RUN}/train/config.json"},
        {"@id": "results/splits/digits/if60.csv"},
    ]
    assert sha256(project / RUN / "train/weights.pt") in action["description"]
    assert "5 epochs on EPYC in float32" in action["description"]
    assert entities[f"{RUN}/metrics.json"]["description"] == "Test accuracy 77.00 %"
    assert entities["./"]["mentions"] == {"@id": action["@id"]}


@pytest.mark.slow
def test_it_is_a_valid_workflow_crate(crate, tmp_path):
    """By rocrate-validator, an independent program in an environment of its own."""
    if not VALIDATOR.is_file():
        pytest.skip("no validator: `make validator` installs it")
    validate = [VALIDATOR, REPO / "tests/validate_crate.py"]
    done = subprocess.run([*validate, crate], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    broken = tmp_path / "broken.zip"
    with zipfile.ZipFile(crate) as file, zipfile.ZipFile(broken, "w") as other:
        for name in file.namelist():
            if name != "workflow/Snakefile":
                other.writestr(name, file.read(name))
    done = subprocess.run([*validate, broken], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "workflow-ro-crate-1.0_" in done.stderr


def lost(name):
    return lambda root: (root / name).unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lost("results/own/mine.csv"), "own: there is no table. Make the collection by "),
        (lost(f"{RUN}/train/history.csv"), f"{RUN}/train/history.csv: missing. Get it by `sn"),
        (lost("dvc.yaml"), "dvc.yaml: missing. Get it by `git restore dvc.yaml`."),
        (lost("results/splits/digits/if60.csv"), "results/splits/digits/if60.csv: missing. "),
    ],
)
def test_what_is_missing_is_named_and_the_old_archive_stays(project, tmp_path, change, message):
    root = shutil.copytree(project, tmp_path / "project")
    change(root)
    output = tmp_path / "own.crate.zip"
    write_text(output, "old")
    with pytest.raises(UserError) as caught:
        archive(root, output)
    assert message in str(caught.value)
    assert output.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [output.name]


def test_unknown_collection_is_named_with_the_nearest(project, tmp_path):
    arguments = command_line(root=project, collection="owm", output=tmp_path / "a.zip")
    with pytest.raises(UserError, match=r"'owm' is unknown\. Did you mean 'own'"):
        main(arguments)


def test_the_folder_that_one_is_in_stays(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    archive(project, Path("here.zip"))
    assert (tmp_path / "here.zip").is_file()
