"""A table is read whole, or refused in one line that names the line, the column and the value."""

import pytest

from cogloat.errors import UserError
from cogloat.readers.cells import decimal, listed, optional, whole, within, word
from cogloat.readers.tables import read_table

COLUMNS = {"name": word, "count": within(whole, 1, 100), "mean": optional(decimal)}


def read(folder, text, **options):
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path, COLUMNS, "Make it again.", **options)


@pytest.mark.parametrize(
    "text",
    [
        "name,count,mean\nkcl,1,0.5\n\u00e4,100,\n",
        "name,count,mean\r\nkcl,1,0.5\r\n\u00e4,100,\r\n",
        "\ufeffname,count,mean\nkcl,1,0.5\n\u00e4,100,\n",
        '"name","count","mean"\n"kcl","1","0.5"\n"\u00e4","100",""\n',
    ],
)
def test_lines_are_read_with_their_numbers(tmp_path, text):
    table = read(tmp_path, text)
    assert table.columns == ("name", "count", "mean")
    assert [(row.line, [*row.cells.values()]) for row in table.rows] == [
        (2, ["kcl", 1, 0.5]),
        (3, ["\u00e4", 100, None]),
    ]


def test_cell_over_two_lines_counts_both(tmp_path):
    table = read(tmp_path, 'name,count,mean\n"a\nb",1,\nc,2,\n')
    assert [(row.line, row.cells["name"]) for row in table.rows] == [(2, "a\nb"), (4, "c")]


def test_other_columns_stand_in_any_order_where_they_may(tmp_path):
    table = read(tmp_path, "mean,day,name,count\n,5,a,1\n", others=lambda name: len)
    assert table.rows[0].cells == {"mean": None, "day": 1, "name": "a", "count": 1}


def test_last_line_that_a_person_has_not_ended_is_read(tmp_path):
    assert len(read(tmp_path, "name,count,mean\na,1,", by_hand=True).rows) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no first line with its columns: name, count, mean."),
        ("\n", "has no first line with its columns: name, count, mean."),
        (
            "name,count\n",
            "line 1: the columns must be name, count, mean, but they are 'name', 'count'",
        ),
        (
            "name,mean,count\n",
            "line 1: the columns must be name, count, mean, but they are 'name', ",
        ),
        ("name,count,mean,mean\n", "line 1: the columns must be name, count, mean, but"),
        (
            "Name,count,mean\n",
            "line 1: the columns must be name, count, mean, but they are 'Name',",
        ),
        ("name,count,mean \n", "line 1: the columns must be name, count, mean, but"),
        (
            "name;count;mean\n",
            "line 1: the columns must be name, count, mean, but they are 'name;cou",
        ),
        ("name,count,mean\na,1\n", "line 2: it has 2 cells, the header has 3."),
        ("name,count,mean\na,1,,\n", "line 2: it has 4 cells, the header has 3."),
        ("name,count,mean\na,1,\n\nb,1,\n", "line 3: it is blank."),
        ("name,count,mean\na,1,\n\n", "line 3: it is blank."),
        ("name,count,mean\na,1,0.", "line 2: the file ends within the line."),
        ('name,count,mean\na,1,\n"b,1,\nc,1,\n', "line 3: not CSV: a quote is not closed."),
        ('name,count,mean\n"a"b,1,\n', "line 2: not CSV: something follows a closing quote."),
        (
            f"name,count,mean\n{'a' * 200_000},1,\n",
            "line 2: not CSV: a cell has more than 131072 l",
        ),
        ("name,count,mean\n,1,\n", "line 2: name: the cell is empty."),
        ("name,count,mean\na,,\n", "line 2: count: '' is not a whole number."),
        ("name,count,mean\na, 5,\n", "line 2: count: ' 5' is not a whole number."),
        ("name,count,mean\na,+5,\n", "line 2: count: '+5' is not a whole number."),
        ("name,count,mean\na,1_0,\n", "line 2: count: '1_0' is not a whole number."),
        ("name,count,mean\na,1.0,\n", "line 2: count: '1.0' is not a whole number."),
        ("name,count,mean\na,05,\n", "line 2: count: '05' is not a whole number."),
        ("name,count,mean\na,\u0663,\n", "line 2: count: '\u0663' is not a whole number."),
        (
            f"name,count,mean\na,{'9' * 30},\n",
            f"line 2: count: '{'9' * 30}' has more than 18 digits.",
        ),
        (
            f"name,count,mean\na,{'9' * 5000},\n",
            f"line 2: count: '{'9' * 40}...' has more than 18 d",
        ),
        ("name,count,mean\na,0,\n", "line 2: count: '0' is not at least 1 and at most 100."),
        ("name,count,mean\na,101,\n", "line 2: count: '101' is not at least 1 and at most 100."),
        ("name,count,mean\na,1,nan\n", "line 2: mean: 'nan' is not a number."),
        ("name,count,mean\na,1,inf\n", "line 2: mean: 'inf' is not a number."),
        ("name,count,mean\na,1,1e999\n", "line 2: mean: '1e999' is too large a number."),
        ("name,count,mean\na,1,0x1\n", "line 2: mean: '0x1' is not a number."),
        ("name,count,mean\na,1,1 000\n", "line 2: mean: '1 000' is not a number."),
        ("name,count,mean\na,1,70\u00b10.5\n", "line 2: mean: '70\u00b10.5' is not a number."),
        ("name,count,mean\na,1,\0\n", "line 2: has a NUL byte"),
        (
            "name,count,mean\na,1,\n".encode("utf-16"),
            "the text is UTF-16, not UTF-8. Make it again.",
        ),
        ("name,count,mean\n\u00e4,1,\n".encode("latin-1"), "line 2: byte 0xe4 is not UTF-8"),
    ],
)
def test_what_is_no_such_table_is_named_by_its_line(tmp_path, text, words):
    with pytest.raises(UserError) as told:
        read(tmp_path, text)
    message = str(told.value)
    assert message.startswith(f"{tmp_path / 'table.csv'}: {words}")
    assert message.endswith("Make it again.")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("name,count,day", "line 1: there is no column 'mean'."),
        ("name,count,mean,day,day", "line 1: the column 'day' is there twice."),
        ("name,count,mean,", "line 2: : the cell is empty."),
    ],
)
def test_further_columns_are_named_once(tmp_path, header, words):
    with pytest.raises(UserError, match=words):
        read(tmp_path, f"{header}\na,1,,\n", others=lambda name: word)


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-0", 0), ("-7", -7), ("9" * 18, 10**18 - 1)],
)
def test_whole_numbers(text, value):
    assert whole(text) == value


@pytest.mark.parametrize("value", [0.1 + 0.2, 1e-07, 5e-324, 1.7976931348623157e308, -0.0, 70.0])
def test_every_finite_number_that_python_writes_is_read_back(value):
    assert repr(decimal(repr(value))) == repr(value)


def test_lists_of_numbers():
    assert listed(whole)("0 1  2") == (0, 1, 2)
    assert listed(decimal)("") == ()
    with pytest.raises(ValueError, match="'a' is not a number"):
        listed(decimal)("1 a")
