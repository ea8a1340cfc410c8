"""What a dry-run in a fresh clone lists."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from project import Project
from scripts import REPO

RUN = "results/runs/digits/if100/{method}/seed7/metrics.json"
# 2 datasets x 3 factors x 3 seeds, of one-stage CE and three methods with two stages
PAPER = {
    "fetch": 2,
    "split": 6,
    "configure_coreset": 6,
    "select_coreset": 6,
    "configure_stage": 18 + 2 * 54,
    "pretrain": 54,
    "finetune": 54,
    "train": 18,
    "evaluate": 72,
    "tabulate_paper": 1,
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


def test_paper_table_is_planned_in_seconds_without_torch(fresh: Project, no_torch):
    started = time.monotonic()
    plan = fresh.plan("results/table2.csv", **no_torch)
    assert time.monotonic() - started < 5
    assert counts(plan) == PAPER
    assert plan["tabulate_paper"] == {"results/table2.csv"}


def test_slurm_profile_plans_the_same_graph_without_slurm(fresh: Project, no_torch):
    plan = fresh.plan("--profile", "slurm", "results/table2.csv", **no_torch)
    assert counts(plan) == PAPER


def test_every_table_of_the_configuration_can_be_asked_for(fresh: Project):
    collections = yaml.safe_load((REPO / "config" / "config.yaml").read_text())["collections"]
    tables = {
        f"results/{name}/table2.csv" if name != "paper" else "results/table2.csv"
        for name in collections
    }
    plan = fresh.plan(*tables)
    assert plan["tabulate"] | plan["tabulate_paper"] == tables


def test_default_target_is_the_collection_that_the_configuration_names(fresh: Project):
    assert fresh.plan()["tabulate"] == {"results/demo/table2.csv"}
    paper = fresh.plan("--config", "collection=paper")
    assert paper["tabulate_paper"] == {"results/table2.csv"}


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


@pytest.mark.parametrize(
    ("method", "stages", "coreset"),
    [
        ("ce", {"train"}, False),
        ("kcl", {"pretrain", "finetune"}, False),
        ("cogloat", {"pretrain", "finetune"}, False),
        ("cogloat_proco", {"pretrain", "finetune"}, True),
    ],
)
def test_run_has_its_methods_stages_and_a_coreset_only_for_prototypes(
    fresh: Project, method, stages, coreset
):
    plan = fresh.plan(RUN.format(method=method))
    assert plan.keys() & {"pretrain", "finetune", "train"} == stages
    assert ("select_coreset" in plan) == coreset
    command = fresh.snakemake("-n", RUN.format(method=method)).stdout
    flag = "--coreset results/coresets/digits/if100/glister/coreset.csv"
    assert (flag in command) == coreset


def test_job_asks_for_what_its_dataset_says(fresh: Project):
    target = "results/runs/cifar10/if10/ce/seed0/train/weights.pt"
    output = fresh.snakemake("-n", "--cores", "8", target).stdout
    assert "threads: 4" in output
    assert "mem_mb=8000" in output


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


def test_every_rule_that_runs_has_a_log_of_its_own(fresh: Project):
    output = fresh.snakemake("-n", "results/table2.csv").stdout
    jobs = [block for block in output.split("\n[") if "rule " in block]
    logs = [line for block in jobs for line in block.splitlines() if line.startswith("    log: ")]
    assert len(logs) == sum(PAPER.values())
    assert len(set(logs)) == len(logs)


def test_every_snakemake_command_of_the_readme_is_planned(fresh: Project):
    readme = (REPO / "README.md").read_text()
    commands = re.findall(r"^snakemake (.*?) *(?:#.*)?$", readme, re.M)
    assert len(commands) >= 4
    for command in commands:
        done = fresh.snakemake("-n", *command.split())
        assert done.returncode == 0, done.stdout
