"""Accuracies with their provenance, kept for git."""

import shutil
from pathlib import Path

from artefacts import command_line, metrics, process

import keep_evidence
from cogloat.results.evidence import Evidence
from cogloat.results.provenance import Evaluation, Run, Stage

FOLDER = Path("results/runs/cifar10/if100/kcl")


def run_of(seed: int) -> None:
    """Write a run."""
    folder = FOLDER / f"seed{seed}"
    folder.mkdir(parents=True)
    metrics(seed=seed, accuracy=70.0 + seed).write(folder / "metrics.json")
    stage = Stage(
        **{"stage": "train", "epochs": 200, "augmentations": ("weak",), "seconds": 1.0},
        **{"identity": {"code": f"{seed}"}, "outputs": {}, "processes": (process(),)},
    )
    evaluation = Evaluation(identity={}, processes=(process(),))
    Run(stages=(stage,), evaluation=evaluation).write(folder / "provenance.json")


def test_runs_of_the_tables_are_kept_once_with_their_provenance(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed in (0, 1, 2):
        run_of(seed)
    for name, seeds in (("a", "0 1"), ("b", "1")):
        Path(f"{name}.csv").write_text(
            f"method,dataset,factor,label,seeds\nkcl,cifar10,100,KCL,{seeds}\n"
        )
    keep_evidence.main(
        command_line(tables=["a.csv", "b.csv"], revision="v1", output="evidence.json")
    )
    kept = Evidence.read(Path("evidence.json"))
    assert {one.revision for one in kept.runs} == {"v1"}
    assert [one.metrics.accuracy for one in kept.runs] == [70.0, 71.0]
    assert [one.provenance.stages[0].identity["code"] for one in kept.runs] == ["0", "1"]
    assert all(one.made.count("-") == 2 for one in kept.runs)


def test_runs_that_were_kept_before_stay_unless_they_were_made_anew(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for revision, seeds in (("v1", (0, 1)), ("v2", (1, 2))):
        shutil.rmtree(FOLDER, ignore_errors=True)
        for seed in seeds:
            run_of(seed)
        Path("a.csv").write_text(
            f"method,dataset,factor,label,seeds\nkcl,cifar10,100,KCL,{seeds[0]} {seeds[1]}\n"
        )
        keep_evidence.main(command_line(tables="a.csv", revision=revision, output="evidence.json"))
    kept = Evidence.read(Path("evidence.json")).runs
    assert [(one.metrics.seed, one.revision) for one in kept] == [(0, "v1"), (1, "v2"), (2, "v2")]
