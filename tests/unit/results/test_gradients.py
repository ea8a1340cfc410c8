import json

import pytest
from pydantic import ValidationError

from cogloat.errors import UserError
from cogloat.results.gradients import PARTS, Gradients

KNOWN = {
    **{"dataset": "digits", "factor": 100, "method": "kcl", "seed": 0, "split_sha256": "a" * 64},
    **{"classes": ("cat", "dog"), "class_counts": (500, 5), "groups": ("many", "few")},
    **dict.fromkeys((*PARTS, "temperature"), (0.5, 1 / 3)),
}


def test_what_was_written_is_read_back(tmp_path):
    gradients = Gradients(**KNOWN)
    gradients.write(tmp_path / "gradients.json")
    assert Gradients.read(tmp_path / "gradients.json") == gradients


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"positive": (0.5,)}, "positive is not of 2 classes"),
        ({"class_counts": (500, 5, 5)}, "class_counts is not of 2 classes"),
        ({"groups": ("many", "tail")}, "groups has others than many, medium, few"),
        ({"total": (0.5, -0.1)}, "total"),
        ({"negative": (0.5, float("nan"))}, "negative"),
    ],
)
def test_classes_and_norms_are_as_many_and_possible(changed, message):
    with pytest.raises(ValidationError, match=message):
        Gradients(**KNOWN | changed)


def test_damaged_file_is_named_with_its_key_and_the_fix(tmp_path):
    damaged = {name: value for name, value in KNOWN.items() if name != "positive"}
    (tmp_path / "gradients.json").write_text(json.dumps(damaged))
    with pytest.raises(UserError) as caught:
        Gradients.read(tmp_path / "gradients.json")
    message = "positive: Field required. Measure the run again."
    assert str(caught.value) == f"{tmp_path / 'gradients.json'}: {message}"
