"""Text for a file with markup, in which whatever the text holds stands for itself."""

from __future__ import annotations

import re

# what is not text in Markdown, wherever it stands in a paragraph or in a table's cell
MARKDOWN = re.compile(r"[\\`*\[\]<>&|~$]|(?<![^\W_])_|_(?![^\W_])")
# Nor in reStructuredText, where any address makes a link. At its beginning a text
# would make a directive, a list or a table as well. What is empty here stands where
# nothing else is found, or two backslashes would be one that is printed.
RESTRUCTURED = re.compile(r"^\W|^(?=[^\W_]\w*[.)](?:\s|$))|[\\`*_|@]|:(?=\S)")


def markdown(text: str) -> str:
    """Return a text on one line of Markdown or in a cell of one of its tables."""
    return _escaped(text, MARKDOWN)


def restructured(text: str) -> str:
    """Return a text on one line of reStructuredText."""
    return _escaped(text, RESTRUCTURED)


def filled(text: str, name: str, part: str) -> str | None:
    """Return a page with another part between its lines `<!-- name -->` and `<!-- end -->`.

    Nothing is returned of a page that has no such lines.
    """
    block = re.compile(rf"^<!-- {name} -->$.*?^<!-- end -->$", re.M | re.S)
    new, count = block.subn(lambda _: f"<!-- {name} -->\n{part}<!-- end -->", text)
    return new if count else None


def _escaped(text: str, special: re.Pattern[str]) -> str:
    return special.sub(r"\\\g<0>", " ".join(text.split()))
