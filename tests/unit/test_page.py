"""A table as a page: whatever stands in it is text, and its CSV is in it."""

import base64
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogloat.page import grid, page

TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1)


class Cells(HTMLParser):
    """The texts of each table's rows, and every tag that there is."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.classes: list[str | None] = []
        self._open = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self._open = tag in ("th", "td")
        if tag == "tr":
            self.rows.append([])
        if self._open:
            self.rows[-1].append("")
        if tag == "td":
            self.classes.append(dict(attributes).get("class"))

    def handle_endtag(self, tag):
        self._open = self._open and tag not in ("th", "td")

    def handle_data(self, data):
        if self._open:
            self.rows[-1][-1] += data


@pytest.mark.slow
@given(heads=st.lists(TEXT, min_size=2, max_size=2), cells=st.lists(TEXT, min_size=2, max_size=2))
def test_grid_holds_the_texts_alone(heads, cells):
    found = Cells(grid(heads, [cells]))
    assert found.rows == [heads, cells]
    assert found.tags == {"table", "thead", "tbody", "tr", "th", "td"}


def test_page_has_every_row_and_no_column_that_is_empty():
    long = "a claim of more than forty letters, which is broken into lines"
    table = pd.DataFrame(
        {
            "name": ["<b>", "x"],
            "mean": [1 / 3, None],
            "none": [None, None],
            "text": [long, ""],
        }
    )
    csv = table.to_csv(index=False)
    text = page("my_table", "<p>above</p>", table, csv, "my_table.csv")
    found = Cells(text)
    assert found.rows == [["name", "mean", "text"], ["<b>", "0.3333", long], ["x", "", ""]]
    assert found.classes == [None, "number", "prose"] * 2
    assert "<title>my_table</title>" in text
    assert "<p>above</p>" in text
    (encoded,) = re.findall(r'download="my_table.csv" href="data:text/csv;base64,([^"]*)"', text)
    assert base64.b64decode(encoded).decode() == csv


def test_page_loads_nothing():
    text = page("t", "", pd.DataFrame({"a": [1]}), "a\n1\n", "t.csv")
    assert not re.search(r"(src|href)=[\"']?(https?:)?//", text)
    assert "http" not in text
