"""What a rule's command is given reaches the shell as one word each, and a caption as text."""

import re
from types import SimpleNamespace

import pytest
from docutils.core import publish_doctree
from jinja2 import Template
from scripts import REPO

CAPTIONS = sorted((REPO / "workflow" / "report").glob("*.rst"))
RULES = sorted((REPO / "workflow" / "rules").glob("*.smk"))
# flags that shlex has quoted already, or nothing
FLAGS = {
    *("params.printed", "params.inputs", "params.held_out", "params.tables"),
    *("params.calibrations", "params.differences"),
}


def commands(text: str) -> list[str]:
    """Return the shell commands of a file of rules."""
    return re.findall(r'^    shell:\n        r"""\n(.*?)"""', text, re.M | re.S)


def unquoted(text: str) -> set[str]:
    """Return what is put into commands without being quoted."""
    fields = re.findall(r"\{([^{}]*)\}", "".join(commands(text)))
    return {field for field in fields if not field.endswith(":q")} - FLAGS


@pytest.mark.parametrize("file", RULES, ids=lambda file: file.name)
def test_everything_is_quoted(file):
    text = file.read_text()
    assert len(commands(text)) == text.count("shell:")
    assert unquoted(text) == set()


def test_there_are_commands_and_flags_to_look_at():
    text = "".join(file.read_text() for file in RULES)
    assert len(commands(text)) > 15
    for flags in FLAGS:
        assert f"{{{flags}}}" in text
    assert unquoted(text.replace("{wildcards.dataset:q}", "{wildcards.dataset}")) == {
        "wildcards.dataset"
    }


CHOICES = ("images", "space", "pairs", "printed")  # which are words that the types list


class _Asked:
    """Has whatever is asked for: a name that is a reference where it is no literal text."""

    def __getattr__(self, key: str) -> str:
        return "word" if key in CHOICES else "name_"


@pytest.mark.slow
@pytest.mark.parametrize("file", CAPTIONS, ids=lambda file: file.name)
def test_caption_shows_names_as_they_are(file):
    config = {"collection": "paper", "collections": {"paper": {"tables": {}}}}
    snakemake = SimpleNamespace(params=_Asked(), wildcards=_Asked(), config=config)
    text = Template(file.read_text()).render(snakemake=snakemake, files=[])
    tree = publish_doctree(text, settings_overrides={"report_level": 2, "halt_level": 2})
    keys = re.findall(r"snakemake\.(?:params|wildcards)\.(\w+) }}", file.read_text())
    assert tree.astext().count("name_") == len([key for key in keys if key not in CHOICES])
