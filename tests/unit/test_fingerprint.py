import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cogloat.fingerprint import UNCOUNTED, _locked_versions, fingerprint

SRC = Path(__file__).parents[2] / "src"
FILES = {
    "train.py": "import importlib\nfrom cogloat.training import loop\nloop.fit(0.1)\n",
    "cogloat/__init__.py": "",
    "cogloat/training/__init__.py": '"""How training goes."""\n',
    "cogloat/training/loop.py": (
        "from cogloat.losses import total\ndef fit(x):\n    return total(x)\n"
    ),
    "cogloat/losses.py": "def total(x):\n    return x + 1\n",
    "cogloat/methods/__init__.py": "",
    "cogloat/methods/one.py": "from .. import unused\n",
    "cogloat/methods/two.py": "import cogloat.losses\n",
    "cogloat/unused.py": "X = 1\n",
}


LOCKED = """
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:0
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:1
scikit-learn==1.9.1 \\
    --hash=sha256:2
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "train.py"


def edit(script: Path, name: str, old: str, new: str) -> None:
    path = script.parent / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("train.py", "loop.fit", "# a remark\n\n\nloop.fit"),
        ("train.py", "import importlib", '"""What it makes."""\nimport importlib'),
        ("cogloat/training/loop.py", "return total(x)", "return (total(\n        x\n    ))"),
        ("cogloat/training/loop.py", "    return", '    """Fit."""\n    return'),
        ("cogloat/training/__init__.py", "How training goes", "How it is done"),
    ],
)
def test_wording_does_not_count(script, name, old, new):
    before = fingerprint(script)
    edit(script, name, old, new)
    assert fingerprint(script) == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("train.py", "0.1", "0.2"),
        ("cogloat/losses.py", "x + 1", "x - 1"),
        ("cogloat/losses.py", "x + 1", "x + 1.0"),
        ("cogloat/training/__init__.py", '"""How', 'X = 1\n"""How'),
        ("cogloat/__init__.py", "", "X = 1\n"),
    ],
)
def test_meaning_counts_in_everything_that_is_imported(script, name, old, new):
    before = fingerprint(script)
    edit(script, name, old, new)
    assert fingerprint(script) != before


MESSAGE = """
def check(x):
    if x > 1:
        raise ValueError(f"{x} is more than 1") from None
    print("checked", x)
    parser.add_argument("--x", type=int, help="a number")
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('f"{x} is more than 1"', '"too much", x'),
        ("checked", "has been checked"),
        ("a number", "how much"),
    ],
)
def test_what_is_told_does_not_count(script, old, new):
    edit(script, "cogloat/losses.py", "def total", f"{MESSAGE}\n\ndef total")
    before = fingerprint(script)
    edit(script, "cogloat/losses.py", old, new)
    assert fingerprint(script) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [("x > 1", "x > 2"), ("ValueError(", "TypeError("), ("type=int", "type=float")],
)
def test_when_it_is_told_and_as_what_counts(script, old, new):
    edit(script, "cogloat/losses.py", "def total", f"{MESSAGE}\n\ndef total")
    before = fingerprint(script)
    edit(script, "cogloat/losses.py", old, new)
    assert fingerprint(script) != before


def test_what_does_not_count_exists_and_computes_with_no_tensor_or_array():
    for module in UNCOUNTED:
        path = SRC / module.replace(".", "/")
        files = [*path.rglob("*.py")] if path.is_dir() else [path.with_suffix(".py")]
        assert files
        for file in files:
            text = file.read_text()
            computes = re.search(r"^(?:import|from) (?:numpy|scipy|torchvision)", text, re.M)
            assert not computes, file
            uses_torch = re.search(r"^(?:import|from) torch", text, re.M)
            assert not uses_torch or module == "cogloat.methods.objective", file


def test_types_of_the_configuration_do_not_count_though_their_neighbours_do(script):
    for name in ("config/__init__.py", "config/schema.py", "configured.py"):
        (script.parent / "cogloat" / name).parent.mkdir(exist_ok=True)
        (script.parent / "cogloat" / name).write_text("X = 1\n")
    new = "import cogloat.config.schema\nfrom cogloat import configured\n"
    edit(script, "cogloat/training/loop.py", "from cogloat", f"{new}from cogloat")
    before = fingerprint(script)
    edit(script, "cogloat/config/schema.py", "1", "2")
    edit(script, "cogloat/config/__init__.py", "1", "2")
    assert fingerprint(script) == before
    edit(script, "cogloat/configured.py", "1", "2")
    assert fingerprint(script) != before


def test_module_that_is_not_imported_does_not_count(script):
    before = fingerprint(script)
    edit(script, "cogloat/unused.py", "1", "2")
    assert fingerprint(script) == before


def test_objective_counts_where_it_is_named_with_its_relative_imports(script):
    plain = fingerprint(script)
    one = fingerprint(script, "cogloat.methods.one")
    two = fingerprint(script, "cogloat.methods.two")
    assert len({plain, one, two}) == 3
    edit(script, "cogloat/unused.py", "1", "2")
    assert fingerprint(script) == plain
    assert fingerprint(script, "cogloat.methods.one") != one
    assert fingerprint(script, "cogloat.methods.two") == two


def test_unknown_objective_is_an_error_and_not_an_equal_hash(script):
    with pytest.raises(ModuleNotFoundError, match=r"cogloat\.methods\.three"):
        fingerprint(script, "cogloat.methods.three")


def test_it_is_the_same_in_every_folder_and_on_every_python(script):
    """A value that was computed elsewhere: on Python 3.11, 3.12 and 3.13."""
    assert (
        fingerprint(script, "cogloat.methods.one")
        == "f55258e80d4116fa8c4be277a362b4059ecf20f41356a19ff9c6968e06e09c51"
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(), st.integers())
def test_constants_differ_if_and_only_if_they_are_written_with_other_values(tmp_path_factory, a, b):
    folder = tmp_path_factory.mktemp("constants")
    (folder / "a.py").write_text(f"X = {a}")
    (folder / "b.py").write_text(f"X = ( {b} )  # a number")
    assert (fingerprint(folder / "a.py") == fingerprint(folder / "b.py")) == (a == b)


@pytest.mark.slow
def test_what_plans_the_graph_imports_no_torch():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import cogloat.errors, cogloat.files, cogloat.fingerprint\n"
        "import cogloat.runs.load, cogloat.certificates\n"
        "assert not {'numpy', 'pandas'} & set(sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(SRC)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    """A script in a clone with a lock; it imports NumPy and, through a module, scikit-learn."""
    for name, text in FILES.items():
        (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / name).write_text(text)
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "train.txt").write_text(LOCKED)
    script = tmp_path / "src" / "train.py"
    script.write_text("import numpy as np\nfrom cogloat.losses import total\n")
    (tmp_path / "src/cogloat/losses.py").write_text("from sklearn.manifold import TSNE\n")
    return script


@pytest.mark.parametrize("version", ["2.4.6", "2.5.5", "1.9.1"])
def test_another_version_of_an_imported_library_counts(locked: Path, version):
    before = _fresh(locked)
    edit(locked, "../requirements/train.txt", version, "3.0.0")
    assert _fresh(locked) != before


def test_library_that_is_not_imported_and_hashes_do_not_count(locked: Path):
    before = _fresh(locked)
    edit(locked, "../requirements/train.txt", "sha256:0", "sha256:9")
    edit(locked, "../requirements/train.txt", "scikit-learn==", "matplotlib==3.0\nscikit-learn==")
    assert _fresh(locked) == before


def _fresh(script: Path) -> str:
    _locked_versions.cache_clear()
    return fingerprint(script)
