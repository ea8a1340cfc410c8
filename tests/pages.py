"""The Markdown pages of the repository, and what they speak of."""

import ast
import re
from functools import cache
from pathlib import Path

from scripts import REPO

PAGES = [
    *(REPO / name for name in ("README.md", "config/README.md", "containers/README.md")),
    REPO / "results/README.md",
    REPO / "CONTRIBUTING.md",
    *sorted((REPO / "docs").rglob("*.md")),
]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
FOLDER = re.compile(r"[\w/]+/ +[a-z]")  # and what is in it
MATH = re.compile(r"\$`.*?`\$", re.S)


def name_of(page: Path) -> str:
    """Return a page's path in the repository."""
    return str(page.relative_to(REPO))


def blocks(text: str, language: str = "") -> list[str]:
    """Return what stands between fences of a language."""
    return [body for own, body in FENCE.findall(text) if own == language]


def commands(page: Path) -> list[str]:
    """Return the commands that a page shows; a script that it shows is none, nor is a tree."""
    shown = [text for text in blocks(page.read_text()) if not text.startswith("#!")]
    lines = "".join(shown).replace("\\\n", " ").splitlines()
    bare = [re.sub(r"\s+# .*", "", line).strip() for line in lines]
    found = [part for line in bare for part in line.split(" && ") if part]
    return [command for command in found if not FOLDER.match(command)]


def prose(page: Path) -> str:
    """Return a page without what is fenced, and without formulas."""
    return MATH.sub("", FENCE.sub("", page.read_text()))


def spans(page: Path) -> list[str]:
    """Return what is written as code within lines."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose(page))]


def links(page: Path) -> list[tuple[str, str]]:
    """Return text and target of each link and picture."""
    return re.findall(r"\[((?:[^\[\]]|\n)*)\]\(([^()\s]+)\)", prose(page))


def section(text: str, heading: str) -> str:
    """Return what stands below a heading, up to the next one as high."""
    level = heading.split(" ")[0]
    assert text.count(f"\n{heading}\n") == 1, heading
    return text.split(f"\n{heading}\n")[1].split(f"\n{level} ")[0]


def rows(text: str) -> list[list[str]]:
    """Return the cells of the rows of all tables, without their heads."""
    tables = re.findall(r"^\|.*\|\n\| --- .*\n((?:\|.*\|\n)*)", text, re.M)
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for table in tables
        for line in table.splitlines()
    ]


def anchors(page: Path) -> set[str]:
    """Return the addresses of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.M)
    plain = (re.sub(r"[^\w\- ]", "", head.lower()) for head in heads)
    return {head.replace(" ", "-") for head in plain}


@cache
def defined(file: Path) -> set[str]:
    """Return what a module defines, at whatever depth, or which rules a file has."""
    text = file.read_text()
    if file.suffix == ".smk":
        return {
            *re.findall(r"^rule (\w+):", text, re.M),
            *re.findall(r"^use rule \w+ as (\w+)", text, re.M),
        }
    return {
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }


@cache
def outputs() -> set[str]:
    """Return the paths that rules make, with their wildcards."""
    text = "".join(file.read_text() for file in sorted((REPO / "workflow/rules").glob("*.smk")))
    made = re.findall(r"^    output:\n(.*?)^    (?=\w)", text, re.M | re.S)
    return {path for part in made for path in re.findall(r'"((?:results|data)/[^"]+)"', part)}
