"""The bench's configuration: what its rows ask for, and how a value stands to goal and bound."""

import pytest
from miniature import CONFIG
from pydantic import ValidationError

from cogloat.config.reading import load
from cogloat.runs.bench import Bench, Quantity, Row


@pytest.mark.parametrize(
    ("goal", "bound", "states"),
    [
        ({"at_most": 2}, 3, {1: "met", 2: "met", 2.5: "missed", 3: "missed", 3.1: "failed"}),
        ({"at_least": 3}, 2, {4: "met", 3: "met", 2.5: "missed", 2: "missed", 1.9: "failed"}),
        ({"at_most": 0}, 0, {0: "met", 1: "failed"}),
        ({"at_most": 2}, None, {1: "met", 99: "missed"}),
        ({}, None, {1: "no goal", None: "left out"}),
    ],
)
def test_state_of_a_value(goal, bound, states):
    row = Row(label="a", of="kcl.step", bound=bound, **goal)
    assert {value: row.state(value) for value in states} == states


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"of": "kcl"}, "'kcl' is nothing that is measured. Write a name and one of step, floor"),
        ({"of": "kcl.speed"}, "'kcl.speed' is nothing that is measured"),
        ({"over": ".step"}, "'.step' is nothing that is measured"),
        ({"at_most": 1, "at_least": 1}, "it has at_most and at_least. Leave one out."),
        ({"bound": 2}, "bound (2) has no goal. Write at_most or at_least."),
        ({"at_most": 3, "bound": 2}, "bound (2) is better than the goal (3). Write 3."),
        ({"at_least": 3, "bound": 4}, "bound (4) is better than the goal (3). Write 3."),
    ],
)
def test_row_that_makes_no_sense_is_refused(keys, message):
    with pytest.raises(ValidationError) as caught:
        Row(**({"label": "a", "of": "kcl.step"} | keys))
    assert message in str(caught.value)


def test_a_rows_quantities():
    row = Row(label="a", of="kcl.conventional", over="kcl.step")
    assert row.quantities == (Quantity("kcl", "conventional"), Quantity("kcl", "step"))
    assert [own.kind for own in row.quantities] == ["trained", "trained"]


def test_shipped_bench_holds_every_count_to_a_bound():
    bench = load(Bench, CONFIG / "bench.yaml")
    rows = [row for group in bench.groups.values() for row in group.rows]
    counts = [row for row in rows if row.quantities[0].kind == "counted"]
    assert len(counts) > 10
    assert all(row.bound is not None for row in counts)
