"""A training by several processes in the graph: what its job asks for, and what it leaves."""

import json
import re
from pathlib import Path

import pytest
from project import Project

pytestmark = pytest.mark.long

DIGITS = "config/datasets/digits.yaml"
RUNS = "results/runs/digits/if10"


@pytest.mark.parametrize(
    ("target", "processes"),
    [("kcl/seed0/pretrain", 2), ("m2m_ldam/seed0/train", 1), ("ce/seed0/train", 1)],
    ids=["two groups", "a room of one process", "one group"],
)
def test_a_job_asks_for_what_its_groups_can_share(fresh: Project, target, processes):
    """Four are wanted; on one node, where they are several."""
    with fresh.edited(DIGITS, "  threads: 1\n", "  threads: 1\n  processes: 4\n"):
        output = fresh.snakemake("-n", "--cores", "8", f"{RUNS}/{target}/weights.pt").stdout
    asked = re.search(rf"output: [^\n]*{target}/weights.pt.*?resources: [^\n]*", output, re.S)[0]
    assert f"gpu={processes}" in asked
    assert f"processes={processes}" in asked
    assert f"mem_mb={2000 * processes}" in asked
    assert ("threads: 2" in asked) == ("nodes=1" in asked) == (processes == 2)
    assert f"--processes {processes}" in output


def test_two_processes_make_a_table_s_weights(tmp_path: Path):
    project = Project.tiny(tmp_path / "project")
    run = "results/runs/tiny/if10/kcl/seed0/pretrain"
    asked = ("--set-resources", "pretrain:processes=2")
    done = project.snakemake(*asked, "--", f"{run}/weights.pt")
    assert done.returncode == 0, done.stdout
    stage = json.loads((project.root / run / "provenance.json").read_text())
    assert [process["ranks"] for process in stage["processes"]] == [2]
