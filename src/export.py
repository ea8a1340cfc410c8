r"""Export a run's classifier: model.safetensors and a model card, README.md, to be handed on.

predict.py reads the file as it reads a run. It holds the tensors of the run's last stage, its
configuration, the names of the classes and the run's provenance. Cost: seconds.

Example:
    python src/export.py --run results/runs/digits/if100/ce/seed0 --output-dir exports/ce
    python src/predict.py --model exports/ce/model.safetensors --output predictions.csv photos
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from cogloat.checkpoint import load_checkpoint
from cogloat.evaluated import read_evaluated, stage_config
from cogloat.exported import Description, write_model
from cogloat.files import writable_file, writable_folder, write_text
from cogloat.reporting.card import model_card
from cogloat.trained import build_classifier


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--run", type=Path, required=True, help="folder with an evaluated run's metrics.json"
    )
    parser.add_argument(
        "--output-dir", type=writable_folder, required=True, help="gets the model and its card"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Export."""
    args = parse_args(argv)
    model, card = (
        writable_file(args.output_dir / name) for name in ("model.safetensors", "README.md")
    )
    run = read_evaluated(args.run)
    configs = [stage_config(run, stage) for stage in run.provenance.stages]
    tensors = load_checkpoint(run.weights, "weights file")
    classifier = build_classifier(run.config, tensors, run.weights, torch.device("cpu"))
    parameters = sum(weight.numel() for weight in classifier.parameters())
    said = Description(config=run.config, classes=run.metrics.classes, provenance=run.provenance)
    text = model_card(configs, run.metrics, run.provenance, model.name, parameters)
    write_model(model, said, tensors)
    write_text(card, text)


if __name__ == "__main__":
    main()
