"""export.py: predictions by what it writes are the run's, and what is not whole is refused."""

import csv
import json
import re
import shutil
import struct

import numpy as np
import pytest
import yaml
from artefacts import classifier, command_line, effective, untrained_run
from PIL import Image
from safetensors.torch import load_file

import export
import predict
from cogloat.config.dataset import Slots
from cogloat.config.reading import dump
from cogloat.errors import UserError
from cogloat.evaluated import read_evaluated
from cogloat.exported import read_model
from cogloat.files import sha256, write_text
from cogloat.reporting.card import model_card


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return untrained_run(tmp_path_factory.mktemp("made") / "digits/if60/ce/seed0")


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "runs/ce/seed0")


@pytest.fixture
def exported(run, tmp_path):
    export.main(command_line(run=run, output_dir=tmp_path / "exported"))
    return tmp_path / "exported"


def predicted(tmp_path, **source):
    image = tmp_path / "image.png"
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(pixels).save(image)
    output = tmp_path / "predictions.csv"
    predict.main([*command_line(**source, output=output, device="cpu"), "--", str(image)])
    with output.open(newline="") as file:
        return list(csv.DictReader(file))


def test_predictions_of_the_model_are_those_of_the_run(tmp_path, run, exported):
    of_run = predicted(tmp_path, run=run)
    shutil.rmtree(run)
    assert predicted(tmp_path, model=exported / "model.safetensors") == of_run


def test_the_library_alone_reads_the_same_tensors(exported):
    tensors = load_file(exported / "model.safetensors")
    wanted = classifier().state_dict()
    assert tensors.keys() == wanted.keys()
    assert all(tensors[name].equal(wanted[name]) for name in wanted)


def test_the_same_run_is_exported_to_the_same_bytes(tmp_path, run, exported):
    export.main(command_line(run=run, output_dir=tmp_path / "again"))
    for file in exported.iterdir():
        assert (tmp_path / "again" / file.name).read_bytes() == file.read_bytes()


def test_what_is_said_of_the_tensors_is_the_runs(run, exported):
    said, _ = read_model(exported / "model.safetensors")
    own = read_evaluated(run)
    assert dump(said.config) == dump(own.config)
    assert said.classes == own.metrics.classes
    assert said.provenance == own.provenance


def corrupt(packed, place):
    return packed[:place] + bytes([packed[place] ^ 1]) + packed[place + 1 :]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda packed: corrupt(packed, len(packed) - 1), "corrupt: it is not what its checksum"),
        (lambda packed: packed.replace(b"tilt", b"silt", 1), "corrupt: it is not what its"),
        (lambda packed: packed[:-1], "truncated, corrupt or no safetensors file"),
        (lambda packed: b"", "truncated, corrupt or no safetensors file"),
        (lambda packed: struct.pack("<Q", 2) + b"{}", "its header has no 'cogloat'"),
        (lambda packed: packed.replace(b'"cogloat":"{', b'"cogloat":"[', 1), "corrupt: it is"),
    ],
)
def test_model_that_is_not_whole_or_another_projects_is_refused(
    tmp_path, exported, change, message
):
    file = exported / "model.safetensors"
    packed = file.read_bytes()
    assert change(packed) != packed
    file.write_bytes(change(packed))
    with pytest.raises(UserError) as caught:
        predicted(tmp_path, model=file)
    assert str(caught.value).startswith(f"{file}: {message}")
    assert not (tmp_path / "predictions.csv").exists()


def test_missing_model_is_named(tmp_path):
    with pytest.raises(UserError, match="gone: the model is missing"):
        predicted(tmp_path, model=tmp_path / "gone")


# --- the card ---


def test_card_says_what_the_run_is_worth_and_came_from(run, exported):
    card = (exported / "README.md").read_text()
    head, text = re.fullmatch("---\n(.*?)---\n(.*)", card, re.S).groups()
    metrics = json.loads((run / "metrics.json").read_text())
    (model,) = yaml.safe_load(head)["model-index"]
    (result,) = model["results"]
    assert result["metrics"][0]["value"] == pytest.approx(metrics["accuracy"] / 100)
    assert f"| all test images | {metrics['accuracy']:.2f} |" in text
    assert "75,290 parameters" in text
    for label, name in enumerate(metrics["classes"]):
        assert f"| {label} | {name} | 5 | 50.00 |" in text
    stage = json.loads((run / "provenance.json").read_text())["stages"][0]
    for name, value in stage["identity"].items():
        assert f"| train | {name} | {value} |" in text
    (settings,) = re.findall("```json\n(.*?)```", text, re.S)
    assert json.loads(settings) == json.loads((run / "train/config.json").read_text())["settings"]


def test_card_says_by_what_the_scores_are_multiplied(run, tmp_path):
    own = read_evaluated(run)
    for method, words in (("ce", "scores."), ("ldam", "scores times 30.")):
        config = effective(tmp_path / "config.json", method, "train")
        card = model_card([config], own.metrics, own.provenance, "model.safetensors", 1)
        assert f"softmax of the classifier's {words}" in " ".join(card.split())


def test_card_says_how_an_image_is_scaled(run, tmp_path):
    """Of photographs in slots the shorter side to 8/7 of the square, as predict.py does."""
    own = read_evaluated(run)
    slots = Slots(short_side=8)
    for store, words in ((None, "scaled to 8 pixels"), (slots, "scaled to 9 pixels")):
        data = own.config.data.model_copy(update={"store": store})
        config = own.config.model_copy(update={"data": data})
        card = model_card([config], own.metrics, own.provenance, "model.safetensors", 1)
        assert f"{words}, then a square of 8 cropped at its centre" in " ".join(card.split())


def test_encoder_of_another_method_is_found_by_its_hash(run, tmp_path):
    """As kcl_baseline's, which is kcl's."""
    encoder = run.parents[1] / "kcl/seed0/pretrain/config.json"
    effective(encoder, "kcl", "pretrain")
    provenance = run / "provenance.json"
    document = json.loads(provenance.read_text())
    stage = {**document["stages"][0], "stage": "pretrain"}
    stage["identity"] = {"configuration": sha256(encoder)}
    provenance.write_text(json.dumps(document | {"stages": [stage, *document["stages"]]}))
    export.main(command_line(run=run, output_dir=tmp_path / "exported"))
    card = (tmp_path / "exported/README.md").read_text()
    assert "| pretrain | kcl, moco | 5 |" in card
    assert card.count("```json") == 2
    effective(encoder, "kcl", "pretrain", epochs=7)
    with pytest.raises(UserError, match="the configuration of its stage 'pretrain' is gone"):
        export.main(command_line(run=run, output_dir=tmp_path / "other"))
    assert not (tmp_path / "other").exists()


def test_folder_that_is_no_run_is_refused_and_nothing_is_written(run, tmp_path):
    write_text(run / "metrics.json", "{}")
    with pytest.raises(UserError, match="metrics"):
        export.main(command_line(run=run, output_dir=tmp_path / "exported"))
    assert not (tmp_path / "exported").exists()
