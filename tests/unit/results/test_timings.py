import pytest
from artefacts import KCL, timings

from cogloat.errors import UserError
from cogloat.results.timings import COLUMNS, read_timings, write_timings


def written(path, *parts):
    write_timings(path, [timing for part in parts for timing in part])
    return path


def test_seconds_are_read_back_in_full_precision(tmp_path):
    path = written(tmp_path / "times.csv", timings("kcl", [(0.1 + 0.2, 1 / 3, 4.859e-06)]))
    found = read_timings([path]).set_index("part")["seconds"]
    assert found.to_dict() == {"refresh": 4.859e-06, "step": 0.1 + 0.2, "floor": 1 / 3}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "", "has no first line with its columns: dataset, factor"),
        (
            lambda text: text.replace("round,", "turn,"),
            "line 1: the columns must be dataset, factor",
        ),
        (lambda text: ",".join(COLUMNS) + "\n", "has no timing"),
        (lambda text: text.replace(",1.0,", ",fast,"), "line 3: seconds: 'fast' is not a number"),
        (lambda text: text.replace(",1.0,", ",nan,"), "line 3: seconds: 'nan' is not a number"),
        (lambda text: text.replace(",1.0,", ",-1,"), "line 3: seconds: .*but it is -1"),
        (lambda text: text.replace(",floor,", ",roof,"), "line 4: part: .*but it is 'roof'"),
        (
            lambda text: text[: text.rindex(",")] + "\n",
            "line 10: it has 10 cells, the header has 11",
        ),
        (
            lambda text: text.rstrip("\n").rsplit("\n", 1)[0] + "\n",
            "round 2 has floor 0 times, not once",
        ),
        (lambda text: text + text.splitlines()[-1] + "\n", "round 2 has floor 2 times, not once"),
        (lambda text: text.replace(",10,EPYC", ",11,EPYC", 1), "steps_per_epoch differs"),
        (lambda text: text + '"\n', "line 11: not CSV: a quote is not closed"),
        (lambda text: text[:-3], "line 10: the file ends within the line"),
    ],
)
def test_damaged_timings_are_named(tmp_path, change, message):
    path = written(tmp_path / "times.csv", timings("kcl", KCL))
    path.write_text(change(path.read_text()))
    with pytest.raises(UserError, match=rf"times\.csv: .*{message}.* Time the epochs again\."):
        read_timings([path])


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "times.csv"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=r"times\.csv: the text is UTF-16"):
        read_timings([path])


@pytest.mark.parametrize(
    ("column", "value"),
    [("device", "H100"), ("threads", 2), ("precision", "bfloat16"), ("arithmetic", "portable")],
)
def test_timings_of_two_machines_are_not_put_in_one_table(tmp_path, column, value):
    one = written(tmp_path / "one.csv", timings("kcl", KCL))
    other = timings("kcl", KCL, dataset="cifar100", **{column: value})
    two = written(tmp_path / "two.csv", other)
    with pytest.raises(UserError, match=rf"two\.csv: {column}: '{value}', but .*one\.csv has"):
        read_timings([one, two])


def test_methods_that_were_not_timed_together_are_not_compared(tmp_path):
    one = written(tmp_path / "one.csv", timings("kcl", KCL))
    two = written(tmp_path / "two.csv", timings("kcl_global", KCL))
    with pytest.raises(UserError, match=r"two\.csv: cifar10 IF 100 is in .*one\.csv already"):
        read_timings([one, two])
