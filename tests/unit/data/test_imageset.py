"""What is said of a split and a store that do not belong together, or are too large."""

from pathlib import Path

import pytest
import torch
from artefacts import CONFIG, store_and_split

from cogloat.data.imageset import load_test_set, load_training_set
from cogloat.errors import UserError, explain
from cogloat.runs.load import run_config

CPU = torch.device("cpu")
DATA = run_config(CONFIG, "digits", 60, "ce", 0, "train").data


def replaced(folder: Path, line: int, text: str) -> Path:
    """Replace a line of the split, counted from 1."""
    split = folder / "split.csv"
    lines = split.read_text().splitlines()
    lines[line - 1] = text
    split.write_text("\n".join(lines) + "\n")
    return split


@pytest.mark.parametrize("index", [600, 2**40])
def test_index_that_is_no_image_is_named_with_its_line(tmp_path, index):
    store_and_split(tmp_path)
    split = replaced(tmp_path, 7, f"{index},0")
    with pytest.raises(UserError) as caught:
        load_training_set(tmp_path / "store", split, DATA, CPU)
    assert f"there is no image {index} among its 600, numbered from 0; line 7" in str(caught.value)


def test_label_that_is_not_the_stores_is_named_with_its_line(tmp_path):
    store_and_split(tmp_path)
    split = replaced(tmp_path, 7, "5,3")
    with pytest.raises(UserError) as caught:
        load_training_set(tmp_path / "store", split, DATA, CPU)
    assert (
        f"{split}: its labels are not those of {tmp_path / 'store'}: line 7 has 3, but it is 0"
        in (str(caught.value))
    )


def test_lack_of_memory_names_what_is_loaded(tmp_path, monkeypatch):
    store_and_split(tmp_path)

    def too_much(*_):
        raise MemoryError("Unable to allocate 600. GiB")

    monkeypatch.setattr("cogloat.data.imageset.load_split_images", too_much)
    with pytest.raises(MemoryError) as training:
        load_training_set(tmp_path / "store", tmp_path / "split.csv", DATA, CPU)
    with pytest.raises(MemoryError) as test:
        load_test_set(tmp_path / "store", DATA, CPU)
    said = [str(explain(caught.value)) for caught in (training, test)]
    assert f"while loading 245 training images from {tmp_path / 'store'}. Use a GPU" in said[0]
    assert f"while loading the test images from {tmp_path / 'store'}. Use a GPU" in said[1]
    assert not any("batch_size" in text for text in said)
