"""What the Snakemake workflow catalog asks of a listed workflow, beside what `make lint` checks."""

import re

import yaml
from scripts import REPO

USAGE = yaml.safe_load((REPO / ".snakemake-workflow-catalog.yml").read_text())["usage"]
RULES = "".join(path.read_text() for path in sorted((REPO / "workflow").rglob("*.smk")))
SNAKEFILE = (REPO / "workflow/Snakefile").read_text()


def test_its_search_finds_the_readme():
    words = (REPO / "README.md").read_text().lower()
    assert "snakemake" in words
    assert "workflow" in words


def test_rules_are_where_it_looks_and_called_as_it_asks():
    assert {path.suffix for path in (REPO / "workflow/rules").iterdir()} == {".smk"}
    assert (REPO / "config/README.md").is_file()


def test_deployment_is_said_as_it_is():
    conda = re.search(r"^\s*conda:", RULES + SNAKEFILE, re.M) is not None
    image = re.search(r"^container:", SNAKEFILE, re.M) is not None
    assert USAGE["software-stack-deployment"] == {
        "conda": conda,
        "apptainer": image,
        "apptainer+conda": conda and image,
    }
    assert USAGE["report"] is ("report(" in RULES)
    assert USAGE["mandatory-flags"].keys() == {"desc", "flags"}


def test_files_that_the_page_names_are_there():
    named = re.findall(r"requirements/[\w.]+txt", USAGE["mandatory-flags"]["desc"])
    assert named
    for file in named:
        assert (REPO / file).is_file()
