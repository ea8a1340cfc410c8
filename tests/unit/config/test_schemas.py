"""workflow/schemas says what the types say."""

import jsonschema
import pytest
import yaml
from scripts import REPO, must

SCHEMAS = REPO / "workflow" / "schemas"
# a file that extends another one holds a part of what is valid
WHOLE = (
    *("config", "claims", "targets", "bench"),
    *("datasets/digits", "coresets/glister", "coresets/random"),
)


@pytest.mark.slow
def test_schemas_are_those_of_the_types(tmp_path):
    """`make schemas` writes them anew."""
    must("describe_config.py", "--output-dir", tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        path.name: path.read_text() for path in SCHEMAS.iterdir()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_shipped_files_are_valid_by_the_schemas(name):
    kind = name.split("/")[0].removesuffix("s") if "/" in name else name
    schema = yaml.safe_load((SCHEMAS / f"{kind}.schema.yaml").read_text())
    jsonschema.validate(yaml.safe_load((REPO / "config" / f"{name}.yaml").read_text()), schema)
