r"""A small table whose trainings last long enough to be interrupted; by itself, makes it locally.

Example:
    PYTHONPATH=src:tests python tests/cluster/scene.py /tmp/reference
"""

import sys
from pathlib import Path

import yaml
from project import Project
from scripts import OVERRIDES

SEEDS = (0, 1)
METHODS = ("ce", "cogloat_proco")
EPOCHS = {"pretrain": 400, "train": 300}  # a minute and a half, and half a minute


def build(root: Path) -> Project:
    """Copy the project's files; the only collection is the paper's, which has Table 2 alone."""
    longer = {stage: OVERRIDES[stage] | {"epochs": count} for stage, count in EPOCHS.items()}
    project = Project.tiny(root, OVERRIDES | longer)
    path = root / "config" / "config.yaml"
    config = yaml.safe_load(path.read_text())
    table = config["collections"]["tiny"]["tables"]["table2"]
    table |= {"methods": list(METHODS), "seeds": list(SEEDS)}
    config |= {"collection": "paper", "collections": {"paper": {"tables": {"table2": table}}}}
    path.write_text(yaml.safe_dump(config))
    return project


if __name__ == "__main__":
    done = build(Path(sys.argv[1])).run("snakemake")
    print(done.stdout)
    sys.exit(done.returncode)
