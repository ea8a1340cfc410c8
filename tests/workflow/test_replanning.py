"""What is out of date is judged by content: by what a run is made with, not by file times."""

import contextlib
import csv
import json
import os
import shutil

import pytest
import yaml
from pictures import make_images
from project import Project
from scripts import must

pytestmark = pytest.mark.slow

ONE_LOSS = ("ce", "cb_ce", "focal", "ce_drw", "ldam", "ldam_drw", "balanced_softmax")
ONE_STAGE = (*ONE_LOSS, "m2m_ldam", "paco", "bcl")
INBATCH = ("kcl_inbatch", "tsc_inbatch", "cogloat_inbatch", "cogloat_proco_inbatch")
TWO_STAGES = ("kcl", "tsc", "cogloat", "cogloat_proco", *INBATCH)
METHODS = (*ONE_STAGE, *TWO_STAGES)
IN_TABLE = {
    "table1": ("kcl", "cogloat_proco"),
    "table2": METHODS,
    "table4": ("kcl", "kcl_global", "kcl_adaptive", "kcl_proco"),
    "table5": ("kcl_baseline", "kcl_adaptive", "kcl_proco"),
    "table6": ("cogloat_supervised", "cogloat_k_positive", "cogloat"),
    "groups": ("kcl_baseline", "kcl_global"),
    "k_times": ("kcl", "kcl_global", "kcl_global_6"),
    "gradients": (
        *("kcl", "kcl_adaptive", "cogloat_constant", "cogloat"),
        *("cogloat_k_positive", "cogloat_supervised"),
    ),
    "prototypes": ("cogloat", "cogloat_proco", "cogloat_proco_random", "cogloat_proco_full"),
    "prototype_times": ("cogloat", "cogloat_proco", "cogloat_proco_random", "cogloat_proco_full"),
    "refresh_times": ("cogloat_proco_full", "cogloat_proco", "cogloat_proco_random"),
    "views": ("cogloat_proco_one_view", "cogloat_proco"),
    "separability": ("kcl", "kcl_adaptive"),
    "balance": ("simclr", "supcon", "cogloat_constant", "cogloat_k_positive", "cogloat_supervised"),
}
OF_TABLE2 = ("frequency_tiny_if10", "confusion_tiny_if10", "curves_tiny_if10")
SHOWN = (
    *("groups", "k_times", "prototypes", "prototype_times", "refresh_times", "views"),
    *("separability", "balance"),
)
MEANS = [f"{name}_means" for name in SHOWN]
PLOTS = ("figure2", *OF_TABLE2, "temperatures", "magnitudes_tiny_if10", *MEANS)
FIGURES = {f"{name}.{kind}" for name in PLOTS for kind in ("png", "pdf")} | {"figure2.csv"}
TABLE2 = "results/tiny/table2.csv"
TABLE = {"tabulate": {TABLE2}}


def stage(name: str, *methods: str) -> set[str]:
    return {f"results/runs/tiny/if10/{method}/seed0/{name}/weights.pt" for method in methods}


def configs(*stages: tuple[str, str]) -> set[str]:
    return {f"results/runs/tiny/if10/{method}/seed0/{name}/config.json" for method, name in stages}


def metrics(*methods: str) -> set[str]:
    return {f"results/runs/tiny/if10/{method}/seed0/metrics.json" for method in methods}


def test_end_to_end_run_leaves_every_file(finished: Project):
    for method in METHODS:
        run = finished.root / "results/runs/tiny/if10" / method / "seed0"
        stages = ["train"] if method in ONE_STAGE else ["pretrain", "finetune"]
        for name in stages:
            left = {path.name for path in (run / name).iterdir()}
            assert left == {"config.json", "weights.pt", "history.csv", "provenance.json"}
        assert json.loads((run / "metrics.json").read_text())
        assert json.loads((run / "provenance.json").read_text())
    for name, methods in IN_TABLE.items():
        table = finished.root / "results/tiny" / f"{name}.csv"
        with table.open() as file:
            assert {row["method"] for row in csv.DictReader(file)} == set(methods)
        assert table.with_suffix(".md").read_text().startswith("|")
    assert {path.name for path in (finished.root / "results/tiny/figures").iterdir()} == FIGURES
    assert not [path for path in (finished.root / "scratch").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (
            ("run", "--method", "tsc", "--seed", 0, "--stage", "pretrain"),
            "results/runs/tiny/if10/tsc/seed0/pretrain/config.json",
        ),
        (("coreset", "--coreset", "glister"), "results/coresets/tiny/if10/glister/config.json"),
    ],
)
def test_configuration_is_the_one_that_its_script_writes(
    finished: Project, tmp_path, arguments, file
):
    kind, *rest = arguments
    must(
        *("configure.py", "--config", finished.root / "config", kind, *rest),
        *("--dataset", "tiny", "--factor", 10, "--output", tmp_path / "config.json"),
    )
    assert (tmp_path / "config.json").read_bytes() == (finished.root / file).read_bytes()


def test_nothing_is_planned_after_it(finished: Project):
    assert finished.plan() == {}


def test_file_times_do_not_count(finished: Project, tmp_path):
    clone = finished.copy(tmp_path / "clone")
    shutil.rmtree(clone.root / "logs")
    shutil.rmtree(clone.root / "benchmarks")
    for number, path in enumerate(sorted(clone.root.rglob("*"), reverse=True)):
        if path.is_file() and ".snakemake" not in path.parts:
            os.utime(path, (1_700_000_000 + number,) * 2)
    assert clone.plan() == {}


def test_another_torch_replans_what_trains_another_matplotlib_what_plots(finished: Project):
    lock = (finished.root / "requirements" / "train.txt").read_text()
    torch, matplotlib = (
        next(line for line in lock.splitlines() if line.startswith(f"{name}=="))
        for name in ("torch", "matplotlib")
    )
    with finished.edited("requirements/train.txt", torch, torch.replace("==", "==9")):
        assert {"pretrain", "finetune", "train", "evaluate"} <= set(finished.plan(TABLE2))
    with finished.edited("requirements/train.txt", matplotlib, matplotlib.replace("==", "==9")):
        assert set(finished.plan()) - {"all"} == {
            *("plot_embedding", "plot_frequency", "plot_confusion", "plot_curves"),
            *("plot_temperatures", "plot_magnitudes", "plot_means"),
        }


def test_what_a_job_asks_of_a_cluster_replans_nothing(finished: Project):
    with finished.edited("config/config.yaml", "margin: 2.0", "margin: 5.0"):
        assert finished.plan() == {}


def test_finetune_number_of_the_base_replans_the_finetunes_that_extend_it(finished: Project):
    old = "optimizer: {lr: 0.1, momentum: 0.9, weight_decay: 0.0}"
    with finished.edited(
        "config/methods/base/finetune.yaml", old, old.replace("lr: 0.1", "lr: 0.2")
    ):
        assert finished.plan(TABLE2) == {
            "configure_stage": configs(*((method, "finetune") for method in TWO_STAGES)),
            "finetune": stage("finetune", *TWO_STAGES),
            "evaluate": metrics(*TWO_STAGES),
            **TABLE,
        }
    assert finished.plan(TABLE2) == {}


@pytest.mark.parametrize(
    ("method", "old", "new"),
    [("cogloat_proco", "alpha: 0.8", "alpha: 0.7"), ("tsc", "weight: 0.2", "weight: 0.3")],
)
def test_hyperparameter_of_one_method_replans_its_run_alone(finished: Project, method, old, new):
    with finished.edited(f"config/methods/{method}.yaml", old, new):
        assert finished.plan(TABLE2) == {
            "configure_stage": configs((method, "pretrain")),
            "pretrain": stage("pretrain", method),
            "finetune": stage("finetune", method),
            "evaluate": metrics(method),
            **TABLE,
        }
    assert finished.plan(TABLE2) == {}


def test_number_that_another_method_extends_replans_both(finished: Project):
    with finished.edited("config/methods/kcl.yaml", "from_queue: 6", "from_queue: 3"):
        assert finished.plan(TABLE2) == {
            "configure_stage": configs(("kcl", "pretrain"), ("tsc", "pretrain")),
            "pretrain": stage("pretrain", "kcl", "tsc"),
            "finetune": stage("finetune", "kcl", "tsc"),
            "evaluate": metrics("kcl", "tsc"),
            **TABLE,
        }


@pytest.mark.parametrize(
    ("method", "old", "new"), [("focal", "gamma: 1.0", "gamma: 2.0"), ("paco", "0.01\n", "0.02\n")]
)
def test_one_stage_methods_number_replans_its_run_alone(finished: Project, method, old, new):
    with finished.edited(f"config/methods/{method}.yaml", old, new):
        assert finished.plan(TABLE2) == {
            "configure_stage": configs((method, "train")),
            "train": stage("train", method),
            "evaluate": metrics(method),
            **TABLE,
        }


def test_changed_weights_of_a_guide_replan_the_run_that_makes_images_by_it(finished: Project):
    """The number is CE's alone; M2m's configuration stays, its input does not."""
    old = "label: CE\n"
    new = "label: CE\ntrain: {optimizer: {lr: 0.2}}\n"
    with finished.edited("config/methods/ce.yaml", old, new):
        assert finished.plan(TABLE2) == {
            "configure_stage": configs(("ce", "train")),
            "train": stage("train", "ce", "m2m_ldam"),
            "evaluate": metrics("ce", "m2m_ldam"),
            **TABLE,
        }


def test_how_targets_are_optimised_does_not_count_where_they_have_a_closed_form(finished: Project):
    with finished.edited("config/targets.yaml", "steps: 10000", "steps: 20000"):
        assert finished.plan(TABLE2) == {}
        plan = finished.plan("results/targets/10x3.npy")
    assert plan == {"place_targets": {"results/targets/10x3.npy"}}


def test_number_of_a_method_replans_every_table_and_figure_it_is_in(finished: Project):
    with finished.edited("config/methods/kcl_proco.yaml", "alpha: 0.8", "alpha: 0.7"):
        assert finished.plan() == {
            "configure_stage": configs(("kcl_proco", "pretrain")),
            "pretrain": stage("pretrain", "kcl_proco"),
            "finetune": stage("finetune", "kcl_proco"),
            "evaluate": metrics("kcl_proco"),
            "tabulate": {"results/tiny/table5.csv"},
            "time_epochs": {"results/tiny/times/table4/tiny/if10.csv"},
            "tabulate_times": {"results/tiny/table4.csv"},
            "tabulate_machines": {"results/tiny/machines.csv"},
            "audit": {"results/tiny/claims.csv"},
        }


def test_claim_replans_the_audit_alone(finished: Project):
    with finished.edited("config/claims.yaml", "level: 0.05", "level: 0.01"):
        assert finished.plan() == {"audit": {"results/tiny/claims.csv"}}


def test_coreset_number_replans_the_coreset_and_the_runs_with_prototypes(finished: Project):
    with finished.edited("config/coresets/glister.yaml", "fraction: 0.1 ", "fraction: 0.2 "):
        plan = finished.plan(TABLE2)
    assert plan.keys() == {
        *("configure_coreset", "select_coreset"),
        *("pretrain", "finetune", "evaluate", "tabulate"),
    }
    with_prototypes = ("cogloat_proco", "cogloat_proco_inbatch")
    assert plan["pretrain"] == stage("pretrain", *with_prototypes)
    assert plan["finetune"] == stage("finetune", *with_prototypes)


def test_shot_groups_replan_the_evaluation_alone(finished: Project):
    with finished.edited("config/datasets/digits.yaml", "few_below: 10", "few_below: 12"):
        assert finished.plan(TABLE2) == {"evaluate": metrics(*METHODS), **TABLE}


def test_label_replans_the_table_alone(finished: Project):
    with finished.edited("config/methods/ce.yaml", "label: CE", "label: Cross-entropy"):
        assert finished.plan(TABLE2) == TABLE


REMARKS = [
    ("config/methods/kcl.yaml", "label: KCL", "# a remark\nlabel: KCL"),
    ("config/methods/kcl_inbatch.yaml", "mean: 77.6", "mean: 77.7"),  # what is expected of it
    ("config/datasets/tiny.yaml", "label: Tiny", "label: Tiny  # a remark"),
    ("config/config.yaml", "collection: tiny", "collection: tiny  # a remark"),
    ("src/train.py", "def main(", "# a remark\ndef main("),
    ("src/cogloat/methods/moco/loss.py", '"""', '"""Another first word. '),
    ("workflow/rules/train.smk", "rule train:", "# a remark\nrule train:"),
]


def test_comments_and_docstrings_replan_nothing(finished: Project):
    with contextlib.ExitStack() as edits:
        for file, old, new in REMARKS:
            if old == '"""':  # the module's docstring is what the file begins with
                old = (finished.root / file).read_text().splitlines()[0]
                new = old.replace('"""', new, 1)
            edits.enter_context(finished.edited(file, old, new))
        assert finished.plan() == {}


@pytest.mark.parametrize(
    ("room", "methods", "name"),
    [
        ("proco", ("cogloat_proco", "cogloat_proco_inbatch"), "pretrain"),
        ("tsc", ("tsc", "tsc_inbatch"), "pretrain"),
        ("supcon", INBATCH, "pretrain"),
        ("paco", ("paco",), "train"),
        ("bcl", ("bcl",), "train"),
    ],
)
def test_changed_loss_replans_the_runs_that_use_it(finished: Project, room, methods, name):
    code = f"src/cogloat/methods/{room}/loss.py"
    text = (finished.root / code).read_text()
    with finished.edited(code, text, f"{text}\nCHANGED = True\n"):
        assert finished.plan(TABLE2) == {
            name: stage(name, *methods),
            **({"finetune": stage("finetune", *methods)} if name == "pretrain" else {}),
            "evaluate": metrics(*methods),
            **TABLE,
        }
    assert finished.plan(TABLE2) == {}


def test_changed_contrastive_loss_spares_the_runs_without_it(finished: Project):
    code = "src/cogloat/methods/moco/loss.py"
    text = (finished.root / code).read_text()
    with finished.edited(code, text, f"{text}\nCHANGED = True\n"):
        plan = finished.plan(TABLE2)
    assert plan["pretrain"] == stage("pretrain", *TWO_STAGES)
    assert plan.keys() == {"pretrain", "finetune", "evaluate", "tabulate"}
    assert plan["evaluate"] == metrics(*TWO_STAGES)


def test_new_method_or_table_makes_nothing_out_of_date(finished: Project):
    """Nor does the room of a method that nothing uses yet."""
    room = finished.root / "src/cogloat/methods/mine"
    shutil.copytree(finished.root / "src/cogloat/methods/moco", room)
    settings = (room / "settings.py").read_text()
    (room / "settings.py").write_text(settings.replace('Literal["moco"]', 'Literal["mine"]'))
    text = (finished.root / "config/config.yaml").read_text()
    config = yaml.safe_load(text)
    table = config["collections"]["tiny"]["tables"]["table5"] | {"seeds": [1], "methods": ["kcl"]}
    config["collections"]["other"] = {"tables": {"mine": table}}
    with finished.edited("config/config.yaml", text, yaml.safe_dump(config)):
        assert finished.plan() == {}
    shutil.rmtree(room)


def test_changed_command_replans_its_rule(finished: Project):
    flag, table = "--pairs {params.pairs:q}", "results/tiny/table1.csv"
    with finished.edited("workflow/rules/paper.smk", flag, flag.replace(" ", "=")):
        assert finished.plan(table) == {"tabulate_features": {table}}


def test_changed_data_replan_what_was_made_of_them(finished: Project):
    split = "results/splits/tiny/if10.csv"
    text = (finished.root / split).read_text()
    with finished.edited(split, text, "\n".join(text.splitlines()[:-1]) + "\n"):
        plan = finished.plan(TABLE2)
    assert plan["train"] == stage("train", *ONE_STAGE)
    assert plan["pretrain"] == stage("pretrain", *TWO_STAGES)
    assert "fetch" not in plan
    assert finished.plan(TABLE2) == {}


def test_images_count_by_their_content(tmp_path):
    """Also where they are gone; what they made stays as it is."""
    project = Project.tiny(tmp_path / "project")
    images = make_images(project.root / "data/raw/pets", ("cat", "dog"), train=4, test=1)
    source = "{kind: image_folder, path: data/raw/pets}"
    text = f"extends: tiny\nlabel: Pets\nsource: {source}\nclasses: 2\n"
    (project.root / "config/datasets/pets.yaml").write_text(text)
    split, store = "results/splits/pets/if1.csv", "data/pets/store.json"
    done = project.snakemake(split)
    assert done.returncode == 0, done.stdout
    assert json.loads((project.root / "data/pets/summary.json").read_text())["train"]["images"] == 8
    assert project.plan(split) == {}
    for path in images.rglob("*.png"):
        path.touch()
    assert project.plan(split) == {}
    path = images / "train/cat/0.png"
    before = path.read_bytes()
    shutil.copy(images / "train/dog/0.png", path)
    assert project.plan(split) == {"decode": {store}, "split": {split}}
    path.write_bytes(before)
    shutil.copy(path, images / "train/cat/9.png")
    assert project.plan(split) == {"decode": {store}, "split": {split}}
    images.rename(project.root / "elsewhere")
    assert project.plan(split) == {}
    shutil.rmtree(project.root / "data/pets")
    assert project.plan(split) == {}
    done = project.snakemake("-n", "data/pets/summary.json", "--config", "collection=tiny")
    assert done.returncode == 0, done.stdout
