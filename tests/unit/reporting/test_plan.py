"""What a plan says, by numbers that can be added in the head."""

from artefacts import calibration, work_on
from scripts import REPO, run

from cogloat.reporting.plan import plan_table, to_markdown
from cogloat.results.jobs import read_jobs
from cogloat.runs.cost import Estimate
from cogloat.runs.plan import Job, Row

HOUR = 3600


def job(hours: float, memory: int = 100, device: int = 0, basis: str = "measured") -> Job:
    return Job(0, Estimate(hours * HOUR, memory, device, basis), 2_000_000)  # type: ignore[arg-type]


PRETRAIN = ("pretrain", "cifar10", "if100", "kcl", "seed0")
FINETUNE = ("finetune", *PRETRAIN[1:])
OTHER = ("finetune", "cifar10", "if100", "kcl_baseline", "seed0")
ROWS = [
    Row("one", "cifar10", 100, "kcl", 1, {PRETRAIN: job(4, 500, 70), FINETUNE: job(1)}),
    Row(
        *("two", "cifar10", 100, "kcl_baseline", 1),
        {PRETRAIN: job(4, 500, 70), OTHER: job(3, basis="passes")},
    ),
]
LABELS = {"kcl": "KCL", "kcl_baseline": "KCL *", "cifar10": "CIFAR"}


def test_new_hours_are_those_that_no_earlier_line_has():
    table = plan_table(ROWS)
    assert table["hours"].tolist() == [5, 7]
    assert table["new_hours"].tolist() == [5, 3]
    assert table["stages"].tolist() == [2, 2]
    assert table["disk_mb"].tolist() == [4, 4]
    assert table["new_disk_mb"].tolist() == [4, 2]
    assert table["memory_mb"].tolist() == [500, 500]
    assert table["device_mb"].tolist() == [70, 70]
    assert table["basis"].tolist() == ["measured", "measured+passes"]


def test_sums_are_by_table_by_method_and_by_set():
    text = to_markdown(ROWS, LABELS, LABELS, {}, 2)
    assert (
        "**8.0 h** of jobs, of which 3 train; **4.0 h** by the clock with 2 jobs at a time" in text
    )
    assert "| two | 2 | 7.0 h | 3.0 h | 500 MB | 70 MB | 4.0 MB |" in text
    assert r"| KCL \* | 2 | 7.0 h | 3.0 h | 500 MB | 70 MB | 4.0 MB |" in text
    assert "| CIFAR IF 100 | 3 | 8.0 h | 8.0 h | 500 MB | 70 MB | 6.0 MB |" in text
    assert text.count("| Total | 3 | 8.0 h | 8.0 h | 500 MB | 70 MB | 6.0 MB |") == 3


def test_what_the_hours_stand_on_is_told():
    text = to_markdown(ROWS, LABELS, LABELS, {}, 1)
    assert "62% of the hours stand on a step of their own kind of work, measured." in text
    assert "38% of the hours stand on their forward passes" in text
    assert "No calibration was given" in text
    own = calibration(work_on("cifar10", "kcl", "pretrain"))
    text = to_markdown(ROWS, LABELS, LABELS, {"cifar10": own, "digits": own}, 1)
    assert "cifar10 was measured on EPYC, float32, CPU threads: 1." in text
    assert "digits" not in text
    assert "No calibration" not in text


def test_short_times_are_in_minutes_and_seconds():
    row = Row("one", "cifar10", 100, "kcl", 1, {PRETRAIN: job(0.5), FINETUNE: job(0.01)})
    text = to_markdown([row], LABELS, LABELS, {}, 1)
    assert "**30.6 min** of jobs" in text
    short = Row("one", "cifar10", 100, "kcl", 1, {FINETUNE: job(0.01)})
    assert "**36 s** of jobs" in to_markdown([short], LABELS, LABELS, {}, 1)


# --- the script ---


def planned(tmp_path, *arguments: object):
    return run(
        *("plan.py", "--config", REPO / "config", "--splits", tmp_path, *arguments),
        *("--output", tmp_path / "plan.csv", "--markdown", tmp_path / "plan.md"),
        *("--jobs", tmp_path / "jobs.csv"),
    )


def test_the_script_plans_a_collection_without_a_calibration(tmp_path):
    done = planned(tmp_path, "--collection", "demo")
    assert done.returncode == 0, done.stderr
    jobs = read_jobs(tmp_path / "jobs.csv")
    # four methods, three of them of two stages, at two factors with two seeds
    assert sum(job.job in ("pretrain", "finetune", "train") for job in jobs) == 7 * 4
    assert {job.basis for job in jobs} == {"config"}
    assert "images_per_second in config/datasets" in (tmp_path / "plan.md").read_text().replace(
        "\\", ""
    )
    assert len((tmp_path / "plan.csv").read_text().splitlines()) == 1 + 4 * 2


def test_an_unknown_collection_is_named(tmp_path):
    done = planned(tmp_path, "--collection", "dmeo")
    assert "--collection dmeo: " in done.stderr
    assert "demo" in done.stderr
    assert not (tmp_path / "plan.md").exists()


def test_two_calibrations_of_one_dataset_are_refused(tmp_path):
    for name in ("a", "b"):
        calibration().write(tmp_path / f"{name}.json")
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    done = planned(tmp_path, "--collection", "demo", "--calibration", *files)
    assert "b.json: dataset: 'cifar10' has another calibration. Leave one out." in done.stderr
