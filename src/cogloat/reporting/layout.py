"""Tables as the paper prints them: a column for each data set. Imports no torch."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cogloat.imbalance import title
from cogloat.markup import markdown
from cogloat.page import grid


@dataclass(frozen=True)
class Sheet:
    """A table to be read, of texts: in whatever it is written, markup in them stands for itself.

    Attributes:
        heads: of the columns.
        rows: of cells, as many as there are heads.
        legend: paragraphs that stand under them.
    """

    heads: list[str]
    rows: list[list[str]]
    legend: str = ""

    def markdown(self) -> str:
        """Return it as Markdown."""
        first, *others = [_line(map(markdown, cells)) for cells in (self.heads, *self.rows)]
        rule = _line(["---"] * len(self.heads))
        under = [part for text in self.legend.splitlines() for part in ("", markdown(text))]
        return "\n".join([first, rule, *others, *under, ""])

    def html(self) -> str:
        """Return it as HTML."""
        under = "".join(f"\n<p>{html.escape(text)}</p>" for text in self.legend.splitlines())
        return f"{grid(self.heads, self.rows)}{under}"


def to_markdown(sheets: Sequence[Sheet]) -> str:
    """Return sheets as Markdown, one under the other."""
    return "\n".join(sheet.markdown() for sheet in sheets)


def by_data_set(
    table: pd.DataFrame,
    datasets: Mapping[str, str],
    keys: list[str],
    heads: Mapping[str, Callable[[pd.DataFrame], str]],
    cell: Callable[[Any], str],
    legend: str,
) -> Sheet:
    """Return a sheet with a row for each value of the keys, and a column a dataset and factor.

    Args:
        table: long, with columns dataset and factor.
        datasets: dataset -> the name the table prints.
        keys: columns whose values make a row.
        heads: header -> what its column says of a row's part of the table.
        cell: what the table says of one of its lines.
        legend: stands under it.
    """
    settings = list(dict.fromkeys(zip(table["dataset"], table["factor"], strict=True)))
    headers = [*heads, *(f"{datasets[dataset]} {title(factor)}" for dataset, factor in settings)]
    rows = []
    for _, own in table.groupby(keys, sort=False):
        cells = {(row.dataset, row.factor): cell(row) for row in own.itertuples()}
        found = [cells.get(setting, "") for setting in settings]
        rows.append([*(head(own) for head in heads.values()), *found])
    return Sheet(headers, rows, legend)


def joined(column: str) -> Callable[[pd.DataFrame], str]:
    """Return a head that says what differs in a column, once each."""
    return lambda own: "; ".join(dict.fromkeys(own[column]))


def to_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV text in full precision: no deviation is rounded to none."""
    return table.to_csv(index=False, lineterminator="\n")


def with_printed(table: pd.DataFrame, printed: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return a table of means with the paper's numbers, nan where it has none, and differences."""
    own = {name: f"paper_{name}" for name in printed.columns if name not in keys}
    paper = printed.rename(columns=own)
    table = table.astype({"factor": "object"}).merge(paper, on=keys, how="left")
    table["difference"] = table["mean"] - table["paper_mean"]
    return table


def beside_printed(row: Any, digits: int) -> str:
    """Return a mean with its deviation and, where the paper has one, its number."""
    text = mean_and_spread(row, digits)
    if pd.notna(row.paper_mean):
        text += f" (paper {row.paper_mean:.{digits}f}, {row.difference:+.{digits}f})"
    return text


def mean_and_spread(row: Any, digits: int) -> str:
    """Return a mean with its deviation, if it has one."""
    return f"{row.mean:.{digits}f}" + (f" ± {row.std:.{digits}f}" if pd.notna(row.std) else "")


def spread(table: pd.DataFrame) -> str:
    """Return the words for what stands behind the means of a table: seeds and deviation."""
    seeds = joined("seeds")(table)
    if table["std"].isna().all():
        return f"training seed {seeds} of one long-tailed subset: no deviation, no interval"
    return (
        f"mean over training seeds {seeds} of one long-tailed subset, ± sample standard deviation "
        "(n-1); the CSV has the values and half the width of the mean's interval, which is over "
        "such seeds and not over subsets"
    )


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
