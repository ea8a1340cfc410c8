"""Results held against published ones: which files, which facts, what is said and what fails."""

import json
import shutil
from pathlib import Path

import pytest
from artefacts import process
from scripts import run

from cogloat.errors import UserError
from cogloat.files import sha256
from cogloat.results.bits import Published, differences, facts, of_table, same_kind
from cogloat.results.provenance import Evaluation, Process, Run, Stage

LIBRARIES = {"python": "3.11", "torch": "2.14", "numpy": "2.4"}
TABLE = "results/demo/table2.csv"
RUN = "results/runs/digits/if100/kcl/seed1"


def made_by(**changes: object) -> Process:
    return process(**{"arithmetic": "portable", "versions": LIBRARIES} | changes)


def write(path: str, text: str = "") -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text or path)
    return file


def write_origin(own: Process, code: str = "c" * 64) -> None:
    stages = [
        Stage(
            stage=name,
            epochs=3,
            augmentations=("tilt",),
            identity={"code": code},
            outputs={"weights.pt": "w", "history.csv": "h"},
            processes=(own,),
            seconds=1.0,
        )
        for name in ("pretrain", "finetune")
    ]
    evaluation = Evaluation(identity={}, processes=(own,))
    Run(stages=tuple(stages), evaluation=evaluation).write(Path(RUN) / "provenance.json")


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Make a table of one run; return its files in the order in which they are made."""
    monkeypatch.chdir(tmp_path)
    names = ("config.json", "weights.pt", "history.csv")
    files = [
        write("data/digits/store.json"),
        write("results/splits/digits/if100.csv"),
        *(write(f"{RUN}/pretrain/{name}") for name in names),
        *(write(f"{RUN}/finetune/{name}") for name in names),
        write(f"{RUN}/metrics.json"),
        write(TABLE, "method,dataset,factor,label,seeds\nkcl,digits,100,KCL,1\n"),
        write(TABLE.replace(".csv", ".md")),
    ]
    write_origin(made_by())
    return files


def publish() -> Published:
    done = run("verify_bits.py", "--published", "bits.json", "--write", TABLE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "published 11 files, by portable arithmetic\n"
    return Published.read(Path("bits.json"))


def verify(*flags: str):
    return run("verify_bits.py", "--published", "bits.json", *flags)


def test_a_table_is_published_with_what_its_runs_left(results):
    assert of_table(Path(TABLE)) == results
    published = publish()
    assert published.files == {str(file): sha256(file) for file in results}
    assert published.made_by["numpy"] == ("2.4",)
    assert published.made_by["code"] == ("c" * 12,)


def test_an_encoder_that_is_another_methods_is_that_methods(results):
    shutil.rmtree(f"{RUN}/pretrain")
    assert of_table(Path(TABLE)) == [file for file in results if "pretrain" not in file.parts]


def test_equal_results_are_said_to_be(results):
    publish()
    assert verify("--strict").stdout == "equal to the published results to the bit: 11 files\n"


def test_where_nothing_is_published_nothing_fails_unless_it_must(results):
    assert verify().stdout.startswith("not compared: there is no bits.json. ")
    done = verify("--strict")
    assert (done.returncode, done.stdout) == (2, "")
    assert "bits.json" in done.stderr


@pytest.mark.parametrize("strict", [True, False])
def test_the_first_file_that_differs_is_named(results, strict):
    publish()
    for file in (results[7], results[3]):
        file.write_text("another bit")
    results[-1].unlink()
    done = verify(*["--strict"] * strict)
    said = done.stdout.splitlines()
    assert said[0] == (
        "not the published results to the bit: 3 of 11 files differ from bits.json, first "
        f"{RUN}/pretrain/weights.pt"
    )
    explained = "so that the code or the configuration has changed"
    assert (explained in done.stderr) is strict
    assert (explained in said[-1]) is not strict
    assert done.returncode == (2 if strict else 0)


def test_changed_code_is_told_and_excuses_nothing(results):
    publish()
    results[3].write_text("another bit")
    write_origin(made_by(), code="d" * 64)
    done = verify("--strict")
    assert done.returncode == 2
    assert f"  code: {'d' * 12} here, {'c' * 12} as published\n" in done.stdout


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"arithmetic": "native"}, "arithmetic: native here, portable as published"),
        (
            {"versions": LIBRARIES | {"numpy": "2.5"}},
            "numpy: 2.5 here, 2.4 as published",
        ),
    ],
)
def test_what_machines_differ_in_is_told_and_fails_nothing(results, changes, line):
    publish()
    results[3].write_text("another bit")
    write_origin(made_by(**changes))
    done = verify("--strict")
    assert done.returncode == 0, done.stderr
    assert f"  {line}\n" in done.stdout
    assert done.stdout.endswith("agree within the spread of seeds, not to the bit.\n")


def test_another_processor_and_python_are_the_same_kind():
    ours = facts([made_by()])
    other = facts([made_by(device="Xeon", versions=LIBRARIES | {"python": "3.13"})])
    assert same_kind(ours, other)
    assert differences(ours, other) == [
        "processor: Xeon here, EPYC as published",
        "python: 3.13 here, 3.11 as published",
    ]
    assert not same_kind(ours, facts([made_by(), made_by(arithmetic="native")]))


def test_results_whose_runs_are_gone_have_no_known_maker(results):
    publish()
    shutil.rmtree("results/runs")
    done = verify("--strict")
    assert done.returncode == 0
    assert "  arithmetic: unknown here, portable as published\n" in done.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"files": {}}, "files: Dictionary should have at least 1 item"),
        ({"files": {"a": "b"}}, "files.a: "),
        ({"file": {}}, "file: Extra inputs are not permitted"),
    ],
)
def test_a_damaged_list_is_named_with_its_key(change, message, results):
    publish()
    known = json.loads(Path("bits.json").read_text())
    Path("bits.json").write_text(json.dumps(known | change))
    with pytest.raises(UserError, match=f"^bits.json: {message}.*Write it anew"):
        Published.read(Path("bits.json"))
