"""A tiny run's inputs, made by the real scripts."""

import pytest
from scripts import Tiny, must


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    made = Tiny(tmp_path_factory.mktemp("tiny"))
    must("fetch.py", "--config", made.config, "--dataset", "tiny", "--output", made.store)
    must(
        *("split.py", "--labels", made.store / "train_labels.npy", "--factor", 10),
        *("--seed", 0, "--output", made.split),
    )
    coreset = made.root / "coreset.json"
    must(
        *("configure.py", "--config", made.config, "coreset", "--dataset", "tiny"),
        *("--factor", 10, "--coreset", "glister", "--output", coreset),
    )
    must(
        *("select_coreset.py", "--config", coreset, "--store", made.store, "--split", made.split),
        *("--output", made.coreset, "--scratch", made.root / "scratch"),
    )
    return made
