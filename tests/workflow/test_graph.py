"""What a dry-run in a fresh clone lists."""

import os
import pstats
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from pictures import make_images
from project import Project, jobs
from scripts import REPO

from cogloat import arithmetic
from cogloat.runs.load import load_workflow
from cogloat.watching import planned

RUN = "results/runs/digits/if100/{method}/seed7/metrics.json"
# 2 datasets x 3 factors x 3 seeds, of ten methods with one stage and eight with two
TABLE2 = {
    "fetch": 2,
    "split": 6,
    "configure_coreset": 6,
    "select_coreset": 6,
    "place_targets": 2,
    "configure_stage": (10 + 2 * 8) * 18,
    "pretrain": 8 * 18,
    "finetune": 8 * 18,
    "train": 10 * 18,
    "evaluate": 18 * 18,
    "tabulate": 1,
}
# Tables 5 and 6 add two methods each, on CIFAR-100; Table 4 times three more on CIFAR-10 and one
# more on CIFAR-100; Table 5 has one more classifier on KCL's encoder; Table 1 measures two methods
PRINTED = TABLE2 | {
    "configure_stage": TABLE2["configure_stage"] + (2 * 4 + 1) * 9 + 3 * 3 + 3,
    "pretrain": TABLE2["pretrain"] + 4 * 9,
    "finetune": TABLE2["finetune"] + 5 * 9,
    "evaluate": TABLE2["evaluate"] + 5 * 9,
    "measure_features": 2 * 18,
    "time_epochs": 6,
    "tabulate": 3,
    "tabulate_features": 1,
    "tabulate_times": 1,
    "plot_embedding": 1,
    "plot_frequency": 6,
    "plot_confusion": 6,
    "plot_curves": 6,
    "plot_temperatures": 1,
    "audit": 1,
}
# Beside what is printed, on CIFAR-100: three methods that are only pre-trained, at three factors;
# three, two of them with coresets of their own, at one; one that Table 4 times, at two; one more
# that is timed; six, two and five that are measured
PAPER = PRINTED | {
    "configure_coreset": PRINTED["configure_coreset"] + 2,
    "select_coreset": PRINTED["select_coreset"] + 2,
    "configure_stage": PRINTED["configure_stage"] + 3 * 9 + 2 * 3 * 3 + (2 * 6 - 2) + 3,
    "pretrain": PRINTED["pretrain"] + 3 * 9 + 3 * 3 + 6,
    "finetune": PRINTED["finetune"] + 3 * 3 + 6,
    "evaluate": PRINTED["evaluate"] + 3 * 3 + 6,
    "measure_features": PRINTED["measure_features"] + 5 * 9,
    "measure_gradients": 6 * 9,
    "measure_separability": 2 * 9,
    "time_epochs": PRINTED["time_epochs"] + 2 + 3,
    "tabulate": 5,
    "tabulate_features": 2,
    "tabulate_gradients": 1,
    "tabulate_groups": 1,
    "tabulate_separability": 1,
    "tabulate_times": 4,
    "tabulate_machines": 1,
    "plot_magnitudes": 3,
    "plot_means": 8,
}
# Table 3, of ImageNet-LT as it is: eleven methods of one stage, the first one of OLTR, four of two
TABLE3 = {
    **{"decode": 1, "split": 1, "place_targets": 1, "configure_coreset": 1, "select_coreset": 1},
    **{"configure_stage": (12 + 2 * 4) * 3, "pretrain": 4 * 3, "finetune": 4 * 3},
    **{"train": 12 * 3, "evaluate": 15 * 3, "tabulate_groups": 1},
}


def counts(plan: dict[str, set[str]]) -> dict[str, int]:
    return {rule: len(outputs) for rule, outputs in plan.items()}


@pytest.fixture
def no_torch(tmp_path: Path) -> dict[str, str]:
    """An environment in which torch cannot be imported."""
    (tmp_path / "torch.py").write_text("raise ImportError('no torch on the controller')")
    environment = {"PYTHONPATH": str(tmp_path)}
    attempt = subprocess.run(
        [sys.executable, "-c", "import torch"],
        env=os.environ | environment,
        capture_output=True,
        check=False,
    )
    assert b"no torch on the controller" in attempt.stderr
    return environment


@pytest.mark.slow
def test_paper_table_is_planned_without_torch(fresh: Project, no_torch):
    plan = fresh.plan("results/table2.csv", **no_torch)
    assert counts(plan) == TABLE2
    assert plan["tabulate"] == {"results/table2.csv"}


@pytest.mark.slow
def test_every_table_and_figure_of_the_paper_is_planned_and_shares_its_runs(
    fresh: Project, no_torch
):
    plan = fresh.plan("--config", "collection=paper", **no_torch)
    plan.pop("all", None)
    assert Counter(counts(plan)) == Counter(PAPER) + Counter(TABLE3)
    weights = set.union(*(plan[stage] for stage in ("pretrain", "finetune", "train")))
    watched = planned(REPO / "config", load_workflow(REPO / "config").collections["paper"])
    assert {f"results/runs/{name}/weights.pt" for name in watched} == weights
    made = {
        "tabulate": ("table2", "table5", "table6", "prototypes", "views"),
        "tabulate_features": ("table1", "balance"),
        "tabulate_gradients": ("gradients",),
        "tabulate_groups": ("groups", "table3"),
        "tabulate_separability": ("separability",),
        "tabulate_times": ("table4", "prototype_times", "refresh_times", "k_times"),
    }
    for rule, names in made.items():
        assert plan[rule] == {f"results/{name}.csv" for name in names}
    assert plan["plot_embedding"] == {"results/figures/figure2.png"}


@pytest.mark.parametrize(
    ("collection", "dataset", "seeds", "classifiers"),
    [("readings", "cifar10_readings", 3, 4), ("demo-full", "digits_readings", 1, 2)],
)
@pytest.mark.slow
def test_readings_share_encoders_and_are_judged_by_held_out_images(
    fresh: Project, collection, dataset, seeds, classifiers
):
    figure = f"results/{collection}/figures/readings_{dataset}_if100.png"
    command = fresh.snakemake("-n", "-p", figure).stdout
    plan = jobs(command)
    encoders, contrasts = 20, 13
    assert counts(plan) == {
        **{"fetch": 1, "hold_out": 1, "split": 1, "configure_coreset": 3, "select_coreset": 3},
        **{"pretrain": encoders * seeds, "measure_features": encoders * seeds},
        **{"measure_gradients": contrasts * seeds, "measure_leak": contrasts * seeds},
        "configure_stage": (2 * encoders + classifiers) * seeds,
        "finetune": (encoders + classifiers) * seeds,
        "evaluate": (encoders + classifiers) * seeds,
        **{"tabulate": 6, "tabulate_features": 1, "tabulate_gradients": 1, "tabulate_leaks": 1},
        "plot_readings": 1,
    }
    assert command.count("--images validation") == 7  # of the tables and the figure
    assert "--images test" not in command
    assert f"--held-out results/validation/{dataset}.csv" in command
    assert "--printed-dataset cifar10 --printed-methods cogloat_proco kcl" in command


@pytest.mark.slow
def test_each_planned_job_costs_the_same_and_next_to_nothing_is_the_projects(fresh: Project):
    runs = [RUN.format(method="kcl").replace("seed7", f"seed{seed}") for seed in range(41)]

    def calls(number: int) -> tuple[int, int]:
        """Return how many functions are called, and how many of ours; their time varies."""
        counted = ("python", "-m", "cProfile", "-o", "calls", "-m", "snakemake")
        done = fresh.run(*counted, "-n", *runs[:number])
        assert done.returncode == 0, done.stdout
        found = pstats.Stats(str(fresh.root / "calls"))
        own = [made[1] for place, made in found.stats.items() if str(fresh.root) in place[0]]
        return found.total_calls, sum(own)

    one, some, many = calls(1), calls(21), calls(41)
    first, later = (
        [(more - less) / (20 * 5) for less, more in zip(*pair, strict=True)]
        for pair in ((one, some), (some, many))
    )
    assert later[0] < 1.05 * first[0]
    assert 40 < later[1] < 90  # of ten thousand


@pytest.fixture
def submit_tools(tmp_path: Path) -> str:
    """A PATH with Snakemake and a shell, without SLURM and Apptainer."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "sh", "git", "which"):
        (tools / name).symlink_to(shutil.which(name))
    for name in ("sbatch", "sinfo", "apptainer", "singularity"):
        assert not shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{tools}")
    return f"{Path(sys.executable).parent}{os.pathsep}{tools}"


@pytest.mark.slow
def test_slurm_profile_plans_the_same_graph_without_slurm_and_apptainer(
    fresh: Project, no_torch, submit_tools
):
    arguments = ("--profile", "slurm", "results/table2.csv")
    assert counts(fresh.plan(*arguments, **no_torch, PATH=submit_tools)) == TABLE2


@pytest.mark.slow
def test_without_sbatch_a_run_ends_before_its_first_job(fresh: Project, submit_tools):
    """Without Apptainer too, which is asked for first."""
    done = fresh.snakemake("--profile", "slurm", "results/table2.csv", PATH=submit_tools)
    assert done.returncode != 0
    assert "apptainer or singularity command has to be available" in done.stdout
    done = fresh.snakemake(
        *("--profile", "slurm", "--software-deployment-method", "conda", "--"),
        "results/table2.csv",
        PATH=submit_tools,
    )
    assert done.returncode != 0
    assert "error: sbatch is not installed on this machine. Run the same command" in done.stdout
    assert not (fresh.root / "results").exists()


@pytest.mark.slow
def test_every_table_of_the_configuration_can_be_asked_for_by_its_path(fresh: Project):
    text = (fresh.root / "config/config.yaml").read_text()
    config = yaml.safe_load(text)
    collections = config["collections"]
    tables = {
        f"results/{name}/{table}.csv" if name != "paper" else f"results/{table}.csv"
        for name, made in collections.items()
        if name not in ("cifar10_folder", "acceptance_images")  # whose images are not there
        for table in made["tables"]
    }
    assert len(tables) >= 11
    for made in collections.values():  # of fewer runs
        for table in made["tables"].values():
            table["factors"] = table["factors"][:1]
            table |= {"seeds": [0]} if "seeds" in table else {}
    with fresh.edited("config/config.yaml", text, yaml.safe_dump(config)):
        plan = fresh.plan(*tables)
    made = [outputs for rule, outputs in plan.items() if rule.startswith("tabulate")]
    assert set.union(*made) == tables


@pytest.mark.slow
def test_default_target_is_the_collection_that_the_configuration_names(fresh: Project):
    plan = fresh.plan()
    assert plan["tabulate"] == {"results/demo/table2.csv"}
    assert plan["audit"] == {"results/demo/claims.csv"}


@pytest.mark.slow
def test_one_run_outside_every_collection_is_made_by_its_name(fresh: Project):
    plan = fresh.plan(RUN.format(method="kcl"))
    folder = "results/runs/digits/if100/kcl/seed7"
    assert plan["evaluate"] == {f"{folder}/metrics.json"}
    assert plan["pretrain"] == {f"{folder}/pretrain/weights.pt"}
    assert plan["finetune"] == {f"{folder}/finetune/weights.pt"}
    assert plan["configure_stage"] == {
        f"{folder}/pretrain/config.json",
        f"{folder}/finetune/config.json",
    }
    assert "train" not in plan


TWO, ONE = {"pretrain", "finetune"}, {"train"}
INPUTS = {
    "--input coreset=results/coresets/digits/if100/glister/coreset.csv",
    "--input targets=results/targets/10x128.npy",
    "--input guide=results/runs/digits/if100/ce/seed7/train/weights.pt",
}


NEEDS = {  # method -> its stages, and which of INPUTS is handed to them
    "ce": (ONE, None),
    "paco": (ONE, None),
    "bcl": (ONE, None),
    "m2m_ldam": (ONE, "guide"),
    "kcl": (TWO, None),
    "tsc": (TWO, "targets"),
    "cogloat": (TWO, None),
    "cogloat_proco": (TWO, "coreset"),
    "kcl_inbatch": (TWO, None),
    "tsc_inbatch": (TWO, "targets"),
    "cogloat_proco_inbatch": (TWO, "coreset"),
}


@pytest.fixture(scope="module")
def needed(fresh: Project) -> str:
    """What a dry-run of a run of each method lists."""
    return fresh.snakemake("-n", *(RUN.format(method=method) for method in NEEDS)).stdout


@pytest.mark.slow
@pytest.mark.parametrize("method", NEEDS)
def test_run_has_its_methods_stages_and_what_they_need(needed: str, method):
    stages, given = NEEDS[method]
    folder = f"results/runs/digits/if100/{method}/seed7"
    own = [job for job in needed.split("\n[") if f"    output: {folder}/" in job]
    assert jobs("\n".join(own)).keys() == {*stages, "configure_stage", "evaluate"}
    (handed,) = {
        frozenset(flag for flag in INPUTS if flag in job)
        for job in own
        if re.search(r"rule (pretrain|train):", job)
    }
    assert handed == {flag for flag in INPUTS if given and flag.startswith(f"--input {given}=")}
    encoder = f"{folder}/pretrain/weights.pt"
    assert "\n".join(own).count(f"--input encoder={encoder}") == len(stages) - 1


@pytest.mark.slow
def test_what_several_runs_need_is_made_once(needed: str):
    plan = jobs(needed)
    assert plan["place_targets"] == {"results/targets/10x128.npy"}
    assert plan["select_coreset"] == {"results/coresets/digits/if100/glister/coreset.csv"}
    assert plan["train"] >= {"results/runs/digits/if100/ce/seed7/train/weights.pt"}


@pytest.mark.slow
def test_two_classifiers_stand_on_one_encoder(tmp_path: Path):
    project = Project.new(tmp_path / "project")
    own = "extends: kcl\nencoder: kcl\nlabel: KCL, longer\nfinetune: {epochs: 300}\n"
    (project.root / "config/methods/longer.yaml").write_text(own)
    both = [RUN.format(method=method) for method in ("kcl", "longer")]
    listed = project.snakemake("-n", *both).stdout
    plan = jobs(listed)
    folder = "results/runs/digits/if100/{}/seed7/{}/weights.pt"
    assert plan["pretrain"] == {folder.format("kcl", "pretrain")}
    assert plan["finetune"] == {folder.format(method, "finetune") for method in ("kcl", "longer")}
    assert listed.count(f"--input encoder={folder.format('kcl', 'pretrain')}") == 2
    refused = project.snakemake("-n", folder.format("longer", "pretrain"))
    assert refused.returncode != 0
    told = "method 'longer' has the encoder of 'kcl' and no stage 'pretrain' of its own."
    assert told in refused.stdout


@pytest.mark.slow
def test_images_are_made_with_the_cross_entropy_run_of_the_same_data_and_seed(fresh: Project):
    plan = fresh.plan(RUN.format(method="m2m_ldam"))
    assert plan["train"] == {
        f"results/runs/digits/if100/{method}/seed7/train/weights.pt"
        for method in ("ce", "m2m_ldam")
    }
    assert plan["evaluate"] == {RUN.format(method="m2m_ldam")}


SMALL = {"datasets": ["digits"], "factors": [10], "methods": ["kcl"], "seeds": [3]}
FEATURES = {"convention": {"images": "test", "space": "backbone", "pairs": "ordered"}, **SMALL}
TIMES = {key: SMALL[key] for key in ("datasets", "factors")} | {"methods": ["kcl", "kcl_proco"]}


@pytest.mark.slow
def test_the_bench_is_of_the_graph_and_needs_nothing(fresh: Project):
    assert fresh.plan("results/bench/table.csv", "results/bench/figure.pdf") == {
        "bench": {"results/bench/measured.csv"},
        "tabulate_bench": {"results/bench/table.csv"},
        "plot_bench": {"results/bench/figure.png"},
    }


TABLES = {
    "ablation_of-gamma": {"kind": "accuracy", **SMALL},
    "table2_too": {"kind": "features", **FEATURES},
    "speed": {"kind": "times", "rounds": 1, "steps": 2, **TIMES},
    "pull": {"kind": "gradients", **SMALL},
    "apart": {"kind": "separability", "rarest": 3, **SMALL},
    "tail": {"kind": "groups", **SMALL},
}
FIGURES = {
    "rare": {"kind": "embedding", "rarest": 2, "tsne_seed": 1, **SMALL},
    "learning": {"kind": "curves", "of": "ablation_of-gamma"},
    "mistaken": {"kind": "confusion", "of": "ablation_of-gamma"},
    "pulled": {"kind": "magnitudes", "of": "pull"},
    "dots": {"kind": "means", "of": "speed"},
}


@pytest.mark.slow
def test_tables_and_figures_of_ones_own_are_lines_of_the_configuration(fresh: Project):
    """Whatever they are called, and with nothing printed beside them."""
    text = (fresh.root / "config/config.yaml").read_text()
    config = yaml.safe_load(text)
    config["collections"]["paper"] = {"tables": TABLES, "figures": FIGURES}
    with fresh.edited("config/config.yaml", text, yaml.safe_dump(config)):
        made = fresh.plan("--config", "collection=paper")["tabulate"]
        command = fresh.snakemake(
            *("-n", "results/ablation_of-gamma.csv", "results/table2_too_conventions.csv"),
            *("results/speed.md", "results/figures/rare.csv"),
            "results/figures/learning_digits_if10.png",
            *("results/figures/mistaken_digits_if10.pdf", "results/ablation_of-gamma_classes.csv"),
            *("results/pull_classes.csv", "results/apart.md", "results/tail.md"),
            *("results/figures/pulled_digits_if10.pdf", "results/figures/dots.pdf"),
        ).stdout
    assert "results/ablation_of-gamma.csv" in made
    plan = jobs(command)
    assert plan["tabulate"] == {"results/ablation_of-gamma.csv"}
    assert plan["tabulate_features"] == {"results/table2_too.csv"}
    assert plan["tabulate_gradients"] == {"results/pull.csv"}
    run = "results/runs/digits/if10/kcl/seed3"
    assert plan["measure_gradients"] == {f"{run}/gradients.json"}
    assert plan["measure_separability"] == {f"{run}/separability3.json"}
    assert plan["tabulate_separability"] == {"results/apart.csv"}
    assert plan["tabulate_groups"] == {"results/tail.csv"}
    assert plan["plot_means"] == {"results/figures/dots.png"}
    assert plan["plot_magnitudes"] == {"results/figures/pulled_digits_if10.png"}
    assert plan["time_epochs"] == {"results/times/speed/digits/if10.csv"}
    assert plan["plot_embedding"] == {"results/figures/rare.png"}
    assert plan["plot_curves"] == {"results/figures/learning_digits_if10.png"}
    assert plan["plot_confusion"] == {"results/figures/mistaken_digits_if10.png"}
    assert plan["pretrain"] == {f"{run}/pretrain/weights.pt"}
    assert "--input kcl_proco.coreset=results/coresets/digits/if10/glister/coreset.csv" in command
    assert "--printed" not in command


@pytest.mark.slow
def test_table_can_be_given_on_the_command_line(fresh: Project):
    mine = "{kind: accuracy, datasets: [digits], factors: [10], methods: [ce], seeds: [0]}"
    given = f"collections={{paper: {{tables: {{mine: {mine}}}}}}}"
    plan = fresh.plan("results/mine.csv", "--config", given)
    assert plan["tabulate"] == {"results/mine.csv"}
    assert plan["train"] == {"results/runs/digits/if10/ce/seed0/train/weights.pt"}


@pytest.mark.slow
def test_images_that_are_files_are_decoded_by_a_job_with_its_datasets_threads(fresh: Project):
    root = make_images(fresh.root / "data/raw/cifar10-images", tuple("abcdefghij"), train=1, test=1)
    done = fresh.snakemake("-n", "--cores", "8", "data/cifar10_folder/store.json")
    assert "rule decode:" in done.stdout
    assert "threads: 2" in done.stdout
    assert "--threads 2" in done.stdout
    done = fresh.snakemake("-n", "--cores", "8", "data/cifar10/store.json")
    assert "rule fetch:" in done.stdout
    assert "--threads 1" in done.stdout
    shutil.rmtree(root)


@pytest.mark.slow
def test_job_asks_for_what_its_dataset_says(fresh: Project):
    target = "results/runs/cifar10/if10/ce/seed0/train/weights.pt"
    output = fresh.snakemake("-n", "--cores", "8", target).stdout
    assert "threads: 4" in output
    assert "mem_mb=8000" in output
    assert "--arithmetic native" in output


@pytest.mark.slow
def test_digits_are_portable_where_the_processor_is_and_native_elsewhere(tmp_path: Path):
    project = Project.new(tmp_path / "project")
    target = "results/runs/digits/if10/cogloat_proco/seed0/features.json"
    trained = len(("proxy", "pre-training", "measures"))
    if arithmetic.available():
        output = project.snakemake("-n", target).stdout
        assert output.count("--arithmetic portable") == trained
        assert "warning: this processor" not in output
    own = ("--set-resources", "pretrain:arithmetic=native")
    assert "--arithmetic native" in project.snakemake("-n", *own, "--", target).stdout
    project.change("src/cogloat/arithmetic.py", '{"avx2", "fma"}', '{"avx2", "fma", "avx99"}')
    output = project.run("snakemake", "-n", target).stdout
    assert output.count("--arithmetic native") == trained
    assert output.count("warning: this processor is no x86-64 with AVX2") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [("snakemake", "--lint"), ("snakefmt", "--check", "workflow", "--config")]
)
def test_workflow_is_clean(fresh: Project, arguments):
    tools = Path(sys.executable).parent
    settings = [str(REPO / "pyproject.toml")] if arguments[0] == "snakefmt" else []
    done = subprocess.run(
        [*arguments, *settings],
        cwd=fresh.root,
        env=os.environ | {"PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_every_rule_that_runs_has_a_log_of_its_own(fresh: Project):
    output = fresh.snakemake("-n", "results/table2.csv").stdout
    blocks = [block for block in output.split("\n[") if "rule " in block]
    logs = [line for block in blocks for line in block.splitlines() if line.startswith("    log: ")]
    assert len(logs) == sum(TABLE2.values())
    assert len(set(logs)) == len(logs)
