"""Every command that the README or a page shows is run by a test or the continuous integration."""

import json
import re
import shlex
import subprocess
import sys

import pytest
from pages import PAGES, blocks, name_of
from project import Project
from scripts import REPO, script_module

README = (REPO / "README.md").read_text()
BLOCKS = [
    text for kind, text in re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S) if not kind
]
LINES = [line.split("  #")[0].strip() for line in "".join(BLOCKS).splitlines()]
TREE = re.compile(r"[\w/]+/ +[a-z]")  # a folder and what is in it
COMMANDS = [line for line in LINES if not TREE.match(line)]
PLANNED = [line for line in COMMANDS if line.startswith("snakemake ")]
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
}

# of the pages, what runs a target of make, and how that is written there
TARGETS = {
    "env": ("tests/cluster/run.sh", "make env TORCH=none"),
    "container": ("tests/cluster/run.sh", "make container SUITE="),
    "container-lock": ("Makefile", "$(MAKE) container-lock"),  # by `make container`
    "container-verify": ("tests/cluster/test_mistakes.py", '"container-verify"'),
    "wheels": ("tests/cluster/run.sh", "make wheels WHEELS="),
    "dockerfile": ("tests/unit/cluster/test_image.py", "containers/dockerfile.py"),
    "export": ("tests/workflow/test_first_minutes.py", 'make("export")'),
    "archive": (".ci/run", "\nmake archive\n"),
}
IMAGE = {"apptainer test --nv containers/train.sif": ("tests/cluster/test_mistakes.py", '"--nv"')}
# pages whose commands are run where what they speak of is tested
ELSEWHERE = {
    "docs/versions.md": ("tests/workflow/test_versions.py", "docs/versions.md"),
    "config/README.md": ("tests/workflow/test_extending.py", "config/README.md"),
    "docs/methods/README.md": ("tests/unit/docs/test_methods.py", 'must("describe_methods.py"'),
    "containers/README.md": ("Makefile", "apptainer build --force --fakeroot"),
}
SCRIPTS = {"docs/cluster.md": ("tests/smoke/test_ranks.py", "docs/cluster.md")}  # of bash
UNDERSTOOD = ["docs/cluster.md", "docs/imagenet.md", "docs/sharing.md"]
METHODS = [
    name
    for name in map(name_of, PAGES)
    if name.startswith("docs/methods/") and name not in ELSEWHERE
]


def commands(page: str) -> list[str]:
    """Return the commands that a page shows; a script that it shows is none."""
    shown = [text for text in blocks((REPO / page).read_text()) if not text.startswith("#!")]
    lines = "".join(shown).replace("\\\n", " ").splitlines()
    bare = [re.sub(r"\s+# .*", "", line).strip() for line in lines]
    return [part for line in bare for part in line.split(" && ") if part]


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


def test_commands_of_every_page_are_run_somewhere():
    shown = {name_of(page): blocks(page.read_text()) for page in PAGES}
    told = {"README.md", *UNDERSTOOD, *METHODS, *ELSEWHERE}
    assert {name for name, texts in shown.items() if texts} == told
    scripts = {name for name, texts in shown.items() for text in texts if text.startswith("#!")}
    assert scripts == SCRIPTS.keys()
    for file, written in [*ELSEWHERE.values(), *SCRIPTS.values()]:
        assert written in (REPO / file).read_text(), file


@pytest.mark.slow
def test_commands_of_the_pages_on_methods_are_planned(fresh: Project):
    shown = [command for page in METHODS for command in commands(page)]
    targets = [command.removeprefix("snakemake ") for command in shown]
    assert len(targets) == 2 * len(METHODS)
    done = fresh.snakemake("-n", *targets)
    assert done.returncode == 0, done.stdout
    assert all(f"output: {target}" in done.stdout for target in targets)


def test_configuration_is_shown_as_its_page_says():
    (command,) = (one for one in commands("config/README.md") if one.startswith("python"))
    done = subprocess.run(
        [sys.executable, *shlex.split(command)[1:]], cwd=REPO, capture_output=True, check=True
    )
    assert json.loads(done.stdout)["method"] == "cogloat"


@pytest.mark.slow
@pytest.mark.parametrize("page", UNDERSTOOD)
def test_command_of_a_page_is_planned_made_or_understood(fresh: Project, page):
    for command in commands(page):
        tool, *arguments = shlex.split(command)
        match tool:
            case "snakemake":
                assert fresh.snakemake("-n", *arguments).returncode == 0, command
            case "make":
                file, written = TARGETS[arguments[0]]
                assert written in (REPO / file).read_text(), command
                line = ["make", "--dry-run", *arguments]
                done = subprocess.run(line, cwd=REPO, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
            case "python":
                script_module(arguments[0].removeprefix("src/")).parse_args(arguments[1:])
            case "cat":
                (plan,) = arguments
                assert f"snakemake {plan.removesuffix('.md')}.csv" in commands(page)
            case _:
                file, written = IMAGE[command]
                assert written in (REPO / file).read_text(), command


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
