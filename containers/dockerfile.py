r"""Write the image's recipe as a Dockerfile, for those who have Docker and no Apptainer.

The base must then come from a registry; name it by digest, so that it stays the same.

Example:
    python containers/dockerfile.py --base debian:bookworm-slim@sha256:... >Dockerfile
    docker build --tag cogloat .
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

from spython.main.parse.parsers import SingularityParser
from spython.main.parse.writers import DockerWriter

RECIPE = Path(__file__).with_name("train.def")


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", required=True, help="registry image, best with its digest")
    parser.add_argument("--revision", default="unknown", help="of the project (default: unknown)")
    return parser.parse_args()


def filled(recipe: str, base: str, **arguments: str) -> str:
    """Return a recipe on another base, its arguments filled in.

    Args:
        recipe: an Apptainer definition that begins with a debootstrap header.
        base: registry image in place of that header.
        **arguments: in place of the defaults in %arguments.
    """
    body = recipe.split("\n\n", 1)[1]
    values = dict(re.findall(r"^    ([A-Z_]+)=(.*)$", body, re.M)) | arguments
    body = re.sub(r"^%arguments\n(    .*\n)*", "", body, flags=re.M)
    body = re.sub(r"\{\{ (\w+) \}\}", lambda match: values[match[1]], body)
    return f"Bootstrap: docker\nFrom: {base}\n\n{body}"


def main() -> None:
    """Print the Dockerfile."""
    args = parse_args()
    with tempfile.NamedTemporaryFile("w", suffix=".def") as file:
        file.write(filled(RECIPE.read_text("utf-8"), args.base, REVISION=args.revision))
        file.flush()
        recipe = SingularityParser(file.name).recipe
    sys.stdout.write(DockerWriter(recipe).convert() + "\n")


if __name__ == "__main__":
    main()
