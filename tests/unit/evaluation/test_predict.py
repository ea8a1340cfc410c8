"""predict.py: what it takes for an image, and what it refuses; nothing is written then."""

import csv
import os
import shutil

import numpy as np
import pytest
import torch
from artefacts import CLASS_NAMES, classifier, command_line, effective, untrained_run
from PIL import Image

from cogloat.checkpoint import save_checkpoint
from cogloat.errors import UserError
from cogloat.files import write_text
from cogloat.trained import classifier_settings
from predict import main


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return untrained_run(tmp_path_factory.mktemp("made"))


@pytest.fixture
def folder(made, tmp_path):
    shutil.copytree(made, tmp_path / "run")
    return tmp_path


def predict(folder, *images, **flags):
    flags = {"run": folder / "run", "output": folder / "predictions.csv", "device": "cpu"} | flags
    given = {name: value for name, value in flags.items() if value is not None}
    main([*command_line(**given), "--", *map(str, images)])
    with (folder / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def refused(folder, message, *images, **flags):
    write_text(folder / "predictions.csv", "old")
    with pytest.raises(UserError) as caught:
        predict(folder, *images, **flags)
    assert str(caught.value).startswith(message)
    assert (folder / "predictions.csv").read_text() == "old"
    assert not list(folder.glob(".predictions.csv*"))
    return str(caught.value)


def picture(path, mode="RGB", size=(12, 9)):
    """Write a random image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def test_any_image_is_predicted_alone_as_among_others(folder):
    images = [
        picture(folder / "mixed" / "grey.png", "L"),
        picture(folder / "mixed" / "palette.gif", "P"),
        picture(folder / "mixed" / "photo.JPG", "RGB", (100, 40)),
        picture(folder / "mixed" / "small.bmp", "RGB", (3, 5)),
    ]
    alone = [predict(folder, image)[0] for image in images]
    together = predict(folder, folder / "mixed")
    assert [row["file"] for row in together] == [str(image) for image in images]
    assert list(together[0]) == ["file", "class", "probability", *CLASS_NAMES]
    for one, other in zip(alone, together, strict=True):
        assert one["class"] == other["class"]
        assert [float(one[name]) for name in CLASS_NAMES] == pytest.approx(
            [float(other[name]) for name in CLASS_NAMES], rel=1e-4
        )


def test_probabilities_are_the_softmax_of_one_image_at_a_time(folder):
    path = picture(folder / "a.png", size=(8, 8))
    config = effective(folder / "config.json", "ce", "train")
    pixels = np.asarray(Image.open(path)) / 255
    image = (pixels - config.data.mean) / config.data.std
    with torch.no_grad():
        scores = classifier()(torch.tensor(image.transpose(2, 0, 1)[None], dtype=torch.float32))
    (row,) = predict(folder, path)
    expected = scores.double().softmax(1)[0].tolist()
    assert [float(row[name]) for name in CLASS_NAMES] == pytest.approx(expected, rel=1e-4)
    assert row["class"] == CLASS_NAMES[int(scores.argmax())]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "scale"),
    [("ce", 1), ("focal", 1), ("balanced_softmax", 1), ("paco", 1), ("ldam", 30), ("m2m_ldam", 30)],
)
def test_scores_are_scaled_as_the_loss_does(folder, method, scale):
    config = effective(folder / "config.json", method, "train")
    settings = classifier_settings(config, folder)
    assert settings.score_scale == scale
    weights = folder / "weights.pt"
    save_checkpoint(weights, classifier(head=settings.head_kind).state_dict())
    write_text(folder / "names.txt", "\n".join(CLASS_NAMES))
    files = {"config": folder / "config.json", "weights": weights, "classes": folder / "names.txt"}
    path = picture(folder / "a.png", size=(8, 8))
    (row,) = predict(folder, path, run=None, **files)
    logs = np.log([float(row[name]) for name in CLASS_NAMES])
    pixels = torch.from_numpy(np.asarray(Image.open(path)).transpose(2, 0, 1)[None] / 255)
    mean, std = (torch.tensor(own)[:, None, None] for own in (config.data.mean, config.data.std))
    with torch.no_grad():
        scores = classifier(head=settings.head_kind)(((pixels - mean) / std).float())[0].double()
    assert logs - logs[0] == pytest.approx((scale * (scores - scores[0])).tolist(), abs=1e-3)


def test_folder_is_every_file_in_it_once_but_what_is_hidden(folder):
    photos = folder / "photos"
    for name in ("b/2.png", "a.png", "b/c/1.png", ".hidden/3.png"):
        picture(photos / name)
    for name in (".DS_Store", "Thumbs.db", "b/desktop.ini"):
        (photos / name).write_bytes(b"\0")
    (photos / "b" / "loop").symlink_to(photos)
    os.mkfifo(photos / "pipe")
    rows = predict(folder, photos / "b" / "2.png", photos)
    assert [row["file"] for row in rows] == [
        str(photos / name) for name in ("b/2.png", "a.png", "b/c/1.png")
    ]


@pytest.mark.parametrize("bad", [1, 10, 12])
def test_every_file_that_is_no_image_is_counted_and_ten_are_named(folder, bad):
    picture(folder / "photos" / "good.png")
    for number in range(bad):
        write_text(folder / "photos" / f"{number:02d}.png", "no image")
    text = refused(folder, f"{folder / 'photos' / '00.png'}: ", folder / "photos")
    *named, last = text.splitlines()
    assert len(named) == min(bad, 10)
    assert last.startswith(f"{bad} of {bad + 1} files are no images")


def test_link_that_leads_nowhere_is_named(folder):
    picture(folder / "photos" / "good.png")
    (folder / "photos" / "link.png").symlink_to(folder / "gone.png")
    refused(folder, f"{folder / 'photos' / 'link.png'}: ", folder / "photos")


def test_path_that_does_not_exist_is_named(folder):
    refused(folder, f"{folder / 'no'}: no such file or folder", folder / "no")


@pytest.mark.parametrize("name", ["a.png", "/dev/stdout"])
def test_output_that_is_no_table_is_not_replaced(folder, name):
    image = picture(folder / "a.png")
    before = image.read_bytes()
    refused(
        folder, f"--output {folder / name}: not the name of a CSV file", image, output=folder / name
    )
    assert image.read_bytes() == before


def test_empty_folder_is_named(folder):
    (folder / "empty" / "inner").mkdir(parents=True)
    refused(folder, f"{folder / 'empty'}: the folder holds no file", folder / "empty")


# --- the run ---


def other_weights(run):
    save_checkpoint(run / "train" / "weights.pt", classifier(1).state_dict())


def other_config(run):
    effective(run / "train" / "config.json", "ce", "train", seed=1)


def other_metrics(run):
    path = run / "metrics.json"
    path.write_text(path.read_text().replace('"factor": 60', '"factor": 10'))


def no_metrics(run):
    (run / "metrics.json").unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_weights, "{run}/train/weights.pt: not the file of the run, says {run}/provenance"),
        (other_config, "{run}/train/config.json: not the file of the run, says {run}/provenance"),
        (other_metrics, "{run}/metrics.json: factor: 10, but {run}/train/config.json has 60"),
        (no_metrics, "--run {run}: not the folder of an evaluated run"),
    ],
)
def test_what_is_not_of_the_run_is_refused(folder, change, message):
    change(folder / "run")
    refused(folder, message.format(run=folder / "run"), picture(folder / "a.png"))


def test_stage_is_no_run(folder):
    message = f"--run {folder / 'run' / 'train'}: not the folder of an evaluated run"
    refused(folder, message, picture(folder / "a.png"), run=folder / "run" / "train")


@pytest.mark.parametrize(
    "given", [{"run": None}, {"weights": "w"}, {"run": None, "config": "c"}, {"model": "m"}]
)
def test_a_run_or_everything_by_hand_is_needed(folder, given):
    refused(folder, "--run: give it the folder of a run, or", picture(folder / "a.png"), **given)


def by_hand(folder, **changed):
    write_text(folder / "names.txt", "\n".join(CLASS_NAMES))
    stage = folder / "run" / "train"
    files = {"config": stage / "config.json", "weights": stage / "weights.pt"}
    return {"run": None, **files, "classes": folder / "names.txt"} | changed


def test_names_of_fewer_classes_are_refused(folder):
    files = by_hand(folder)
    write_text(folder / "names.txt", "\n".join(CLASS_NAMES[1:]))
    message = f"{folder / 'names.txt'}: has 9 names, but there are 10 classes"
    refused(folder, message, picture(folder / "a.png"), **files)


def test_scores_that_are_not_finite_are_refused(folder):
    network = classifier()
    network.head.weight.data.fill_(3e38)
    save_checkpoint(folder / "huge.pt", network.state_dict())
    files = by_hand(folder, weights=folder / "huge.pt")
    message = f"{folder / 'huge.pt'}: what it makes of 1 of 1 images is not finite"
    refused(folder, message, picture(folder / "a.png"), **files)


def test_stage_without_a_classifier_is_refused(folder):
    effective(folder / "pretrain.json", "kcl", "pretrain")
    files = by_hand(folder, config=folder / "pretrain.json")
    message = f"{files['weights']}: stage 'pretrain' of kcl leaves no classifier"
    refused(folder, message, picture(folder / "a.png"), **files)
