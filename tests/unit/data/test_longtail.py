import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts import run

from cogloat.data.longtail import class_counts, draw, hold_out, read_split, write_split
from cogloat.errors import UserError

CIFAR10_100 = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]


@pytest.mark.parametrize(
    ("n_max", "classes", "factor", "total", "first", "last"),
    [
        (5000, 10, 100, 12_406, [5000, 2997, 1796], [139, 83, 50]),
        (5000, 10, 50, 13_996, [5000, 3237, 2096], [238, 154, 100]),
        (5000, 10, 10, 20_431, [5000, 3871, 2997], [834, 645, 500]),
        (500, 100, 100, 10_847, [500, 477, 455], [5, 5, 5]),
        (500, 100, 50, 12_608, [500, 480, 462], [10, 10, 10]),
        (500, 100, 10, 19_573, [500, 488, 477], [52, 51, 50]),
    ],
)
def test_published_counts(n_max, classes, factor, total, first, last):
    counts = class_counts(n_max, classes, factor)
    assert sum(counts) == total
    assert (counts[:3], counts[-3:]) == (first, last)


@given(n_max=st.integers(100, 5000), classes=st.integers(2, 100), factor=st.integers(1, 100))
def test_counts_fall_from_n_max_to_n_max_over_the_factor(n_max, classes, factor):
    counts = class_counts(n_max, classes, factor)
    assert counts[0] == n_max
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == n_max // factor


@given(n_max=st.integers(1, 5000), classes=st.integers(2, 100))
def test_a_factor_can_be_as_large_as_the_largest_class(n_max, classes):
    for factor in (n_max, f"step{n_max}"):
        assert class_counts(n_max, classes, factor)[-1] == 1


@pytest.mark.parametrize("factor", [101, 1000, "step101"])
def test_factor_that_empties_a_class_is_refused(factor):
    with pytest.raises(UserError, match=r"factor up to 100, or 'natural' for the data as they are"):
        class_counts(100, 10, factor)


@pytest.mark.parametrize(
    ("classes", "expected"), [(4, [60, 60, 6, 6]), (5, [60, 60, 60, 6, 6]), (2, [60, 6])]
)
def test_a_step_has_a_large_and_a_small_half(classes, expected):
    assert class_counts(60, classes, "step10") == expected


@pytest.mark.parametrize("factor", [1, "step1"])
def test_factor_one_is_balanced(factor):
    assert class_counts(7, 3, factor) == [7, 7, 7]


def test_drawing_is_that_of_numpy_seeded_globally_and_shuffled_class_by_class():
    labels = np.random.RandomState(1).permutation(np.arange(10).repeat(5000))
    chosen = draw(labels, 100, seed=0)
    np.random.seed(0)
    expected = []
    for label, count in enumerate(CIFAR10_100):
        own = np.where(labels == label)[0]
        np.random.shuffle(own)
        expected += own[:count].tolist()
    assert chosen.tolist() == expected


def test_drawing_leaves_the_global_generator_alone_and_does_not_depend_on_it():
    labels = np.arange(10).repeat(50)
    np.random.seed(1)
    first = draw(labels, 10, seed=0)
    state = np.random.get_state()[1].tolist()
    np.random.seed(2)
    assert draw(labels, 10, seed=0).tolist() == first.tolist()
    np.random.seed(1)
    assert np.random.get_state()[1].tolist() == state
    assert draw(labels, 10, seed=1).tolist() != first.tolist()


@pytest.mark.parametrize("factor", [2, "natural"])
def test_class_without_an_image_in_the_data_is_named(factor):
    with pytest.raises(UserError, match="class 1 has no image"):
        draw(np.array([0, 0, 2, 2, 2]), factor, seed=0)


def test_natural_data_are_taken_whole():
    labels = np.random.RandomState(0).permutation(np.repeat([0, 1, 2], [40, 12, 1]))
    assert draw(labels, "natural", seed=0).tolist() == list(range(53))
    assert draw(labels, "natural", 0, np.array([5, 9])).tolist() == sorted({*range(53)} - {5, 9})


def test_a_part_is_held_out_of_every_class_and_of_every_drawing():
    labels = np.random.RandomState(0).permutation(np.arange(4).repeat(30))
    held_out = hold_out(labels, 5, seed=0)
    assert np.bincount(labels[held_out]).tolist() == [5, 5, 5, 5]
    assert hold_out(labels, 5, seed=0).tolist() == held_out.tolist()
    assert hold_out(labels, 5, seed=1).tolist() != held_out.tolist()
    for factor in (5, "step5", "natural"):
        drawn = draw(labels, factor, 0, held_out)
        assert not set(drawn) & set(held_out)
        assert np.bincount(labels[drawn])[0] == 25


def test_a_part_that_would_leave_nothing_of_a_class_is_refused():
    with pytest.raises(UserError, match=r"class 2 would leave none to train on. Use at most 3"):
        hold_out(np.repeat([0, 1, 2], [40, 12, 4]), 4, seed=0)


def test_split_survives_the_disk(tmp_path):
    labels = np.arange(3).repeat(10)
    indices = draw(labels, 5, seed=0)
    write_split(tmp_path / "if5.csv", indices, labels[indices])
    read_indices, read_labels = read_split(tmp_path / "if5.csv")
    assert read_indices.tolist() == indices.tolist()
    assert read_labels.tolist() == labels[indices].tolist()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no first line with its columns: index, label."),
        ("a,b\n1,0\n", "line 1: the columns must be index, label, but they are 'a', 'b'."),
        ("label,index\n0,1\n", "line 1: the columns must be index, label, but they are 'label'"),
        ("index,label\n", "class 0 has no image."),
        ("index,label\n0,0\n1,2\n2,2\n", "class 1 has no image."),
        ("index,label\n1\n", "line 2: it has 1 cells, the header has 2."),
        ("index,label\n1,x\n", "line 2: label: 'x' is not a whole number."),
        ("index,label\n1.0,0\n", "line 2: index: '1.0' is not a whole number."),
        ("index,label\n-3,0\n", "line 2: index: '-3' is not at least 0."),
        ("index,label\n1,-1\n", "line 2: label: '-1' is not at least 0."),
        ("index,label\n7,0\n8,0\n7,0\n", "line 4: image 7 is in line 2 already."),
        (
            "index,label\n0,0\n1,1000000000000000\n",
            "line 3: label 1000000000000000, but there are 2",
        ),
        (f"index,label\n0,{'9' * 30}\n", f"line 2: label: '{'9' * 30}' has more than 18 digits."),
        ("index,label\n0,0\n5,1", "line 3: the file ends within the line."),
        ("\0", "line 1: has a NUL byte"),
    ],
)
def test_file_that_is_no_split_is_named_with_the_line(tmp_path, text, message):
    path = tmp_path / "split.csv"
    path.write_text(text)
    with pytest.raises(UserError) as told:
        read_split(path)
    assert str(told.value).startswith(f"{path}: {message}")


def test_split_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match=r"split\.csv: no such file\. Make it with src/split\.py"):
        read_split(tmp_path / "split.csv")


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        (
            "0.5",
            "argument --factor: an imbalance factor is a whole number of at least 1, 'step' with "
            "such a number (step100), or 'natural', but it is '0.5'. Change the value.",
        ),
        ("1000", "imbalance factor 1000: the smallest class would have less than one image"),
        ("step51", "imbalance factor step51: the smallest class"),
    ],
)
def test_script_ends_in_one_message_and_writes_nothing(tmp_path, factor, message):
    np.save(tmp_path / "labels.npy", np.arange(10).repeat(50))
    done = run(
        *("split.py", "--labels", tmp_path / "labels.npy", "--factor", factor),
        *("--seed", 0, "--output", tmp_path / "split.csv"),
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "split.csv").exists()
