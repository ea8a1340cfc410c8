r"""Tiny runs by the real scripts, portable and in one process: hashes of what they leave.

Example, of some methods, and of every method as they are published:
    python tests/bits.py --output bits.json ce kcl
    python tests/bits.py --output tests/bits.json
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "src"))

from cogloat import arithmetic

if __name__ == "__main__":
    arithmetic.install(["--arithmetic", "portable"])

import argparse
import json
import tempfile

from scripts import REPO, Tiny, must
from tqdm import tqdm

from cogloat.files import sha256, writable_file, write_json
from cogloat.methods.settings import CoresetOf, FileAt, WeightsOf
from cogloat.results.bits import Published, facts
from cogloat.results.provenance import Stage
from cogloat.runs.load import load_method, method_of, run_config
from cogloat.runs.named import names

PUBLISHED = REPO / "tests/bits.json"
FACTOR = 10
PORTABLE = ("--arithmetic", "portable")


class Runs:
    """Tiny runs, each made once and after what it needs.

    Args:
        root: an empty folder.
        epochs: of every stage, in place of those that config/ says.
    """

    def __init__(self, root: Path, epochs: int | None = None) -> None:
        self.tiny, self.root, self.epochs = Tiny(root), root, epochs
        self.made: dict[str, Path] = {}
        tiny = self.tiny
        must("fetch.py", "--config", tiny.config, "--dataset", "tiny", "--output", tiny.store)
        must(
            *("split.py", "--labels", tiny.store / "train_labels.npy", "--factor", FACTOR),
            *("--seed", 0, "--output", tiny.split),
        )

    def train(self, method: str) -> None:
        """Train a method's stages."""
        for stage in load_method(self.tiny.config, method).stages:
            self.weights(method_of(self.tiny.config, method, stage), stage)

    def weights(self, method: str, stage: str) -> Path:
        """Return what a stage has left."""
        folder = self.root / method / stage
        if f"{method}/{stage}/weights.pt" not in self.made:
            config = self._with_epochs(self.tiny.effective(method, stage))
            files = self._needed(method, stage)
            must("train.py", *self.tiny.arguments(config, folder, **files), *PORTABLE)
            for name in ("weights.pt", "history.csv"):
                self.made[f"{method}/{stage}/{name}"] = folder / name
        return folder / "weights.pt"

    def _needed(self, method: str, stage: str) -> dict[str, Path]:
        own = run_config(self.tiny.config, "tiny", FACTOR, method, 0, stage)
        files = {name: self._need(need) for name, need in own.settings.needs.items()}
        if stage == "finetune":
            encoder = method_of(self.tiny.config, method, "pretrain")
            files["encoder"] = self.weights(encoder, "pretrain")
        return files

    def _need(self, need: CoresetOf | WeightsOf | FileAt) -> Path:
        match need:
            case CoresetOf(coreset):
                return self._coreset(coreset)
            case WeightsOf(method):
                return self.weights(method, "train")
            case FileAt(path):
                return self._targets(Path(path.format(classes=10)).stem)

    def _coreset(self, name: str) -> Path:
        path, config = self.root / f"coreset_{name}.csv", self.root / f"coreset_{name}.json"
        if path.name not in self.made:
            self.made[path.name] = path
            must(
                *("configure.py", "--config", self.tiny.config, "coreset", "--dataset", "tiny"),
                *("--factor", FACTOR, "--coreset", name, "--output", config),
            )
            must(
                *("select_coreset.py", "--config", config, "--store", self.tiny.store),
                *("--split", self.tiny.split, "--output", path, *PORTABLE),
                *("--scratch", self.root / "scratch"),
            )
        return path

    def _targets(self, size: str) -> Path:
        path = self.root / f"targets_{size}.npy"
        if path.name not in self.made:
            self.made[path.name] = path
            classes, dimension = size.split("x")
            must(
                *("place_targets.py", "--classes", classes, "--dimension", dimension),
                *("--config", self.tiny.config / "targets.yaml", "--output", path),
            )
        return path

    def _with_epochs(self, config: Path) -> Path:
        own = json.loads(config.read_text())
        if self.epochs is not None and "epochs" in own["settings"]:  # what is computed has none
            own["settings"]["epochs"] = self.epochs
            write_json(config, own)
        return config

    def published(self) -> Published:
        """Return the hashes of all that was made."""
        stages = (Stage.read(file) for file in self.root.glob("*/*/provenance.json"))
        return Published(
            made_by=facts(process for stage in stages for process in stage.processes),
            files={name: sha256(self.made[name]) for name in sorted(self.made)},
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=writable_file, required=True, help="the hashes, JSON")
    parser.add_argument("--epochs", type=int, help="of every stage (default: those of tiny.yaml)")
    parser.add_argument("methods", nargs="*", help="(default: all)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(Path(folder), args.epochs)
        methods = args.methods or names(runs.tiny.config, "methods")
        for method in tqdm(methods, desc="tiny runs", unit="method", disable=None):
            runs.train(method)
        runs.published().write(args.output)


if __name__ == "__main__":
    main()
