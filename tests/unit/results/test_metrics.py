import json
import math

import pytest
from artefacts import metrics
from pydantic import ValidationError

from cogloat.errors import UserError
from cogloat.results.metrics import Metrics


def test_what_was_written_is_read_back(tmp_path):
    written = metrics(accuracy=100 / 3)
    written.write(tmp_path / "metrics.json")
    assert Metrics.read(tmp_path / "metrics.json") == written


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1, 100.1, "77"])
def test_what_is_no_percentage_is_no_accuracy(value):
    with pytest.raises(ValidationError, match="accuracy"):
        metrics(accuracy=value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"accuracy": "high"}, "accuracy: Input should be a valid number"),
        ({"seed": 0.5}, "seed: Input should be a valid integer"),
        ({"per_class": [50.0, 101.0]}, "per_class.1: Input should be less than or equal to 100"),
        ({"per_class": [50.0]}, "the file: classes, per_class and class_counts are not of equally"),
        ({"classes": ["cat"]}, "the file: classes, per_class and class_counts are not of equally"),
        ({"group_sizes": {"many": 2}}, "the file: group_sizes do not part the classes into many"),
        (
            {"group_sizes": {"many": 2, "medium": 1, "few": 0}},
            "the file: group_sizes do not part the classes into many, medium and few",
        ),
        ({"classes": ["cat", "cat"]}, "the file: classes has a name twice"),
        ({"classes": ["cat", ""]}, "classes.1: String should have at least 1 character"),
        ({"top1": 1.0}, "top1: Extra inputs are not permitted"),
    ],
)
def test_damaged_file_is_named_with_its_key_and_the_fix(tmp_path, change, message):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(metrics().model_dump() | change))
    with pytest.raises(UserError) as caught:
        Metrics.read(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert str(caught.value).endswith("Evaluate the run again.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: not valid JSON: Expecting value"),
        ("{", "line 1: not valid JSON: Expecting property name"),
        ("[]", "holds a list, not keys"),
        ("\0", "line 1: has a NUL byte"),
        ('{"seed": 0, "epochs": {"train": 1, "train": 2}}', "epochs.train: the key is there twice"),
        ('{"accuracy": NaN}', "accuracy: nan is not a finite number"),
        ("[" * 100_000, "it is nested more than 50 deep"),
    ],
)
def test_what_is_no_object_is_named(tmp_path, text, message):
    path = tmp_path / "metrics.json"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        Metrics.read(path)
    assert str(caught.value).startswith(f"{path}: {message}")
    assert str(caught.value).endswith("Evaluate the run again.")
