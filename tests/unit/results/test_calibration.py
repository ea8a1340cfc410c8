import json

import pytest
from artefacts import calibration, process, work_on

from cogloat.errors import UserError
from cogloat.results.calibration import Calibration


def written(tmp_path, **changes):
    path = tmp_path / "cifar10.json"
    calibration(work_on("cifar10", "kcl", "pretrain"), **changes).write(path)
    return path


def test_a_calibration_is_read_back(tmp_path):
    found = Calibration.read(written(tmp_path, inference=0.1 + 0.2))
    assert found == calibration(work_on("cifar10", "kcl", "pretrain"), inference=0.1 + 0.2)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("inference", 0, "inference: Input should be greater than 0"),
        ("start", "soon", "start: Input should be a valid number"),
        ("works", [], "works: Input should be an object"),
        ("speed", 3, "speed: Extra inputs are not permitted"),
    ],
)
def test_a_damaged_calibration_is_named(tmp_path, key, value, message):
    path = written(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    words = rf"cifar10\.json: {message}.*measure it again with src/calibrate\.py"
    with pytest.raises(UserError, match=words):
        Calibration.read(path)


def test_what_was_measured_beside_other_work_is_told():
    machine = "EPYC, float32, CPU threads: 1"
    assert calibration(process=process(), undisturbed=0.95).machine == machine
    assert calibration(process=process(), undisturbed=None).machine == machine
    busy = calibration(process=process(), undisturbed=0.4).machine
    assert busy.startswith(f"{machine}, which other work kept busy: it had 40% of its time")
