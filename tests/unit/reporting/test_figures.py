import csv
import json
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from scripts import REPO, run

import plot_curves
import plot_embedding
import plot_frequency
import plot_temperatures
from cogloat.config.load import run_config
from cogloat.config.parse import dump
from cogloat.data.imageset import load_test_set
from cogloat.data.longtail import write_split
from cogloat.data.store import Images, write_store
from cogloat.errors import UserError
from cogloat.evaluation.separability import knn_accuracy, silhouette
from cogloat.files import write_json
from cogloat.reporting.figures import MARKERS, PALETTE, colour, count_axis, marker, save, style
from cogloat.training.checkpoint import save_checkpoint
from cogloat.training.inference import outputs
from cogloat.training.networks import build_encoder
from cogloat.training.provenance import write_history

CLASSES, EACH = 10, 3
COUNTS = [60, 60, 50, 30, 20, 10, 10, 2, 2, 1]
RAREST = [9, 8, 7]


# --- the style and the saving ---


def drawn():
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2, 3], label="costs $5 or $10")
    axes.set_title("τ against n")
    axes.legend()
    return figure


def test_same_figure_gives_the_same_bytes_whatever_the_users_settings(tmp_path):
    for name, size in (("a", 8), ("b", 20)):
        with matplotlib.rc_context({"font.size": size, "lines.linewidth": size}), style():
            save(drawn(), tmp_path / f"{name}.pdf", tmp_path / f"{name}.png")
    for kind in ("pdf", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_files_hold_no_date_and_text_is_text(tmp_path):
    with style(), matplotlib.rc_context({"pdf.compression": 0}):
        save(drawn(), tmp_path / "a.pdf", tmp_path / "a.png")
    pdf, png = (tmp_path / "a.pdf").read_bytes(), (tmp_path / "a.png").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"CreationDate" not in pdf
    assert b"/FontFile2" in pdf  # TrueType, embedded
    assert b"/Type3" not in pdf
    assert png.startswith(b"\x89PNG")
    assert b"Software" not in png


def test_figure_that_cannot_be_drawn_leaves_the_old_files(tmp_path):
    (tmp_path / "a.pdf").write_text("old")
    figure = drawn()
    figure.draw = lambda renderer: 1 / 0
    with pytest.raises(ZeroDivisionError), style():
        save(figure, tmp_path / "a.pdf", tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.pdf"]
    assert (tmp_path / "a.pdf").read_text() == "old"


def test_style_ends_with_its_block():
    before = dict(matplotlib.rcParams)
    with style():
        assert matplotlib.rcParams["pdf.fonttype"] == 42
    assert dict(matplotlib.rcParams) == before


def test_56_things_differ_in_colour_or_marker():
    several = len(PALETTE) * len(MARKERS)
    assert len({(colour(n), marker(n)) for n in range(several)}) == several == 56


@pytest.mark.parametrize("counts", [[500, 50, 5], [20, 10, 8], [7, 7, 7], [60, 1]])
def test_axis_of_counts_has_a_tick_and_no_powers(counts):
    with style():
        figure = Figure()
        axes = figure.subplots()
        count_axis(axes, counts)
        figure.draw_without_rendering()
        low, high = axes.get_xlim()
        texts = [
            label.get_text()
            for tick, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
            if low <= tick <= high
        ]
        minor = [label.get_text() for label in axes.get_xticklabels(minor=True)]
    assert texts
    assert all(float(text) == int(text) for text in texts)
    assert not any(minor)


# --- what the scripts compute ---


def test_rarest_classes_come_first_and_of_equals_the_higher_label():
    assert plot_embedding.rarest(np.array(COUNTS), 4) == [9, 8, 7, 6]


def test_running_mean_takes_in_half_to_twice_as_many_images():
    counts = np.array([8, 4, 4, 2, 1])
    found, means = plot_frequency.running_mean(counts, np.array([80.0, 40.0, 60.0, 20.0, 0.0]))
    assert found.tolist() == [1, 2, 4, 8]
    assert means.tolist() == [10, 30, 50, 60]


@pytest.mark.parametrize(
    "stages", [["train", "finetune"] * 14, ["train"] * 14 + ["finetune"] * 14, ["train"] * 14]
)
def test_up_to_14_methods_of_a_kind_differ_in_colour_or_line(stages):
    found = plot_curves.looks(curves_of(stages))
    assert len(set(found.values())) == len(found) == len(stages)
    dashes = {(stage, dash) for stage, (_, dash) in zip(stages, found.values(), strict=True)}
    assert dashes <= {("train", "--"), ("train", ":"), ("finetune", "-"), ("finetune", "-.")}


def test_few_methods_differ_in_colour_whatever_their_kind():
    found = plot_curves.looks(curves_of(["train", "finetune", "finetune", "train"] + ["train"] * 3))
    assert len({ink for ink, _ in found.values()}) == len(PALETTE)


def curves_of(stages):
    return [
        plot_curves.Curve(f"m{n}", stage, np.ones(1), np.ones((1, 1)))
        for n, stage in enumerate(stages)
    ]


# --- the scripts ---


def arguments_of(folder, flags):
    """Return the command line of a script that makes figure.pdf and figure.png in a folder."""
    given = {"pdf": folder / "figure.pdf", "png": folder / "figure.png"} | flags
    arguments = []
    for flag, value in given.items():
        values = value if isinstance(value, list) else [value]
        arguments += [f"--{flag}", *map(str, values)]
    return arguments


def figure_of(folder, script, **flags):
    done = run(script, *arguments_of(folder, flags))
    assert done.returncode == 0, done.stderr


def refused(monkeypatch, folder, main, flags, message):
    """Run a script within this process, which is faster; it must end in the message."""
    monkeypatch.setattr(sys, "argv", ["script", *arguments_of(folder, flags)])
    with pytest.raises(UserError) as caught:
        main()
    assert str(caught.value).startswith(message)
    assert not list(folder.rglob("figure.*"))


def twice_the_same(folder, script, **flags):
    """Run a script into two folders; its files must be the same, bit by bit."""
    files = {}
    for name in ("first", "second"):
        own = {flag: folder / name / v if flag == "numbers" else v for flag, v in flags.items()}
        figure_of(folder / name, script, **own)
        files[name] = {path.name: path.read_bytes() for path in (folder / name).iterdir()}
    assert files["first"] == files["second"]
    return files["first"]


def configured(path, method, stage, seed=0, factor=60):
    config = run_config(REPO / "config", "digits", factor, method, seed, stage)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dump(config))
    return config


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    """A store, a split and two encoders that were not trained."""
    folder = tmp_path_factory.mktemp("encoders")
    draw = np.random.default_rng(0)
    labels = {"train": np.repeat(np.arange(CLASSES), 60), "test": np.arange(CLASSES).repeat(EACH)}
    parts = {
        name: Images(draw.integers(0, 256, (len(own), 3, 8, 8), np.uint8), own)
        for name, own in labels.items()
    }
    write_store(folder / "store", parts, [str(label) for label in range(CLASSES)])
    chosen = np.concatenate([60 * label + np.arange(n) for label, n in enumerate(COUNTS)])
    write_split(folder / "split.csv", chosen, labels["train"][chosen])
    for seed, method in enumerate(("kcl", "cogloat")):
        config = configured(folder / method / "config.json", method, "pretrain")
        torch.manual_seed(seed)
        save_checkpoint(folder / method / "weights.pt", encoder_of(config).state_dict())
    configured(folder / "ce" / "config.json", "ce", "train")
    configured(folder / "other" / "config.json", "kcl", "pretrain", factor=100)
    return folder


def encoder_of(config):
    settings = config.settings
    return build_encoder(config.depth, settings.projection, settings.batch_norm_splits)


def embedding(folder, names, **changed):
    return {
        "config": [folder / name / "config.json" for name in names],
        "weights": [folder / name / "weights.pt" for name in names],
        "titles": [f"Of {name}, $1" for name in names],
        "store": folder / "store",
        "split": folder / "split.csv",
        "classes": len(RAREST),
        "seed": 0,
        "numbers": "figure.csv",
        "device": "cpu",
    } | changed


def test_embedding_tells_the_separability_of_the_rarest_classes(encoders, tmp_path):
    files = twice_the_same(tmp_path, "plot_embedding.py", **embedding(encoders, ["kcl", "cogloat"]))
    assert sorted(files) == ["figure.csv", "figure.pdf", "figure.png"]
    rows = list(csv.DictReader(files["figure.csv"].decode().splitlines()))
    test = load_test_set(encoders / "store", CLASSES, torch.device("cpu"))
    chosen = np.isin(test.labels_N.numpy(), RAREST)
    for seed, (row, method) in enumerate(zip(rows, ("kcl", "cogloat"), strict=True)):
        config = run_config(REPO / "config", "digits", 60, method, 0, "pretrain")
        torch.manual_seed(seed)
        features = outputs(encoder_of(config), test, config.data).numpy()[chosen]
        labels = test.labels_N.numpy()[chosen]
        assert float(row["silhouette"]) == pytest.approx(silhouette(features, labels), abs=1e-4)
        assert float(row["knn_accuracy"]) == pytest.approx(
            knn_accuracy(features, labels, 5), abs=0.01
        )
        assert (row["panel"], row["method"]) == (f"Of {method}, $1", method)
        assert (row["classes"], row["images"]) == ("9 8 7", str(len(RAREST) * EACH))


@pytest.mark.parametrize(
    ("names", "changed", "message"),
    [
        (["kcl", "ce"], {}, "{folder}/ce/config.json: stage: 'train' trains no encoder"),
        (
            ["kcl", "other"],
            {},
            "{folder}/other/config.json: dataset: digits IF 100, but {folder}/kcl/config.json is "
            "of digits IF 60",
        ),
        (["kcl"], {"titles": ["A", "B"]}, "--config has 1 files, --weights 1, --titles 2"),
        (["kcl"], {"classes": 1}, "--classes 1: there are 10. Give a number from 2 to 10."),
        (["kcl"], {"classes": 11}, "--classes 11: there are 10"),
        (["kcl"], {"split": "few.csv"}, "{folder}/few.csv: its labels are of 2 classes"),
    ],
)
def test_embedding_of_what_does_not_belong_together_is_refused(
    encoders, tmp_path, monkeypatch, names, changed, message
):
    write_split(encoders / "few.csv", np.array([0, 60]), np.array([0, 1]))
    if "split" in changed:
        changed = changed | {"split": encoders / changed["split"]}
    flags = embedding(encoders, names, numbers=tmp_path / "figure.csv", **changed)
    refused(monkeypatch, tmp_path, plot_embedding.main, flags, message.format(folder=encoders))


@pytest.fixture
def metrics(tmp_path):
    """Two seeds of two methods: metrics.json as evaluate.py writes it, in part."""
    folder = tmp_path / "metrics"
    for n, (method, seed) in enumerate((("ce", 0), ("ce", 1), ("kcl", 0), ("kcl", 1))):
        described = {
            **{"dataset": "digits", "factor": 60, "method": method, "seed": seed},
            **{"accuracy": 50.0 + n, "best_accuracy": 60.0, "class_counts": COUNTS},
            "per_class": [min(100.0, 30.0 + count + n) for count in COUNTS],
        }
        write_json(folder / method / f"{seed}.json", described)
    return folder


def frequency(folder, **changed):
    files = sorted(folder.rglob("*.json"))
    return {"metrics": files, "config": REPO / "config", "reference": "ce"} | changed


def test_frequency_is_drawn(metrics, tmp_path):
    files = twice_the_same(tmp_path, "plot_frequency.py", **frequency(metrics))
    assert sorted(files) == ["figure.pdf", "figure.png"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"factor": 100}, "dataset: digits IF 100, but {first} is of digits IF 60"),
        ({"dataset": "cifar10"}, "dataset: cifar10 IF 60, but {first} is of digits IF 60"),
        ({"class_counts": COUNTS[::-1]}, "class_counts: not those of {first}"),
        ({"per_class": [1.0]}, "class_counts: not those of {first}, or not one for each"),
        ({"per_class": [101.0] * 10}, "per_class.0: Input should be less than or equal to 100"),
        ({"seed": 0}, "seed: kcl seed 0 is {twin} too"),
    ],
)
def test_frequency_of_mixed_or_damaged_metrics_is_refused(
    metrics, tmp_path, monkeypatch, change, message
):
    path = metrics / "kcl" / "1.json"
    write_json(path, json.loads(path.read_text()) | change)
    message = message.format(first=metrics / "ce" / "0.json", twin=metrics / "kcl" / "0.json")
    flags = frequency(metrics)
    refused(monkeypatch, tmp_path, plot_frequency.main, flags, f"{path}: {message}")


def test_reference_without_a_run_is_refused(metrics, tmp_path):
    done = run("plot_frequency.py", *arguments_of(tmp_path, frequency(metrics, reference="kcll")))
    assert done.returncode == 2
    message = "error: --reference kcll: none of the runs is of it. Did you mean 'kcl'?\n"
    assert done.stderr == message
    assert not list(tmp_path.glob("figure.*"))


@pytest.fixture
def histories(tmp_path):
    """Two seeds of a one-stage and of a two-stage method: history.csv and config.json."""
    folder = tmp_path / "runs"
    for method, stages in (("ce", ("train",)), ("kcl", ("pretrain", "finetune"))):
        for stage in stages:
            for seed in (0, 1):
                own = folder / method / str(seed) / stage
                configured(own / "config.json", method, stage, seed)
                measured = [None, 40.0 + seed, None, 50.0 + seed]
                rows = [
                    {"epoch": epoch, "lr": 0.1, "loss": 5.0 - epoch, "test_accuracy": accuracy}
                    for epoch, accuracy in enumerate(measured, 1)
                ]
                if stage == "pretrain":
                    rows = [{key: row[key] for key in ("epoch", "lr", "loss")} for row in rows]
                write_history(own / "history.csv", rows)
    return folder


def curves(folder, **changed):
    files = sorted(folder.rglob("history.csv"))
    numbers = folder.parent / "curves.csv"
    return {"history": files, "config": REPO / "config", "numbers": numbers} | changed


def test_curves_are_drawn(histories, tmp_path):
    flags = curves(histories, numbers="curves.csv")
    files = twice_the_same(tmp_path, "plot_curves.py", **flags)
    assert sorted(files) == ["curves.csv", "figure.pdf", "figure.png"]
    rows = [f"{method},{row}" for method in ("ce", "kcl") for row in ("2,40.50", "4,50.50")]
    assert files["curves.csv"].decode().split() == ["method,epoch,accuracy", *rows]


@pytest.mark.parametrize("stage", ["train", "pretrain"])
def test_curves_of_one_kind_alone_are_drawn(histories, tmp_path, stage):
    files = sorted(histories.rglob(f"{stage}/history.csv"))
    figure_of(tmp_path, "plot_curves.py", **curves(histories, history=files))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("history.csv", "epoch,lr\n1,0.1\n"), "history.csv: test_accuracy: not the history of a"),
        (("history.csv", "epoch,test_accuracy\n1,x\n"), "history.csv: test_accuracy: not the hist"),
        (("history.csv", "epoch,test_accuracy\n1,\n"), "history.csv: test_accuracy: not measured"),
        (("history.csv", "epoch,test_accuracy\n1,5\n"), "history.csv: epoch: not those of"),
        (("config.json", "{}"), "config.json: dataset: missing key"),
        (("config.json", None), "config.json: no such file"),
    ],
)
def test_damaged_stage_is_named(histories, tmp_path, monkeypatch, change, message):
    stage = histories / "kcl" / "1" / "finetune"
    name, text = change
    if text is None:
        (stage / name).unlink()
    else:
        (stage / name).write_text(text)
    flags = curves(histories)
    refused(monkeypatch, tmp_path, plot_curves.main, flags, f"{stage}/{message}")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"factor": 100}, "dataset: digits IF 100, but"),
        ({"seed": 0}, "seed: digits/if60/kcl/seed0/finetune is"),
    ],
)
def test_curves_of_other_data_or_the_same_run_are_refused(
    histories, tmp_path, monkeypatch, changed, message
):
    stage = histories / "kcl" / "1" / "finetune"
    configured(stage / "config.json", "kcl", "finetune", **({"seed": 1} | changed))
    flags = curves(histories)
    refused(monkeypatch, tmp_path, plot_curves.main, flags, f"{stage}/history.csv: {message}")


def temperatures(folder, names):
    return {
        "config": [folder / name / "config.json" for name in names],
        "split": [folder / "split.csv"] * len(names),
    }


def test_temperatures_are_drawn(encoders, tmp_path):
    flags = temperatures(encoders, ["cogloat", "kcl"])
    files = twice_the_same(tmp_path, "plot_temperatures.py", **flags)
    assert sorted(files) == ["figure.pdf", "figure.png"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["cogloat", "ce"], "{folder}/ce/config.json: stage: 'train' has no contrastive temp"),
        (["kcl"], "{folder}/kcl/config.json: settings.temperature: none of the configurations"),
        (
            ["cogloat", "cogloat"],
            "{folder}/cogloat/config.json: settings.temperature: digits IF 60",
        ),
    ],
)
def test_temperatures_without_a_line_to_draw_are_refused(
    encoders, tmp_path, monkeypatch, names, message
):
    flags = temperatures(encoders, names)
    refused(monkeypatch, tmp_path, plot_temperatures.main, flags, message.format(folder=encoders))


def test_temperatures_need_a_split_each(encoders, tmp_path, monkeypatch):
    flags = temperatures(encoders, ["cogloat", "kcl"])
    flags["split"] = flags["split"][:1]
    message = "--config has 2 files, --split 1."
    refused(monkeypatch, tmp_path, plot_temperatures.main, flags, message)


@pytest.mark.parametrize("script", ["plot_frequency", "plot_curves"])
def test_script_starts_where_torch_is_not_installed(script):
    code = f"import sys; sys.modules['torch'] = None; import {script}"
    subprocess.run([sys.executable, "-c", code], cwd=REPO / "src", check=True)


@pytest.mark.parametrize("name", ["embedding", "frequency", "curves", "temperatures"])
def test_help_has_an_example(name):
    done = run(f"plot_{name}.py", "--help")
    assert done.returncode == 0
    assert f"python src/plot_{name}.py" in done.stdout
