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
SHOWN = {
    *("table1.csv", "table2.csv", "table4.csv", "table5.csv", "table6.csv", "claims.csv"),
    *("figure2.png", "frequency_tiny_if10.png", "curves_tiny_if10.png", "temperatures.png"),
    *("confusion_tiny_if10.png", "magnitudes_tiny_if10.png"),
    *("gradients.csv", "prototypes.csv", "prototype_times.csv", "refresh_times.csv", "views.csv"),
    *("separability.csv", "balance.csv", "groups.csv", "k_times.csv"),
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
    found = re.search(r"contradict it \((\d+)\)", text)
    assert found
    assert int(found[1]) > 15
    first = page.locator("strong", has_text="Reproduced").first.bounding_box()
    assert first
    assert first["y"] >= 0  # not above the window, where nothing can scroll to


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
