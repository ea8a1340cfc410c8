import json
import math

import pytest
from pydantic import ValidationError

from cogloat.errors import UserError
from cogloat.results.features import Features, Measures, Spaces

KNOWN = {
    **{"intra_ordered": 0.25, "intra_unordered": 0.125, "variance": 0.2},
    **{"inter": 1 / 3, "improved_inter": None},
    **{"variance_spread": 0.1, "inter_spread": None},
}
SPACES = Spaces(projection=Measures(**KNOWN), backbone=Measures(**KNOWN | {"inter": 5.0}))
FEATURES = Features(
    **{"dataset": "digits", "factor": 100, "method": "kcl", "seed": 0},
    **{"split_sha256": "a" * 64, "train": SPACES, "test": SPACES},
)


def test_what_was_written_is_read_back(tmp_path):
    FEATURES.write(tmp_path / "features.json")
    assert Features.read(tmp_path / "features.json") == FEATURES


@pytest.mark.parametrize("value", [math.nan, math.inf, -0.1, None])
def test_a_distance_is_finite_and_not_negative(value):
    with pytest.raises(ValidationError, match="inter"):
        Measures(**KNOWN | {"inter": value})


def test_damaged_file_is_named_with_its_key_and_the_fix(tmp_path):
    damaged = FEATURES.model_dump()
    del damaged["test"]["backbone"]["variance"]
    (tmp_path / "features.json").write_text(json.dumps(damaged))
    with pytest.raises(UserError) as caught:
        Features.read(tmp_path / "features.json")
    message = "test.backbone.variance: Field required. Measure the run again."
    assert str(caught.value) == f"{tmp_path / 'features.json'}: {message}"
