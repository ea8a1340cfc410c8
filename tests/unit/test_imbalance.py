"""How a training set is long-tailed has one spelling in files, paths and titles."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from cogloat.errors import UserError
from cogloat.imbalance import Factor, folder, from_folder, from_text, ratio, title

SPELLINGS = [
    (100, "100", "if100", "IF 100", 100),
    (1, "1", "if1", "IF 1", 1),
    ("step10", "step10", "step10", "step 10", 10),
    ("natural", "natural", "natural", "natural", None),
]


@pytest.mark.parametrize(("factor", "text", "path", "shown", "number"), SPELLINGS)
def test_spellings_are_of_one_meaning(factor, text, path, shown, number):
    assert TypeAdapter(Factor).validate_python(factor) == factor
    assert (from_text(text), from_folder(path)) == (factor, factor)
    assert (folder(factor), title(factor), ratio(factor)) == (path, shown, number)


def test_a_cell_of_a_table_is_called_the_same():
    assert (folder(np.int64(50)), title(np.int64(50))) == ("if50", "IF 50")


WRONG = ["", "0", "01", "1e2", "step", "step0", "step-1", "if100", "Natural", "٣", "1" * 30]


@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, *WRONG])
def test_anything_else_is_told_what_a_factor_is(value):
    with pytest.raises(ValidationError, match="an imbalance factor is a whole number"):
        TypeAdapter(Factor).validate_python(value)


@pytest.mark.parametrize(
    "name",
    ["if", "if0", "if01", "if-1", "if1.5", "100", "step", "step0", "Natural", "natural1", "if1e2"],
)
def test_a_path_that_names_none_is_told(name):
    with pytest.raises(UserError, match=f"'{name}' is no imbalance"):
        from_folder(name)
