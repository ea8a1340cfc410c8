"""What is said about a cluster's reports, in the words that SLURM uses."""

import pytest

from cogloat.cluster.advice import advice


@pytest.mark.parametrize(
    ("report", "part"),
    [
        ("slurmstepd: error: StepId=5.batch exceeded memory limit (4 > 1), being killed", "mem_mb"),
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=5.batch.", "mem_mb"),
        ("SLURM-job '5' failed, SLURM status is: 'OUT_OF_MEMORY'.", "mem_mb"),
        ("slurmstepd: error: *** JOB 5 ON n CANCELLED AT t DUE TO TIME LIMIT ***", "margin"),
        ("SLURM-job '5' failed, SLURM status is: 'TIMEOUT'.", "margin"),
        ("sbatch: error: Requested node configuration is not available", "slurm_partition"),
        ("sbatch: error: Invalid partition name specified", "slurm_partition"),
        ("sbatch: error: Invalid account or account/partition combination", "slurm_account"),
    ],
)
def test_report_is_answered_with_its_log_and_the_key_to_change(tmp_path, report, part):
    main, of_job = tmp_path / "main.log", tmp_path / "5.log"
    main.write_text("Error in rule train\n")
    of_job.write_text(f"Activating singularity image\n{report}\n")
    (line,) = advice([main, of_job])
    assert line.startswith(f"error: {of_job}: ")
    assert f"`{part}`" in line


def test_failure_of_another_kind_gets_no_advice(tmp_path):
    log = tmp_path / "main.log"
    log.write_text("Error in rule train: config.json: not valid\n")
    assert not list(advice([log]))
