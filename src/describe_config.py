r"""Write what a valid configuration is, one JSON schema, in YAML, for each kind of file in config/.

Editors and the workflow catalog read them; the workflow itself checks against the types they are
made of. Cost: a fraction of a second.

Example:
    python src/describe_config.py --output-dir workflow/schemas
"""

from __future__ import annotations

from cogloat import guard

if __name__ == "__main__":
    guard.install()

import argparse
from collections.abc import Sequence
from typing import Any

import yaml
from pydantic import BaseModel

from cogloat.claims.schema import Claims
from cogloat.config.dataset import Dataset
from cogloat.files import writable_folder, write_text
from cogloat.methods.tsc.settings import TargetPoints
from cogloat.runs.bench import Bench
from cogloat.runs.collections import Workflow
from cogloat.runs.files import Coreset, Method

FILES: dict[str, type[BaseModel]] = {
    "config": Workflow,
    "dataset": Dataset,
    "method": Method,
    "coreset": Coreset,
    "targets": TargetPoints,
    "claims": Claims,
    "bench": Bench,
}


def _untitled(part: Any) -> Any:
    """Return a schema without titles, which say each key's name once more."""
    if isinstance(part, list):
        return [_untitled(item) for item in part]
    if not isinstance(part, dict):
        return part
    return {
        key: _untitled(value)
        for key, value in part.items()
        if not (key == "title" and isinstance(value, str))
    }


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output-dir", type=writable_folder, required=True, help="gets the schemas"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Describe."""
    folder = parse_args(argv).output_dir
    for name, model in FILES.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
        schema |= _untitled(model.model_json_schema())
        write_text(
            folder / f"{name}.schema.yaml", yaml.safe_dump(schema, sort_keys=False, width=100)
        )


if __name__ == "__main__":
    main()
