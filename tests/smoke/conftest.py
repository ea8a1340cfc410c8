"""A tiny run's inputs, made by the real scripts."""

import shutil

import pytest
import yaml
from scripts import OVERRIDES, REPO, Tiny, must


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    made = Tiny(tmp_path_factory.mktemp("tiny"))
    shutil.copytree(REPO / "config", made.config)
    dataset = made.config / "datasets" / "digits.yaml"
    described = yaml.safe_load(dataset.read_text())
    described["overrides"] = OVERRIDES
    dataset.write_text(yaml.safe_dump(described))
    must("fetch.py", "--dataset", dataset, "--output", made.store)
    must(
        *("split.py", "--labels", made.store / "train_labels.npy", "--factor", 10),
        *("--seed", 0, "--output", made.split),
    )
    coreset = made.root / "coreset.json"
    must(
        *("configure.py", "--config", made.config, "coreset", "--dataset", "digits"),
        *("--factor", 10, "--coreset", "glister", "--output", coreset),
    )
    must(
        *("select_coreset.py", "--config", coreset, "--store", made.store, "--split", made.split),
        *("--output", made.coreset, "--scratch", made.root / "coreset.pt"),
    )
    return made
