"""The scripts from the measurement to the judgement, on a bench of a few small rows."""

import shutil

import pandas as pd
import pytest
import yaml
from artefacts import command_line
from miniature import CONFIG

import bench
import judge_bench
import plot_bench
import tabulate_bench
from cogloat.bench import measure, viewed
from cogloat.bench.turns import take_turns
from cogloat.errors import UserError
from cogloat.results.measured import read_measured

GROUPS = {
    "trained": [
        {"label": "floor", "of": "ce.step", "over": "ce.floor", "at_most": 1e6, "bound": 1e6},
        {"label": "epoch", "of": "cogloat_proco.epoch", "over": "ce.epoch"},
        {"label": "test", "of": "ce.test", "over": "ce.epoch"},
        {"label": "conventional", "of": "kcl.conventional", "over": "kcl.step", "at_least": 0},
        {"label": "bfloat16", "of": "ce.step", "over": "ce.step_bfloat16"},
    ],
    "others": [
        {"label": "crop", "of": "weak.torchvision", "over": "weak.ours", "at_least": 0},
        {"label": "kornia", "of": "weak.kornia", "over": "weak.ours", "at_least": 0},
        {"label": "memory", "of": "ce.memory"},
        {"label": "start", "of": "ce.start", "over": "torch.start", "at_least": 0.1, "bound": 0.1},
        {"label": "operations", "of": "ce.operations", "at_most": 1, "bound": 1},
    ],
}


@pytest.fixture
def config(tmp_path):
    """Return a copy of the configuration with a bench of seconds."""
    folder = tmp_path / "config"
    shutil.copytree(CONFIG, folder)
    known = yaml.safe_load((folder / "bench.yaml").read_text())
    known |= {"batch_size": 8, "memory_batch_size": 8, "views": 4}
    known["rounds"] = {"trained": 2, "viewed": 2, "started": 1}
    known["data"] |= {"largest_class": 100, "test_images": 10}
    known["groups"] = {name: {"title": name, "rows": rows} for name, rows in GROUPS.items()}
    (folder / "bench.yaml").write_text(yaml.safe_dump(known, sort_keys=False))
    return folder


@pytest.mark.long
def test_every_row_is_measured_tabulated_drawn_and_judged(config, tmp_path, monkeypatch):
    monkeypatch.setattr(viewed, "has_kornia", lambda: False)
    raw, csv = tmp_path / "measured.csv", tmp_path / "table.csv"
    bench.main(command_line(config=config, output=raw))
    rounds = pd.Series([line.label for line in read_measured(raw)]).value_counts()
    assert rounds["floor"] == rounds["conventional"] == rounds["crop"] == 2
    given = {"measured": raw, "config": config}
    tabulate_bench.main(command_line(**given, output=csv, markdown=tmp_path / "table.md"))
    table = pd.read_csv(csv).set_index("label")
    assert list(table.index) == [row["label"] for rows in GROUPS.values() for row in rows]
    assert table["state"]["kornia"] == "left out"
    assert table["note"]["kornia"] == "kornia is not installed"
    assert table["state"][["floor", "conventional", "crop", "start"]].eq("met").all()
    assert 0 < table["value"]["test"] < 10
    assert table["value"]["epoch"] > 1
    assert "activations" in table["note"]["memory"]
    assert table["value"]["memory"] > 100
    assert "| kornia |  | at least 0 | left out |" in (tmp_path / "table.md").read_text()
    plot_bench.main(command_line(table=csv, pdf=tmp_path / "a.pdf", png=tmp_path / "a.png"))
    assert (tmp_path / "a.png").stat().st_size > 10_000
    with pytest.raises(UserError, match=r"operations: .* is beyond the bound, 1") as caught:
        judge_bench.main(command_line(table=csv))
    assert "floor" not in str(caught.value)


def test_a_group_beyond_its_bound_is_measured_once_more(config, tmp_path, monkeypatch):
    asked, values = [], iter([(9.0, 9.0), (1.0, 1.0)])

    def measured(quantities, _):
        asked.append([own.of for own in quantities])
        rounds = next(values)
        return {own: measure.Found(rounds) for own in quantities}

    monkeypatch.setitem(measure.MEASURES, "viewed", (measured, False))
    rows = [{"label": "a", "of": "weak.ours", "at_most": 1, "bound": 2}]
    document = yaml.safe_load((config / "bench.yaml").read_text())
    document["groups"] = {"one": {"title": "one", "rows": rows}}
    (config / "bench.yaml").write_text(yaml.safe_dump(document))
    bench.main(command_line(config=config, output=tmp_path / "measured.csv"))
    assert len(asked) == 2
    assert [line.value for line in read_measured(tmp_path / "measured.csv")] == [1.0, 1.0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"of": "nothing.step"}, "method 'nothing' is unknown"),
        ({"of": "weaker.ours"}, "'weaker' is no augmentation of cifar10. Did you mean 'weak'?"),
        ({"of": "kcl.test"}, "kcl.test: its first stage has no test pass"),
        ({"of": "ce.conventional"}, "ce.conventional: it is written for momentum contrast alone"),
    ],
)
def test_what_cannot_be_measured_is_named_and_nothing_is_written(config, tmp_path, row, message):
    document = yaml.safe_load((config / "bench.yaml").read_text())
    document["groups"] = {"one": {"title": "one", "rows": [row | {"label": "a"}]}}
    (config / "bench.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(UserError) as caught:
        bench.main(command_line(config=config, output=tmp_path / "measured.csv"))
    assert message in str(caught.value)
    assert not (tmp_path / "measured.csv").exists()


def test_unknown_group_is_refused(tmp_path):
    flags = {"config": CONFIG, "only": "view", "output": tmp_path / "measured.csv"}
    with pytest.raises(UserError, match="Did you mean"):
        bench.main(command_line(**flags))


def test_every_quantity_has_its_turn_in_every_round():
    order = []
    actions = {name: lambda name=name: order.append(name) for name in "abc"}
    seconds = take_turns(actions, 2, "test")
    assert order == ["a", "b", "c", "b", "c", "a"]
    assert {name: len(own) for name, own in seconds.items()} == {"a": 2, "b": 2, "c": 2}
