r"""Check a container image against the locks, and print its SHA-256.

Checked are the labels that the build left in it: the hash of requirements/train.txt, from which its
packages were installed, and of its recipe. With --write-lock the image becomes the one that rules
run in; without, it must be that one already. Seconds, most of them for the hash. Needs Apptainer.

Example:
    python src/verify_image.py --image containers/train.sif --lock containers/images.lock.yaml
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from pathlib import Path

from cogloat.cluster.image import check_digest, check_made_from, inspect, read_lock, write_lock


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", type=Path, required=True, help="SIF file, from the root")
    parser.add_argument("--lock", type=Path, required=True, help="images.lock.yaml")
    parser.add_argument("--write-lock", action="store_true", help="make it the image of the rules")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Verify one image."""
    args = parse_args(argv)
    root = Path.cwd()
    image = inspect(args.image, root)
    check_made_from(image, root)
    if args.write_lock:
        write_lock(args.lock, image)
    else:
        check_digest(read_lock(args.lock), image.sha256, args.lock)
    for name, value in image.model_dump().items():
        print(f"{name:12} {value}")


if __name__ == "__main__":
    main()
