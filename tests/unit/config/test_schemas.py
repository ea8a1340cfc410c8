"""workflow/schemas says what the types say."""

import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

REPO = Path(__file__).parents[3]
SCHEMAS = REPO / "workflow" / "schemas"


def test_schemas_are_those_of_the_types(tmp_path):
    """`make schemas` writes them anew."""
    script = REPO / "src" / "describe_config.py"
    subprocess.run([sys.executable, script, "--output-dir", tmp_path], check=True)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        path.name: path.read_text() for path in SCHEMAS.iterdir()
    }


@pytest.mark.parametrize("kind", ["dataset", "coreset"])
def test_shipped_files_are_valid_by_the_schemas(kind):
    schema = yaml.safe_load((SCHEMAS / f"{kind}.schema.json").read_text())
    for path in (REPO / "config" / f"{kind}s").glob("*.yaml"):
        jsonschema.validate(yaml.safe_load(path.read_text()), schema)
