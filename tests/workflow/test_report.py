"""The report, made of a finished collection and opened in a real browser."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, sync_playwright
from project import Project

pytestmark = pytest.mark.slow

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in BROWSERS if (path := shutil.which(name))), None)
# of Table 2, what Tables 5 and 6 add, and other prototypes, views and global positives
RUNS = 18 + 5 + 3 + 1
TABLES = (
    *("table1", "table2", "table4", "table5", "table6", "gradients", "prototypes", "views"),
    *("prototype_times", "refresh_times", "k_times", "separability", "balance", "groups"),
    *("claims", "machines"),
)
SHOWN = {
    *(f"{name}.html" for name in TABLES),
    *("figure2.png", "frequency_tiny_if10.png", "curves_tiny_if10.png", "temperatures.png"),
    *("confusion_tiny_if10.png", "magnitudes_tiny_if10.png"),
    *("groups_means.png", "k_times_means.png", "prototypes_means.png", "views_means.png"),
    *("prototype_times_means.png", "refresh_times_means.png"),
    *("separability_means.png", "balance_means.png"),
}


@pytest.fixture(scope="module")
def report(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    done = finished.snakemake("--report", str(path))
    assert done.returncode == 0, done.stdout
    return path


@pytest.fixture(scope="module")
def page(report: Path) -> Iterator[Page]:
    """The report in a browser that reaches nothing but the file."""
    if CHROMIUM is None:
        pytest.skip("needs chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(offline=True).new_page()
        page.problems = []
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("console", lambda message: _note(page, message))
        page.goto(report.as_uri())
        page.wait_for_load_state()
        yield page
        browser.close()


def _note(page: Page, message: ConsoleMessage) -> None:
    if message.type == "error":
        page.problems.append(message.text)


def test_first_page_says_what_was_reproduced_and_what_contradicts_itself(page: Page):
    text = page.inner_text("body")
    for title in ("Reproduced", "Not reproduced", "Where the paper's own numbers contradict it"):
        assert title in text
    assert re.search(r"What was run where\n+.*, float32, torch .*, no image: \d+ trainings, ", text)
    found = re.search(r"contradict it \((\d+)\)", text)
    assert found
    assert int(found[1]) > 15
    first = page.locator("strong", has_text="Reproduced").first.bounding_box()
    assert first
    assert first["y"] >= 0  # not above the window, where nothing can scroll to


def test_first_page_has_the_main_table_and_its_figure(page: Page):
    table = page.frame_locator("iframe[title='results/tiny/table2.html']")
    assert table.locator(".short th").last.inner_text() == "Tiny IF 10"
    assert "CoGloAT + ProCo" in table.locator(".short td:first-child").all_inner_texts()
    page.wait_for_function(
        """alt => {
            const image = document.querySelector(`img[alt='${alt}']`);
            return image !== null && image.complete && image.naturalWidth > 200;
        }""",
        arg="results/tiny/figures/curves_tiny_if10.png",
    )


def test_one_click_shows_a_figure_and_another_a_table(page: Page):
    page.get_by_text("frequency_tiny_if10", exact=True).click()
    source = page.locator("img[src^='data:image/png']").get_attribute("src")
    assert source == page.evaluate(
        "results['results/tiny/figures/frequency_tiny_if10.png'].data_uri"
    )
    page.evaluate("app.setView({content: 'rulegraph'})")
    page.get_by_text("table6", exact=True).click()
    assert page.frame_locator("iframe").locator(".long tbody tr").count() == 3
    page.evaluate("app.setView({content: 'rulegraph'})")


def test_table_is_searched_and_sorted(page: Page):
    page.get_by_text("gradients", exact=True).click()
    table = page.frame_locator("iframe")
    rows = table.locator(".long tbody tr:not([hidden])")
    everything = rows.count()
    table.get_by_label("Search").fill("COGLOAT positive")
    found = rows.all_inner_texts()
    assert 0 < len(found) < everything
    assert all("cogloat" in row and "positive" in row for row in found)
    assert f"{len(found)} of {everything} rows." in table.locator("body").inner_text()
    table.get_by_label("Search").fill("")
    table.get_by_text("mean", exact=True).click()
    column = table.locator(".long th").all_inner_texts().index("mean")
    values = table.locator(f".long td:nth-child({column + 1})")
    numbers = [float(text) for text in values.all_inner_texts() if text]
    assert len(numbers) > 10
    assert numbers == sorted(numbers)
    table.get_by_text("mean", exact=True).click()
    numbers = [float(text) for text in values.all_inner_texts() if text]
    assert numbers == sorted(numbers, reverse=True)
    page.evaluate("app.setView({content: 'rulegraph'})")


def test_every_table_and_figure_is_there_and_every_image_has_pixels(page: Page):
    paths = page.evaluate("Object.keys(results)")
    assert {Path(path).name for path in paths} == SHOWN | {"provenance.json"}
    assert sum(path.endswith("provenance.json") for path in paths) == RUNS
    for path in paths:
        page.evaluate("path => app.showResultInfo(path)", path)
        page.wait_for_timeout(100)
        if path.endswith(".png"):
            source = page.evaluate("path => results[path].data_uri", path)
            size = page.evaluate(
                """source => new Promise((resolve, reject) => {
                    const image = new Image();
                    image.onload = () => resolve([image.naturalWidth, image.naturalHeight]);
                    image.onerror = () => reject(new Error("no image"));
                    image.src = source;
                })""",
                source,
            )
            assert min(size) > 200


def test_nothing_went_wrong_in_the_console(page: Page):
    assert page.problems == []


def test_the_report_is_one_file_that_loads_nothing(report: Path):
    text = report.read_text()
    loaded = re.findall(r"""<(?:script|link|img)[^>]+(?:src|href)=["'](https?:[^"']+)""", text)
    assert loaded == []
