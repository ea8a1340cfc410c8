"""A table as one HTML file that loads nothing: sorted by a click, searched as one types."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from string import Template
from typing import Any

import pandas as pd

DIGITS = 4  # of a number; the CSV inside has them all
LONG = 40  # letters of a text that is broken into lines

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>$title</title>
<style>
body { font: 14px/1.5 system-ui, sans-serif; margin: 1em; color: #1e293b; }
p { max-width: 60em; color: #475569; }
table { border-collapse: collapse; margin: 1em 0; }
th, td { padding: .25em .75em; text-align: left; border-bottom: 1px solid #e2e8f0; }
th { background: #f1f5f9; }
.long { display: block; overflow: auto; max-height: 80vh; }
.long th { position: sticky; top: 0; cursor: pointer; white-space: nowrap; }
.long td { white-space: nowrap; vertical-align: top; }
.long .number { text-align: right; font-variant-numeric: tabular-nums; }
.long .prose { white-space: normal; overflow-wrap: anywhere; min-width: 20em; }
[aria-sort=ascending]::after { content: " \\25B2"; }
[aria-sort=descending]::after { content: " \\25BC"; }
</style>
$above
<p>
<label>Search <input type="search" id="search"></label>
<span id="found"></span>
<a download="$file" href="data:text/csv;base64,$csv">$file</a>
</p>
$table
<script>
const body = document.querySelector(".long tbody"), rows = [...body.rows];
const heads = [...document.querySelectorAll(".long th")];
const search = document.getElementById("search"), found = document.getElementById("found");

function show() {
    const words = search.value.toLowerCase().split(/\\s+/);
    for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every(word => text.includes(word));
    }
    found.textContent = rows.filter(row => !row.hidden).length + " of " + rows.length + " rows.";
}

function compare(one, other) {  // numbers as numbers, what is empty last
    if (one === "" || other === "") return (one === "") - (other === "");
    return one - other || one.localeCompare(other, "en", {numeric: true});
}

heads.forEach((head, column) => head.addEventListener("click", () => {
    const order = head.ariaSort === "ascending" ? "descending" : "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.ariaSort = order;
    const text = row => row.cells[column].textContent;
    rows.sort((a, b) => compare(text(a), text(b)));
    body.append(...(order === "ascending" ? rows : rows.reverse()));
}));
search.addEventListener("input", show);
show();
</script>
""")


def page(title: str, above: str, table: pd.DataFrame, csv: str, file: str) -> str:
    """Return a page with a long table, a row a line of a CSV file, which is in it to be saved.

    Columns with nothing in them are left out, and are in the CSV.

    Args:
        title: of the page.
        above: HTML that stands over the table.
        table: whose rows are sorted and searched.
        csv: the table as text.
        file: what the CSV is saved as.
    """
    table = table.dropna(axis="columns", how="all")
    rows = [[*map(_text, row)] for row in table.itertuples(index=False)]
    kinds = [_kind(table[name]) for name in table]
    return PAGE.substitute(
        title=html.escape(title),
        above=above,
        table=grid(map(str, table), rows, kinds, name="long"),
        csv=base64.b64encode(csv.encode()).decode(),
        file=html.escape(file),
    )


def grid(
    heads: Iterable[str],
    rows: Iterable[Iterable[str]],
    kinds: Sequence[str] = (),
    name: str = "short",
) -> str:
    """Return an HTML table of texts, in which markup stands for itself.

    Args:
        heads: of the columns.
        rows: of cells.
        kinds: of the columns: "number", "prose" or "", which they are if this is left out.
        name: the table's class.
    """
    heads = list(heads)
    classes = [f' class="{kind}"' if kind else "" for kind in kinds or [""] * len(heads)]
    lines = [f'<table class="{name}">', "<thead><tr>"]
    lines += [f"<th>{html.escape(head)}</th>" for head in heads]
    lines += ["</tr></thead>", "<tbody>"]
    for row in rows:
        cells = zip(classes, map(html.escape, row), strict=True)
        lines.append(f"<tr>{''.join(f'<td{own}>{text}</td>' for own, text in cells)}</tr>")
    return "\n".join([*lines, "</tbody></table>"])


def _kind(column: pd.Series) -> str:
    if pd.api.types.is_numeric_dtype(column):
        return "number"
    return "prose" if column.map(_text).str.len().max() > LONG else ""


def _text(value: Any) -> str:
    if pd.isna(value):
        return ""
    return f"{value:.{DIGITS}g}" if isinstance(value, float) else str(value)
