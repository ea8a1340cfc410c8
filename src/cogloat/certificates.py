"""Code that was shown to give the same bits as earlier code, so that its results stay. No torch.

Rules and resume states compare the fingerprint of code. Where it changed and `certify.py` found
that no bit does, the earlier fingerprint stands for the new one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field

from cogloat.config.reading import load
from cogloat.config.types import Count, Digest, Strict
from cogloat.files import write_json
from cogloat.fingerprint import fingerprint
from cogloat.methods.rooms import objective_module, settings_types

FILE = Path("workflow/certified.json")
# what makes the results that later results are made of
SCRIPTS = (
    "fetch.py",
    "hold_out.py",
    "split.py",
    "place_targets.py",
    "select_coreset.py",
    "evaluate.py",
    "measure_features.py",
    "measure_gradients.py",
    "measure_separability.py",
    "measure_leak.py",
)


class Certificate(Strict):
    """Why one fingerprint stands for another."""

    stands_for: Digest = Field(description="the fingerprint that results carry")
    of: str = Field(description="script, and the objective it trains")
    earlier: str = Field(description="git revision of the code that was compared with")
    day: str = Field(description="of the comparison")
    files: Count = Field(description="that were equal to the byte")


class Certificates(Strict):
    """workflow/certified.json."""

    certified: dict[Digest, Certificate]


def code_of(script: Path | str, *extra_modules: str) -> str:
    """Return the fingerprint that results of this code carry; arguments as of `fingerprint`.

    Raises:
        UserError: if the file of certificates is damaged.
    """
    own = fingerprint(script, *extra_modules)
    known = read_certificates(Path(script).absolute().parents[1] / FILE)
    return known[own].stands_for if own in known else own


@cache
def read_certificates(file: Path) -> dict[str, Certificate]:
    """Return the certificates by the fingerprint they are of; none where there is no file.

    Raises:
        UserError: if the file is damaged.
    """
    return load(Certificates, file).certified if file.is_file() else {}


def write_certificates(file: Path, certificates: dict[str, Certificate]) -> None:
    """Write workflow/certified.json."""
    write_json(file, Certificates(certified=certificates).model_dump())


def codes(source: Path) -> dict[str, tuple[str, str]]:
    """Return what makes results -> its fingerprint, and the one that its results carry.

    Args:
        source: folder of the scripts.
    """
    subjects: dict[str, list[str]] = {name: [] for name in SCRIPTS}
    subjects |= {f"train.py {room}": [objective_module(room)] for room in settings_types()}
    found = {}
    for name, modules in subjects.items():
        script = source / name.partition(" ")[0]
        found[name] = fingerprint(script, *modules), code_of(script, *modules)
    return found
