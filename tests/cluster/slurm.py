"""What a test sees of SLURM, and does to its jobs."""

import re
import subprocess
from dataclasses import dataclass

from project import Project

# the profile, as a user names it; sacct needs accounting, and tests do not wait for 40 seconds
PROFILE = (
    *("--profile", "slurm", "--slurm-status-command", "squeue"),
    *("--slurm-init-seconds-before-status-checks", "2"),
)


@dataclass(frozen=True)
class Job:
    """One SLURM job."""

    number: str
    state: str
    comment: str  # rule_<rule>_wildcards_<what>

    def details(self) -> str:
        """Return what SLURM knows of the job."""
        return output("scontrol", "--details", "show", "job", self.number)

    def gpus(self) -> set[str]:
        """Return the numbers of the GPUs that the job has."""
        return set(re.findall(r"GRES=gpu:\d+\(IDX:([\d,-]+)\)", self.details()))

    def restarts(self) -> int:
        """Return how often SLURM has queued the job again."""
        return int(re.search(r"Restarts=(\d+)", self.details())[1])


def output(*command: str) -> str:
    """Run a command that must succeed."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def jobs(project: Project, of: str = "", *states: str) -> list[Job]:
    """Return a project's jobs whose comment contains a text, in any state or in some."""
    lines = output("squeue", "--states=all", "--noheader", "--sort=i", "--format=%Z|%i|%T|%k")
    fields = [line.split("|") for line in lines.splitlines()]
    listed = [Job(*rest) for folder, *rest in fields if folder == str(project.root)]
    return [job for job in listed if of in job.comment and (not states or job.state in states)]
