import pytest

from cogloat.errors import UserError
from cogloat.results.jobs import PlannedJob, read_jobs, write_jobs

JOBS = [
    PlannedJob("pretrain", "digits/if100/kcl/seed0", 2.0, 0.1 + 0.2, 600, 0, 1.5, "measured"),
    PlannedJob("fetch", "digits", 0.0, 0.0, 600, 0, 0.5, "config"),
]


def test_jobs_are_read_back(tmp_path):
    write_jobs(tmp_path / "jobs.csv", JOBS)
    assert read_jobs(tmp_path / "jobs.csv") == JOBS


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("job,of", "of,job", "line 1: the columns must be job, of, start"),
        (",2.0,", ",-2,", "line 2: start: '-2' is not at least 0"),
        ("measured", "guessed", "line 2: basis: 'guessed' is not one of measured, passes, config"),
        (",600,", ",many,", "line 2: memory_mb: 'many' is not a whole number"),
    ],
)
def test_damaged_jobs_are_named(tmp_path, old, new, message):
    path = tmp_path / "jobs.csv"
    write_jobs(path, JOBS)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError, match=rf"jobs\.csv: {message}.*Make the plan again"):
        read_jobs(path)
