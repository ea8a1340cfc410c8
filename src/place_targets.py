r"""Place TSC's targets, points on the sphere that its classes are pulled to, as a NumPy array.

They depend on the number of classes and the dimension only. Cost: nothing where a regular simplex
fits (classes <= dimension + 1), otherwise a minute or more of optimisation.

Example:
    python src/place_targets.py --classes 10 --dimension 128 --config config/targets.yaml \
        --output results/targets/10x128.npy
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cogloat.arguments import of_type
from cogloat.config.dataset import Classes
from cogloat.config.reading import load
from cogloat.config.types import Count
from cogloat.files import writable_file, write_atomically
from cogloat.methods.tsc.settings import TargetPoints
from cogloat.methods.tsc.targets import place_targets


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classes", type=of_type(Classes), required=True, help="number of targets")
    parser.add_argument("--dimension", type=of_type(Count), required=True, help="of the embedding")
    parser.add_argument("--config", type=Path, required=True, help="config/targets.yaml")
    parser.add_argument("--output", type=writable_file, required=True, help="the targets, .npy")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Place."""
    args = parse_args(argv)
    targets_CD = place_targets(args.classes, args.dimension, load(TargetPoints, args.config))
    write_atomically(args.output, lambda file: np.save(file, targets_CD.numpy()))


if __name__ == "__main__":
    main()
