"""Every command that the README shows is run by a test or by the continuous integration."""

import re

import pytest
from project import Project
from scripts import REPO

README = (REPO / "README.md").read_text()
BLOCKS = [
    text for kind, text in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S) if not kind
]
LINES = [line.split("  #")[0].strip() for line in "".join(BLOCKS).splitlines()]
TREE = re.compile(r"[\w/]+/ +[a-z]")  # a folder and what is in it
COMMANDS = [line for line in LINES if not TREE.match(line)]
PLANNED = [line for line in COMMANDS if line.startswith("snakemake ")]
RUN = "results/runs/digits/if100/ce/seed0"
PREDICT = f"python src/predict.py --run {RUN} --output predictions.csv photos"
# command -> what runs it, and how that is written there
RUN_BY = {
    "make env TORCH=cpu": (".github/workflows/ci.yml", "run: make env TORCH=cpu"),
    "make demo": (".ci/run", "\nmake demo\n"),
    "make audit": (".ci/run", "\nmake audit\n"),
    "make test": (".ci/run", "\nmake test\n"),
    "make report": ("tests/workflow/test_first_minutes.py", '"report": "demo-full"'),
    "make watch": ("tests/workflow/test_first_minutes.py", 'make("watch")'),
    "make container": ("tests/cluster/run.sh", "make container"),
    ". .venv/bin/activate": ("tests/project.py", "Path(sys.executable).parent"),
    PREDICT: ("tests/smoke/test_predict.py", 'r"^python src/predict'),
}


def test_every_command_is_run_somewhere():
    assert len(PLANNED) > 8
    assert set(COMMANDS) - set(PLANNED) == set(RUN_BY)
    for file, written in RUN_BY.values():
        assert written in (REPO / file).read_text(), file


@pytest.mark.slow
@pytest.mark.parametrize("command", PLANNED)
def test_command_of_snakemake_is_planned(fresh: Project, command):
    done = fresh.snakemake("-n", *command.split()[1:])
    assert done.returncode == 0, done.stdout
    assert "total" in done.stdout


@pytest.mark.parametrize("file", ["README.md", "docs/versions.md", "docs/cluster.md"])
def test_an_option_of_several_values_does_not_swallow_the_target(file):
    """Such as --config: it ends at `--`, or nothing follows it."""
    text = (REPO / file).read_text()
    several = "-R|-f|--forcerun|--config|--logger|--set-resources|--sdm|--report-metadata"
    for found in re.findall(rf"snakemake [^\n`#]*?(?:{several})[ =]([^\n`#]*)", text):
        assert " -- " in found or "results/" not in found, found


def test_readme_is_short_and_its_links_lead_somewhere():
    assert len(README.splitlines()) <= 150
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) > 8
    there = [link for link in links if (REPO / link.partition("#")[0]).exists()]
    assert set(links) - set(there) == set()
