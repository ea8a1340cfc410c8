r"""Draw the test images of the rarest classes as encoders place them (Figure 2), one panel each.

t-SNE bends distances, so each panel says how separable the classes are in the feature space itself:
the mean silhouette and the accuracy of a leave-one-out vote of the nearest neighbours, both of
cosine distance. These numbers go to a CSV file too. Cost: a forward pass over the classes' test
images and a t-SNE for each encoder; seconds, half a minute for 4,000 images.

Example:
    kcl=results/runs/digits/if100/kcl/seed0/pretrain
    adaptive=results/runs/digits/if100/kcl_adaptive/seed0/pretrain
    python src/plot_embedding.py --config $kcl/config.json $adaptive/config.json \
        --weights $kcl/weights.pt $adaptive/weights.pt --titles "KCL" "KCL + adaptive temperature" \
        --store data/digits --split results/splits/digits/if100.csv --classes 4 --seed 0 \
        --pdf figure2.pdf --png figure2.png --numbers figure2.csv
"""

from __future__ import annotations

from cogloat import arithmetic, guard

if __name__ == "__main__":
    guard.install()
    arithmetic.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat import imbalance
from cogloat.arguments import of_type
from cogloat.config.reading import load
from cogloat.config.types import Count, Seed
from cogloat.data.imageset import load_test_set
from cogloat.data.rarest import only, rarest, training_counts
from cogloat.data.store import MANIFEST
from cogloat.errors import UserError
from cogloat.files import writable_file, write_text
from cogloat.models.inference import outputs
from cogloat.reporting.figures.embedding import draw, numbers, panel_of
from cogloat.reporting.figures.style import save, style
from cogloat.results.classes import read_class_names
from cogloat.results.provenance import check_beside
from cogloat.runs.effective import RunConfig
from cogloat.trained import check_finite, load_encoder
from cogloat.training.machine import add_machine_arguments, set_up_machine


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--config", type=Path, nargs="+", required=True, help="of pretrain stages, a panel each"
    )
    parser.add_argument(
        "--weights", type=Path, nargs="+", required=True, help="their weights.pt, in that order"
    )
    parser.add_argument("--titles", nargs="+", required=True, help="of the panels, in that order")
    parser.add_argument("--store", type=Path, required=True, help="folder made by fetch.py")
    parser.add_argument("--split", type=Path, required=True, help="long-tailed split, CSV")
    parser.add_argument(
        "--classes", type=of_type(Count), required=True, help="how many, the rarest first"
    )
    parser.add_argument("--seed", type=of_type(Seed), required=True, help="of t-SNE")
    parser.add_argument("--pdf", type=writable_file, required=True, help="gets the figure")
    parser.add_argument("--png", type=writable_file, required=True, help="gets the figure")
    parser.add_argument(
        "--numbers", type=writable_file, required=True, help="gets the separability, CSV"
    )
    add_machine_arguments(parser)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Plot."""
    args = parse_args(argv)
    if not len(args.config) == len(args.weights) == len(args.titles):
        raise UserError(
            f"--config has {len(args.config)} files, --weights {len(args.weights)}, "
            f"--titles {len(args.titles)} titles. Give one of each for every panel."
        )
    configs = _read_configs(args.config)
    counts_C = training_counts(args.split, configs[0].data.classes)
    classes = rarest(counts_C, args.classes)
    names = read_class_names(args.store / MANIFEST, len(counts_C))
    for config_file, weights in zip(args.config, args.weights, strict=True):
        made_of = {"configuration": config_file, "store": args.store / MANIFEST}
        check_beside(weights, **made_of, split=args.split)
    device = set_up_machine(args).device
    encoders = [
        load_encoder(config, weights, device)
        for config, weights in zip(configs, args.weights, strict=True)
    ]
    images = only(load_test_set(args.store, configs[0].data, device), classes)
    labels_N = images.labels_N.cpu().numpy()
    panels = []
    for title, config, encoder, weights in zip(
        args.titles, configs, encoders, args.weights, strict=True
    ):
        embeddings_ND = outputs(encoder, images, config.data)
        check_finite(embeddings_ND, encoder, weights)
        panels.append(
            panel_of(title, config.method, embeddings_ND.cpu().numpy(), labels_N, args.seed)
        )
    with style():
        figure = draw(panels, labels_N, {label: int(counts_C[label]) for label in classes}, names)
        save(figure, args.pdf, args.png)
    write_text(args.numbers, numbers(panels, classes, len(images)))


def _read_configs(paths: Sequence[Path]) -> list[RunConfig]:
    """Return the configurations; all are of the first one's dataset and factor."""
    configs = [load(RunConfig, path) for path in paths]
    first = configs[0]
    for path, config in zip(paths, configs, strict=True):
        if (config.dataset, config.factor) != (first.dataset, first.factor):
            raise UserError(
                f"{path}: dataset: {config.dataset} {imbalance.title(config.factor)}, but "
                f"{paths[0]} is of {first.dataset} {imbalance.title(first.factor)}. "
                "Give runs of one dataset and factor."
            )
    return configs


if __name__ == "__main__":
    main()
