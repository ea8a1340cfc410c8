"""What to do about what a cluster reports, found in the logs of a run that failed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

PROFILE = "workflow/profiles/slurm/profile.v9+.yaml"

# what SLURM writes, in the words of its versions -> what to do
CAUSES = {
    r"OUT_OF_MEMORY|[Ee]xceeded (job )?memory limit|oom.kill": (
        "a job used more memory than it asked for. Raise `mem_mb` under `resources` in its "
        f"dataset's file, config/datasets/<name>.yaml, or for one rule under `set-resources` in "
        f"{PROFILE}; the same command then goes on."
    ),
    r"DUE TO TIME LIMIT|status is: 'TIMEOUT'": (
        "a job reached its time limit. Nothing is lost: the same command goes on from where it "
        "stopped. For longer jobs raise `margin` under `runtime` in config/config.yaml; for more "
        f"of them, `retries` in {PROFILE}."
    ),
    r"Requested node configuration is not available|BadConstraints": (
        "no node of the partition has what a job asks for: GPU, memory, or cores. "
        "`sinfo --format '%P %G %m %c %l'` shows what each partition has; name one with a GPU as "
        f"`slurm_partition` in {PROFILE}."
    ),
    r"Invalid partition name|invalid partition specified": (
        "the partition does not exist. `sinfo --summarize` lists those there are; name one as "
        f"`slurm_partition` in {PROFILE}."
    ),
    r"Invalid account|Invalid qos|Job violates accounting": (
        "SLURM does not accept the account or the quality of service. "
        "`sacctmgr show associations user=$USER` lists yours; name them as `slurm_account` and "
        f"`qos` in {PROFILE}."
    ),
}


def advice(logs: Iterable[Path]) -> Iterator[str]:
    """Yield one line for each cause that some logs show, with the first log that shows it.

    Args:
        logs: Snakemake's log, and those of a cluster's jobs.
    """
    texts = {path: path.read_text("utf-8", "replace") for path in logs}
    for pattern, what_to_do in CAUSES.items():
        found = [path for path, text in texts.items() if re.search(pattern, text)]
        if found:
            yield f"error: {found[0]}: {what_to_do}"
