"""What was run where: every process, and the lines that a report begins with."""

import csv

from artefacts import command_line, process
from docutils.core import publish_doctree

from cogloat.results.provenance import Stage
from tabulate_machines import main


def stage(path, *processes):
    known = {
        **{"stage": "train", "epochs": 5, "augmentations": ("tilt", "cut_out"), "outputs": {}},
        "identity": {"configuration": "c", "code": "d", "split": "s", "store": "t"},
        "seconds": sum(own.seconds for own in processes),
    }
    Stage(processes=processes, **known).write(path / "provenance.json")
    return path / "provenance.json"


def tabulate(tmp_path, *files):
    outputs = {
        "output": tmp_path / "machines.csv",
        "markdown": tmp_path / "machines.md",
        "page": tmp_path / "machines.html",
        "overview": tmp_path / "machines.rst",
    }
    main(command_line(provenance=files, **outputs))
    with outputs["output"].open(newline="") as file:
        rows = list(csv.DictReader(file))
    return rows, *(outputs[name].read_text() for name in ("markdown", "page", "overview"))


def test_a_row_a_process_and_a_line_a_kind_of_machine(tmp_path):
    gpu = {"device": "NVIDIA H100", "precision": "bfloat16", "image": "ab" * 32}
    first = stage(tmp_path / "one", process(seconds=1800.0), process(seconds=3600.0, **gpu))
    second = stage(tmp_path / "two", process(seconds=3600.0, **gpu))
    rows, markdown, page, overview = tabulate(tmp_path, first, second)
    assert [row["folder"] for row in rows] == [
        *[str(tmp_path / "one")] * 2,
        str(tmp_path / "two"),
    ]
    assert [row["seconds"] for row in rows] == ["1800.0", "3600.0", "3600.0"]
    assert (rows[0]["augmentations"], rows[0]["split"], rows[0]["image"]) == (
        "tilt cut_out",
        "s",
        "",
    )
    assert "| EPYC | float32 | 2 | no image | 1 | 1 | 30 min |" in markdown
    assert "| NVIDIA H100 | bfloat16 | 2 | image abababababab | 2 | 2 | 2 h 0 min |" in markdown
    assert "<td>NVIDIA H100</td>" in page
    tree = publish_doctree(overview, settings_overrides={"report_level": 2, "halt_level": 2})
    assert tree.astext().split("\n\n") == [
        "What was run where",
        "EPYC, float32, torch 2, no image: 1 trainings, 30 min",
        "NVIDIA H100, bfloat16, torch 2, image abababababab: 2 trainings, 2 h 0 min",
    ]


def test_a_device_of_any_name_is_text(tmp_path):
    name = "Xeon(R) *_x_* | <b>"
    _, markdown, page, overview = tabulate(tmp_path, stage(tmp_path, process(device=name)))
    assert "<b>" not in page.replace("<body", "")
    assert name in publish_doctree(overview).astext()
    assert "<b>" not in markdown.replace("\\<b\\>", "")
