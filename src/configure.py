r"""Write the effective configuration of one stage of a run, or of a coreset, as JSON.

It holds every number the stage uses: the method's section with the dataset's overrides, and what
of the dataset it needs. Cost: a fraction of a second.

Example:
    python src/configure.py --config config run --dataset digits --factor 100 --method kcl \
        --seed 0 --stage pretrain --output results/runs/digits/if100/kcl/seed0/pretrain/config.json
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.arguments import of_type
from cogloat.config.reading import dump
from cogloat.config.types import Seed
from cogloat.files import writable_file, write_text
from cogloat.imbalance import WRITTEN, Factor
from cogloat.runs.files import STAGES
from cogloat.runs.load import coreset_config, run_config


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, required=True, help="folder of the configuration")
    kinds = parser.add_subparsers(dest="kind", required=True)
    run = kinds.add_parser("run", help="one stage of a run")
    run.add_argument("--method", required=True)
    run.add_argument("--seed", type=of_type(Seed), required=True)
    run.add_argument("--stage", choices=STAGES, required=True)
    coreset = kinds.add_parser("coreset", help="the coreset of a long-tailed set")
    coreset.add_argument("--coreset", required=True)
    for kind in (run, coreset):
        kind.add_argument("--dataset", required=True)
        kind.add_argument("--factor", type=of_type(Factor), required=True, help=WRITTEN)
        kind.add_argument("--output", type=writable_file, required=True)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Configure."""
    args = parse_args(argv)
    of_data = (args.config, args.dataset, args.factor)
    if args.kind == "run":
        text = dump(run_config(*of_data, args.method, args.seed, args.stage))
    else:
        text = dump(coreset_config(*of_data, args.coreset))
    write_text(args.output, text)


if __name__ == "__main__":
    main()
