"""Whatever a text holds, it stands for itself where it is printed."""

import html
import itertools

import pytest
from docutils import nodes
from docutils.core import publish_doctree, publish_parts
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cogloat.markup import markdown, restructured

HOSTILE = [
    ".. include:: /etc/passwd",
    ".. raw:: html\n\n   <script>alert(1)</script>",
    "<script>alert(1)</script> &amp; &lt;",
    "a | b || c \\| d \\",
    "`code` ``literal`` *a* **b** _c_ __d__ ~~e~~ $f$",
    "[text](http://there) ![image](x.png) <http://there> [1]_ |s|_ ref_ other__",
    "javascript:alert(1) data:text/html,x mailto:a@b.c http://there",
    "1. first\n2. second",
    "- item\n- item",
    "_.",
    "_)",
    "# title\n=====",
    "a\n\nb",
    ":field: value",
    "term\n  definition::",
    "| line",
    ">>> 1 + 1",
    "+---+\n| a |\n+---+",
    "&#124; &vert;",
]
SIGNS = "ab1 .:_*`|<>&\\[]()~$-+#=!'\"\n"
TEXTS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.sampled_from(SIGNS), min_size=1, max_size=20).filter(str.strip),
)
SHORT = [text for pair in itertools.product(SIGNS, repeat=2) if (text := "".join(pair)).strip()]
READ = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def one_line(text: str) -> str:
    return " ".join(text.split())


def check_cell(text: str) -> None:
    tokens = READ.parse(f"| A | B |\n| --- | --- |\n| x {markdown(text)} | z |\n")
    cells = [token for token in tokens if token.type == "inline"]
    assert len(cells) == 4
    children = cells[2].children or []
    assert {child.type for child in children} <= {"text", "text_special"}
    assert "".join(child.content for child in children) == f"x {one_line(text)}"


def check_item(text: str) -> None:
    source = f"- {restructured(text)} *({restructured(text)})*\n"
    tree = publish_doctree(source, settings_overrides={"report_level": 5})
    kinds = {type(node) for node in tree.findall()} - {nodes.document}
    assert kinds == {
        nodes.bullet_list,
        nodes.list_item,
        nodes.paragraph,
        nodes.emphasis,
        nodes.Text,
    }
    assert tree.astext() == f"{one_line(text)} ({one_line(text)})"


@given(TEXTS)
def test_cell_of_a_markdown_table_holds_the_text_alone(text):
    check_cell(text)


@pytest.mark.slow
@given(TEXTS)
def test_item_of_a_restructured_list_holds_the_text_alone(text):
    check_item(text)


@pytest.mark.slow
@pytest.mark.parametrize("check", [check_cell, check_item])
def test_every_text_of_two_signs_stands_for_itself(check):
    for text in SHORT:
        check(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_page_made_of_it_has_no_element_of_its_own(text):
    body = publish_parts(f"{restructured(text)}\n", writer="html5")["body"]
    assert body.strip() == f"<p>{html.escape(one_line(text), quote=False)}</p>".replace(
        "@", "&#64;"
    )


def test_plain_text_stays_as_it_is():
    text = "CoGloAT + ProCo (paper 81.6, -0.4); 2 of 3: a 3 % gain"
    assert markdown(text) == restructured(text) == text
    assert markdown("tilt_cutout") == "tilt_cutout"
