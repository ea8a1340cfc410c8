r"""Write what a valid configuration is, as one JSON schema for each kind of file in config/.

Editors and the workflow catalog read them; the workflow itself checks against the types they are
made of, in cogloat.config.schema. Cost: a fraction of a second.

Example:
    python src/describe_config.py --output-dir workflow/schemas
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cogloat.config.claims import Claims
from cogloat.config.schema import Coreset, Dataset, Method, Strict, TargetPoints
from cogloat.config.workflow import Workflow
from cogloat.errors import main_guard
from cogloat.files import write_json

FILES: dict[str, type[Strict]] = {
    "config": Workflow,
    "dataset": Dataset,
    "method": Method,
    "coreset": Coreset,
    "targets": TargetPoints,
    "claims": Claims,
}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output-dir", type=Path, required=True, help="gets the schemas")
    return parser.parse_args()


def main() -> None:
    """Describe."""
    folder = parse_args().output_dir
    for name, model in FILES.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        write_json(folder / f"{name}.schema.json", schema | model.model_json_schema())


if __name__ == "__main__":
    main_guard(main)
