"""What the pages speak of is there: files, headings, functions, rules, keys, results."""

import re
from functools import cache
from pathlib import Path

import pytest
from pages import (
    FENCE,
    PAGES,
    anchors,
    blocks,
    defined,
    links,
    name_of,
    outputs,
    prose,
    rows,
    spans,
)
from project import PARTS
from scripts import REPO

MADE = ("data", "results", "logs", "scratch", "benchmarks")  # folders that runs fill
GIVEN = "data/raw/"  # what a user puts there
NAMED = re.compile(r"[a-z]\w*_\w*|[A-Z][a-z]+[A-Z]\w*")  # of functions, types and keys

every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@cache
def written() -> dict[Path, str]:
    """Return all that is no page: code, configuration, rules, recipes."""
    parts = [*PARTS, ".ci", ".dvc/plots", "tests"]
    files = [path for part in parts for path in (REPO / part).rglob("*") if path.is_file()]
    files += [REPO / name for name in ("Makefile", "dvc.yaml", "pyproject.toml", ".dvc/config")]
    own = Path(__file__).parent
    return {
        file: file.read_text()
        for file in files
        if file.suffix not in (".md", ".pyc", ".sif") and own not in file.parents
    }


@cache
def words() -> set[str]:
    """Return the words of all that, and the names of its files."""
    found = {word for text in written().values() for word in re.findall(r"\w+", text)}
    return found | {file.stem for file in written()}


def test_every_folder_of_pages_is_looked_at():
    assert {name_of(page) for page in PAGES} >= {
        *("README.md", "config/README.md", "containers/README.md", "results/README.md"),
        *("docs/README.md", "docs/decisions.md", "docs/methods/moco.md"),
    }


@every_page
def test_every_link_leads_to_a_file_and_a_heading_that_are_there(page):
    for text, target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_relative_to(REPO), target
        assert file.exists(), f"[{text}]({target})"
        if anchor:
            assert anchor in anchors(file), f"[{text}]({target})"


@every_page
def test_every_link_called_after_code_leads_to_where_it_is_defined(page):
    for text, target in links(page):
        name = re.fullmatch(r"`(\w+)`", text)
        if name is not None and Path(target).suffix in (".py", ".smk"):
            assert name[1] in defined((page.parent / target).resolve()), f"[{text}]({target})"


@every_page
def test_every_path_in_code_is_there_or_is_made_by_a_rule(page):
    ignored = {line.strip("/") for line in (REPO / ".gitignore").read_text().splitlines()}
    tops = {path.name for path in REPO.iterdir()} - {".git", *ignored}
    patterns = [
        re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path).replace(r"\{folder\}", "([^/]+/)?"))
        for path in outputs()
    ]
    folders = {str(parent) for path in outputs() for parent in Path(path).parents}
    for span in spans(page):
        path = re.fullmatch(r"([\w.]+)(/[\w./+-]+)+/?", span)
        if path is None or path[1] not in {*tops, *MADE} or span.startswith(GIVEN):
            continue
        made = any(re.fullmatch(pattern, span) for pattern in patterns) or span in folders
        told = any(span.rstrip("/") in text for text in written().values())
        shown = f"`{span}`:\n\n```" in page.read_text()  # what a user is to write
        assert made or told or shown or (REPO / span).exists(), span


@every_page
def test_every_name_in_code_is_one_of_the_code_or_the_configuration(page):
    examples = {word for _, block in FENCE.findall(page.read_text()) for word in block.split()}
    for span in spans(page):
        for name in re.split(r"[^\w]+", span) if " -" not in span else []:  # no command
            if NAMED.fullmatch(name):
                assert name in words() or any(name in word for word in examples), f"`{span}`"


@every_page
def test_every_command_runs_a_script_that_is_there(page):
    commands = "\n".join([*blocks(page.read_text()), *spans(page)])
    for script in re.findall(r"\bpython (\S+\.py)", commands):
        assert (REPO / script).is_file(), script
    targets = re.findall(r"^([\w-]+):", (REPO / "Makefile").read_text(), re.M)
    for target in re.findall(r"(?:^|`|\n)make ([a-z][\w-]*)", commands):
        assert target in targets, target


def test_every_script_that_other_files_tell_to_run_is_there():
    for file, text in written().items():
        for script in re.findall(r"\bpython (src/\w+\.py)", text):
            assert (REPO / script).is_file(), f"{file}: {script}"


@every_page
def test_formulas_are_whole(page):
    text = page.read_text()
    inline = re.findall(r"\$`(.*?)`\$", text, re.S)
    for formula in [*blocks(text, "math"), *inline]:
        assert formula.strip()
        depth = 0
        for brace in re.sub(r"\\[{}]", "", formula):
            depth += {"{": 1, "}": -1}.get(brace, 0)
            assert depth >= 0, formula
        assert depth == 0, formula
        left, right = (re.findall(rf"\\{side}(?![a-z])", formula) for side in ("left", "right"))
        assert len(left) == len(right), formula
    assert "$" not in re.sub(r"`[^`]*`", "", prose(page))


def test_the_page_of_the_configuration_names_every_file_and_folder_there():
    page = REPO / "config/README.md"
    named = {target.split("/")[0] for _, target in links(page)}
    assert {path.name for path in (REPO / "config").iterdir()} - {"README.md"} <= named


def test_the_page_of_the_results_names_what_rules_make_and_nothing_else():
    named = {
        span
        for span in spans(REPO / "results/README.md")
        if span.startswith("results/") and ("{" in span or span.startswith("results/bench"))
    }
    made = {path for path in outputs() if path.startswith("results/")}
    assert named == made


def test_every_decision_has_its_cells_and_a_link_and_is_there_once():
    decisions = rows((REPO / "docs/decisions.md").read_text())
    assert len(decisions) > 100
    for cells in decisions:
        assert len(cells) == 5, cells[0]
        decision, why, _, _, where = cells
        assert decision
        assert why
        assert where.startswith("["), decision
    assert len({cells[0] for cells in decisions}) == len(decisions)
