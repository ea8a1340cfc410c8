"""docs/map.md has every equation, table and figure of the paper."""

import re

import yaml
from pages import rows, section
from scripts import REPO

TEXT = (REPO / "docs/map.md").read_text()
NUMBERED = {"Equations": ("Eq.", 13), "Tables": ("Table", 6), "Figures": ("Figure", 3)}


def test_every_equation_table_and_figure_is_there_once_with_a_link():
    for heading, (kind, count) in NUMBERED.items():
        own = rows(section(TEXT, f"## {heading}"))
        numbers = [re.match(rf"{kind} (\d+)\b", cells[0]) for cells in own]
        assert [int(number[1]) for number in numbers if number] == list(range(1, count + 1))
        for cells in own:
            assert "](" in "".join(cells[2:]), cells


def test_every_printed_table_is_linked():
    for file in sorted((REPO / "config/paper").glob("*.csv")):
        assert f"(../config/paper/{file.name})" in TEXT


def test_tables_are_made_by_the_rule_of_their_kind():
    config = yaml.safe_load((REPO / "config/config.yaml").read_text())
    tables = config["collections"]["paper"]["tables"]
    rule = {"accuracy": "tabulate", "groups": "tabulate_groups"}
    rule |= {"features": "tabulate_features", "times": "tabulate_times"}
    for cells in rows(section(TEXT, "## Tables")):
        name = cells[0].lower().replace(" ", "")
        if name not in tables:
            assert "not made yet" in cells[2]
        else:
            assert f"rule [`{rule[tables[name]['kind']]}`]" in cells[2]
            assert f"`results/{name}.csv`" in cells[2]
