"""Every function of the rules that Snakemake may call ends in one message, not in its frames."""

import re

import pytest
from scripts import REPO

RULES = sorted((REPO / "workflow" / "rules").glob("*.smk"))
ITSELF = ("user_facing", "wrapped")


@pytest.mark.parametrize("file", RULES, ids=lambda path: path.name)
def test_every_function_that_snakemake_may_call_is_user_facing(file):
    """Top-level ones that only make functions for rules may go without; what they make may not."""
    lines = file.read_text().splitlines()
    for number, line in enumerate(lines):
        if "lambda" in line:
            assert "user_facing(lambda" in line, f"{file.name}:{number + 1}: {line}"
        defined = re.match(r"\s*def (\w+)", line)
        if defined is None or defined[1] in ITSELF:
            continue
        body = lines[number + 1 : number + 20]
        makes_functions = body[0].strip().startswith('"""Return a function for ')
        wrapped = lines[number - 1].strip() == "@user_facing"
        assert wrapped or makes_functions, f"{file.name}:{number + 1}: {line}"


@pytest.mark.parametrize("file", RULES, ids=lambda path: path.name)
def test_rules_name_functions_and_write_none(file):
    """A function that is written where it is used would not be user-facing."""
    text = file.read_text()
    rules = text[text.index("\nrule ") :] if "\nrule " in text else ""
    assert "lambda" not in rules
