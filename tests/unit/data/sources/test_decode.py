"""Pixels: those of 8-bit files stay to the bit, others are converted or refused with the reason."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cogloat.data.sources.decode import decode
from cogloat.data.sources.listing import ImageFile
from cogloat.errors import UserError

DRAW = np.random.default_rng(0)
COLOUR = DRAW.integers(0, 256, (8, 8, 3), dtype=np.uint8)
GREY = COLOUR[:, :, 0]
GREY_16 = GREY.astype(np.uint16) * 257
ALPHA = DRAW.integers(0, 256, (8, 8), dtype=np.uint8)


def decoded(*paths: Path, size=8, background=255):
    problems: list[UserError] = []
    files = [ImageFile(path.name, str(path), 0, path.stat().st_size, 0) for path in paths]
    result = decode(files, size, background, 2, "train", problems)
    return result, problems


def pixels(path: Path, size=8, background=255) -> np.ndarray:
    result, problems = decoded(path, size=size, background=background)
    assert not problems
    return result.images_NCHW[0].transpose(1, 2, 0)


def refused(path: Path) -> str:
    _, problems = decoded(path)
    assert len(problems) == 1
    message = str(problems[0])
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def saved(folder: Path, image: Image.Image | np.ndarray, suffix: str, **options) -> Path:
    path = folder / f"image{suffix}"
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(path, **options)
    return path


def png_of_size(path: Path, width: int, height: int) -> Path:
    """Write a PNG of one bit a pixel, of which there is no data."""
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
    ):
        content += struct.pack(">I", len(data)) + kind + data
        content += struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(content)
    return path


# --- 8 bits ---


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        *(("RGB", suffix) for suffix in (".png", ".bmp", ".ppm", ".tif", ".jpg", ".webp")),
        *(("L", suffix) for suffix in (".png", ".bmp", ".pgm", ".tif", ".jpg", ".gif")),
        *(("P", ".png"), ("P", ".gif"), ("P", ".bmp"), ("P", ".tif")),
        *(("1", ".png"), ("1", ".pbm"), ("1", ".tif")),
        *(("CMYK", ".jpg"), ("CMYK", ".tif"), ("YCbCr", ".tif"), ("RGBA", ".png"), ("LA", ".png")),
    ],
)
@pytest.mark.parametrize("shape", [(8, 8), (9, 30), (40, 11)])
def test_opaque_8_bit_files_are_as_pillow_shows_them_scaled_and_cropped(
    tmp_path, mode, suffix, shape
):
    image = Image.fromarray(DRAW.integers(0, 256, (*shape, 3), dtype=np.uint8)).convert(mode)
    path = saved(tmp_path, image, suffix)
    with Image.open(path) as file:
        expected = file.convert("RGB")
    if shape != (8, 8):
        scale = 8 / min(expected.size)
        width, height = (max(8, round(side * scale)) for side in expected.size)
        left, top = (width - 8) // 2, (height - 8) // 2
        expected = expected.resize((width, height), Image.Resampling.BILINEAR)
        expected = expected.crop((left, top, left + 8, top + 8))
    assert np.array_equal(pixels(path), np.asarray(expected))
    odd = {"CMYK": [path.name]} if mode == "CMYK" else {}
    assert decoded(path)[0].converted == odd
    assert decoded(path)[0].sizes_N2.tolist() == [[*reversed(shape)]]


def test_photograph_with_a_second_picture_is_its_first(tmp_path):
    pictures = [Image.fromarray(COLOUR), Image.fromarray(COLOUR[::-1])]
    path = saved(
        tmp_path, pictures[0], ".jpg", format="MPO", save_all=True, append_images=pictures[1:]
    )
    with Image.open(path) as file:
        assert (file.format, file.n_frames) == ("MPO", 2)
        expected = np.asarray(file.convert("RGB"))
    assert np.array_equal(pixels(path), expected)


def test_long_image_is_cropped_before_it_is_scaled(tmp_path, monkeypatch):
    areas = []
    resize = Image.Image.resize

    def recorded(image, size, *more):
        areas.append(size[0] * size[1])
        return resize(image, size, *more)

    monkeypatch.setattr(Image.Image, "resize", recorded)
    strip = np.zeros((20000, 2), np.uint8)
    strip[9999:10001] = 200
    path = saved(tmp_path, strip, ".png")
    assert (pixels(path, size=64)[16:48] == 200).all()
    assert areas == [64 * 64]


# --- 16 bits ---


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_16_bit_grey_is_scaled(tmp_path, suffix):
    path = saved(tmp_path, GREY_16, suffix)
    assert np.array_equal(pixels(path), np.repeat(GREY[:, :, None], 3, 2))
    assert decoded(path)[0].converted == {"16 bits": [path.name]}


def test_16_bit_grey_of_the_other_byte_order_is_scaled(tmp_path):
    image = Image.frombytes("I;16B", (8, 8), GREY_16.astype(">u2").tobytes())
    assert np.array_equal(pixels(saved(tmp_path, image, ".tif"))[:, :, 0], GREY)


@pytest.mark.parametrize("kind", [2, 5])  # as text, as bytes
def test_grey_of_any_depth_that_its_file_names_is_scaled(tmp_path, kind):
    levels = [0, 250, 500, 1000]
    content = " ".join(map(str, levels)).encode()
    if kind == 5:
        content = np.array(levels, ">u2").tobytes()
    path = tmp_path / "deep.pgm"
    path.write_bytes(b"P%d\n2 2\n1000\n" % kind + content)
    assert pixels(path, size=2)[:, :, 0].ravel().tolist() == [0, 64, 128, 255]


def test_every_16_bit_level_goes_to_the_nearest(tmp_path):
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = np.rint(levels / 257).astype(np.uint8)
    assert np.array_equal(pixels(saved(tmp_path, levels, ".png"), size=256)[:, :, 1], expected)


# --- transparency ---


def over(colour: np.ndarray, alpha: np.ndarray, background: int) -> np.ndarray:
    share = alpha[:, :, None] / 255
    return colour * share + background * (1 - share)


@pytest.mark.parametrize("background", [255, 0, 77])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp"])
def test_alpha_shows_the_background(tmp_path, background, suffix):
    path = saved(tmp_path, np.dstack([COLOUR, ALPHA]), suffix, **LOSSLESS.get(suffix, {}))
    found = pixels(path, background=background).astype(int)
    assert np.abs(found - over(COLOUR, ALPHA, background)).max() <= 1
    assert decoded(path)[0].converted == {"transparency": [path.name]}


LOSSLESS = {".webp": {"lossless": True, "exact": True}}


@pytest.mark.parametrize(
    ("image", "options", "level"),
    [
        (Image.fromarray(np.dstack([GREY, 0 * GREY]), "LA"), {}, None),
        (Image.fromarray(GREY), {"transparency": 7}, 7),
        (Image.fromarray(np.repeat(GREY[:, :, None], 3, 2)), {"transparency": (7, 7, 7)}, 7),
        (Image.fromarray(GREY).convert("P"), {"transparency": 7}, 7),
        (Image.fromarray(GREY).convert("P"), {"transparency": bytes([255] * 7 + [0])}, 7),
    ],
    ids=["LA", "level", "colour", "palette", "palette's alpha"],
)
def test_transparent_levels_show_the_background(tmp_path, image, options, level):
    grey = np.asarray(image.convert("L")).copy()
    grey[0, 0] = 7
    if image.mode != "LA":
        image.putpixel((0, 0), (7, 7, 7) if image.mode == "RGB" else 7)
    found = pixels(saved(tmp_path, image, ".png", **options), background=200)
    expected = np.full_like(grey, 200) if level is None else np.where(grey == level, 200, grey)
    assert np.array_equal(found[:, :, 0], expected)


# --- what gives no image ---

TWO = [Image.fromarray(COLOUR), Image.fromarray(COLOUR[::-1].copy())]
LONG = np.arange(64, dtype=np.int32).reshape(8, 8) * 10_000
SECOND = {"save_all": True, "append_images": TWO[1:]}
UNREADABLE = "unreadable image (damaged, or none of JPEG, PNG, BMP, PPM, GIF, TIFF and WebP)."
FRAMES = "has 2 frames or pages, and one is needed. Save each as a file."
FLOATS = "its pixels are floating-point numbers, which have no certain place"
LONGS = "its pixels are 32-bit or signed integers, which have no certain place"


@pytest.mark.parametrize(
    ("image", "suffix", "options", "words"),
    [
        (TWO[0], ".gif", SECOND, FRAMES),
        (TWO[0], ".png", SECOND, FRAMES),
        (TWO[0], ".webp", SECOND | {"lossless": True}, FRAMES),
        (TWO[0], ".tif", SECOND, FRAMES),
        (GREY.astype(np.float32) / 255, ".tif", {}, FLOATS),
        (GREY.astype(np.float32) / 255, ".ppm", {"format": "PPM"}, FLOATS),
        (LONG, ".tif", {}, LONGS),
        (GREY.astype(np.int32), ".tif", {}, LONGS),
        (Image.new("LAB", (8, 8)), ".tif", {}, "its pixels are of the kind LAB, which have no"),
        (GREY_16, ".tif", {"tiffinfo": {262: 0}}, "is a TIFF of 12 bits, or with white as 0. Save"),
        (
            GREY_16,
            ".png",
            {"transparency": 257},
            "is 16-bit grey with a transparent level. Save it",
        ),
        (TWO[0], ".eps", {}, UNREADABLE),
        (TWO[0], ".ico", {}, UNREADABLE),
        (TWO[0], ".pdf", {}, UNREADABLE),
    ],
)
def test_what_gives_no_8_bit_image_is_refused(tmp_path, image, suffix, options, words):
    path = saved(tmp_path, image, suffix, **options)
    assert words in refused(path)
    assert words in refused(path.rename(tmp_path / "renamed.png"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "unreadable image (the file is empty). Replace or remove it."),
        (b"\x89PNG not a picture", UNREADABLE),
        (b"<!DOCTYPE html><html>", UNREADABLE),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UNREADABLE),
        (b"version https://git-lfs.github.com/spec/v1\n", UNREADABLE),
        (b"P5\n0 8\n255\n", "unreadable image"),
        (b"P5\n8 8\n255\n123", "unreadable image"),
        (b"GIF89a\x08\x00", "unreadable image"),
    ],
)
def test_file_that_is_no_image_is_refused(tmp_path, content, words):
    path = tmp_path / "x.png"
    path.write_bytes(content)
    assert words in refused(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".gif", ".tif", ".bmp", ".webp", ".ppm"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_file_is_refused(tmp_path, suffix, share):
    noise = DRAW.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    path = saved(tmp_path, noise, suffix)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "unreadable image (" in refused(path)


@pytest.mark.parametrize("side", [9_500, 20_000])  # Pillow warns of the one, refuses the other
def test_image_beyond_pillows_limit_is_named(tmp_path, side, recwarn):
    path = png_of_size(tmp_path / "large.png", side, side)
    assert "has more than 89,478,485 pixels, Pillow's limit. Scale it down" in refused(path)
    assert not recwarn.list


def test_file_that_is_gone_is_named(tmp_path):
    path = saved(tmp_path, COLOUR, ".png")
    file = ImageFile("image.png", str(path), 0, 1, 0)
    path.unlink()
    problems: list[UserError] = []
    decode([file], 8, 255, 1, "train", problems)
    assert [str(problem) for problem in problems] == [
        f"{path}: unreadable image (No such file or directory). Replace or remove it."
    ]


def test_all_bad_files_are_found_in_their_order_and_the_good_ones_are_read(tmp_path):
    paths = []
    for number in range(9):
        (tmp_path / str(number)).mkdir()
        paths.append(saved(tmp_path / str(number), COLOUR, ".png"))
        if number % 2:
            paths[-1].write_bytes(b"")
    result, problems = decoded(*paths)
    assert [str(problem).partition(": ")[0] for problem in problems] == [
        str(p) for p in paths[1::2]
    ]
    assert np.array_equal(result.images_NCHW[8].transpose(1, 2, 0), COLOUR)
