"""The page in a real browser against the real service: from a file to a verdict and a report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests import making
from tests.e2e.browsing import OBJECT_URL, WAIT, Watched, missing, served

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Page, expect  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.e2e]
TOKEN = "a-token-for-the-page-0001"
SCREENS = ("verify", "result", "history", "compare", "system")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("service")
    with served(folder, processes=1, job_processes=1, rate_limit="100000/minute") as address:
        yield address


@pytest.fixture
def watched(browser: Browser, service: str) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", accept_downloads=True)
    page = Watched(context, service)
    yield page
    context.close()
    page.check()


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph in which one area was copied over another."""
    image = making.photo(900, 700, seed=3)
    image[380:560, 560:780] = image[120:300, 100:320]
    path = tmp_path_factory.mktemp("media") / "harbour.jpg"
    path.write_bytes(making.encoded(image, quality=93))
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("media") / "speech.mp4"
    making.film(path, seconds=6.0, size=(320, 240), fps=25)
    return path


def saved(page: Page, button: str) -> tuple[str, bytes]:
    with page.expect_download(timeout=WAIT) as download:
        page.locator(".download", has_text=button).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def test_picture_from_upload_to_report(watched: Watched, picture: Path) -> None:
    page = watched.open()
    expect(page.locator(".privacy")).to_contain_text("24 hours")
    watched.hand_in(picture)
    expect(page.get_by_role("progressbar")).to_have_count(1)
    card = watched.done("harbour.jpg")
    verdict = card.locator(".chip").inner_text()
    assert verdict in {"Likely authentic", "Inconclusive", "Suspicious", "Likely manipulated"}

    card.get_by_role("link").click()
    expect(page.locator("h1")).to_contain_text("harbour.jpg")
    expect(page.locator(".verdict .chip")).to_have_text(verdict)
    assert page.locator(".finding").count() >= 5
    for sentence in page.locator(".finding-words").all_text_contents():
        assert sentence.strip(), "a method does not say what it measured, or why it did not"

    # the viewer shows the browser's own copy, and says how it is scaled
    expect(page.locator(".plane img").first).to_have_attribute("src", OBJECT_URL)
    expect(page.locator(".stage-status")).to_contain_text(
        "1:1" if page.locator(".scale").inner_text() == "100 %" else "fit"
    )
    stage = page.locator(".stage")
    stage.focus()
    page.keyboard.press("1")
    expect(page.locator(".scale")).to_have_text("100 %")
    page.keyboard.press("+")
    expect(page.locator(".scale")).to_have_text("200 %")
    expect(page.locator(".plane img").first).to_have_class("pixelated")
    page.keyboard.press("0")

    # layers, split and magnifier
    page.get_by_role("tab", name="Noise").click()
    page.locator(".layer-choice").nth(1).click()
    expect(page.locator(".plane img.over")).to_be_visible()
    page.get_by_role("button", name="Split: picture").click()
    divider = page.get_by_role("slider", name="Split line")
    divider.focus()
    page.keyboard.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "52")
    page.get_by_role("button", name="Magnify").click()
    box = stage.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator(".loupe")).to_contain_text("R ")

    # the report to keep
    name, document = saved(page, "JSON")
    report = json.loads(document)
    assert name == "harbour.veriscope.json"
    assert report["overallAssessment"]["label"].lower() == verdict.lower()
    name, document = saved(page, "HTML")
    assert document.lstrip().lower().startswith(b"<!doctype html")
    assert report["sha256"].encode() in document
    name, document = saved(page, "PDF")
    assert (name, document[:5]) == ("harbour.veriscope.pdf", b"%PDF-")


def test_film_from_upload_to_report(watched: Watched, film: Path) -> None:
    page = watched.open()
    watched.hand_in(film)
    expect(page.locator(".card [role=progressbar][aria-valuenow]")).to_have_count(1)
    card = watched.done("speech.mp4")
    assert any(url.endswith("/events") for url in watched.requested), "progress did not come as events"

    card.get_by_role("link").click()
    video = page.locator("video")
    expect(video).to_be_visible()
    expect(page.locator(".time-now")).to_have_text("0:00.0 / 0:06.0")
    page.get_by_role("button", name="One frame on").click()
    page.get_by_role("button", name="One frame on").click()
    expect(page.get_by_text("frame 2", exact=True)).to_be_visible()
    page.get_by_role("slider", name="Position in time").fill("3")
    expect(page.locator(".time-now")).to_contain_text("0:03.0 /")
    expect(page.locator(".still").first).to_be_visible()
    page.locator(".still").last.click()
    expect(page.locator(".still").last).to_have_attribute("aria-current", "true")
    name, document = saved(page, "PDF")
    assert (name, document[:5]) == ("speech.veriscope.pdf", b"%PDF-")


def test_sound_and_text(watched: Watched, tmp_path: Path) -> None:
    sound = tmp_path / "voice.wav"
    sound.write_bytes(making.wav(making.tone(4.0)))
    page = watched.open()
    watched.hand_in(sound)
    watched.done("voice.wav").get_by_role("link").click()
    expect(page.get_by_role("img", name="Waveform")).to_be_visible()
    expect(page.get_by_role("img", name="Spectrogram")).to_be_visible()

    watched.open()
    typed = page.get_by_label("Or a link or a text")
    typed.fill("https://example.org/x.jpg")
    expect(page.locator("#typed-as")).to_contain_text("fetched")
    typed.fill("Share this now 🙂: the min\u200bister said nothing about it. " * 8)
    expect(page.locator("#typed-as")).to_contain_text("read as text")
    page.get_by_role("button", name="Examine").click()
    watched.done("Share this now").get_by_role("link").click()
    expect(page.locator(".text-body")).to_contain_text("Share this now")


def test_a_bad_file_says_why_and_can_be_tried_again(browser: Browser, service: str, tmp_path: Path) -> None:
    context = browser.new_context(locale="en-GB")
    watched = Watched(context, service)
    page = watched.open()
    empty = tmp_path / "empty.jpg"
    empty.write_bytes(b"")
    watched.hand_in(empty)
    card = page.locator(".card", has_text="empty.jpg")
    expect(card.get_by_role("alert")).to_contain_text("empty_input")
    assert card.locator(".problem-hint").inner_text()
    expect(card.get_by_role("button", name="Try again")).to_be_visible()
    page.goto(f"{service}/#/result/nothing")
    expect(page.get_by_role("alert")).to_contain_text("not_found")
    watched.check(allowed=("400", "404"))  # the browser itself reports refused requests
    context.close()


def test_history_and_comparison(watched: Watched, picture: Path, tmp_path: Path) -> None:
    other = tmp_path / "harbour-small.png"
    other.write_bytes(making.encoded(cv2.resize(making.photo(900, 700, seed=3), (450, 350)), "PNG"))
    page = watched.open()
    watched.hand_in(picture, other)
    watched.done("harbour.jpg")
    watched.done("harbour-small.png")
    page.get_by_role("link", name="History").click()
    page.get_by_label("Name or SHA-256").fill("harbour-small")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Name or SHA-256").fill("no such thing")
    expect(page.get_by_text("No result matches")).to_be_visible()
    page.get_by_role("button", name="Clear the search").click()
    for name in ("harbour.jpg", "harbour-small.png"):
        page.get_by_role("checkbox", name=f"Choose {name}").first.check()
    page.get_by_role("button", name="Compare side by side").click()
    expect(page.locator(".side")).to_have_count(2)
    expect(page.locator("h1")).to_have_text("Two results side by side")


def test_keyboard_language_and_theme(watched: Watched) -> None:
    page = watched.open()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_label("Language").select_option("vi")
    expect(page.locator("html")).to_have_attribute("lang", "vi")
    expect(page.locator("h1")).to_have_text("Bạn muốn kiểm tra gì?")
    page.get_by_role("button", name="Màu sắc").click()
    page.get_by_role("button", name="Màu sắc").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("lang", "vi")


def test_it_asks_once_for_the_token(browser: Browser, tmp_path: Path, picture: Path) -> None:
    with served(tmp_path, tokens=[TOKEN], processes=1, job_processes=1) as address:
        context = browser.new_context(locale="en-GB")
        watched = Watched(context, address)

        # The page itself is behind the token too; a browser asks for that one by itself. Only the calls of the page
        # to the service go out as they are.
        def let_in(route: Any) -> None:
            called = any(part in route.request.url for part in ("/api/", "/health"))
            route.continue_(headers=route.request.headers | ({} if called else {"authorization": f"Bearer {TOKEN}"}))

        context.route("**/*", let_in)
        page = watched.open()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        page.get_by_label("Token", exact=True).fill("not the token at all")
        page.keyboard.press("Enter")
        expect(dialog.get_by_text("does not accept")).to_be_visible()
        page.get_by_label("Token", exact=True).fill(TOKEN)
        page.keyboard.press("Enter")
        expect(dialog).to_have_count(0)
        expect(page.locator(".privacy")).to_contain_text("24 hours")
        watched.hand_in(picture)
        watched.done("harbour.jpg").get_by_role("link").click()
        expect(page.locator(".verdict")).to_be_visible()
        page.get_by_role("tab", name="Noise").click()
        page.locator(".layer-choice").nth(1).click()
        expect(page.locator(".plane img.over")).to_be_visible()
        watched.check(allowed=("401",))
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 360])
def test_every_screen_is_drawn(
    browser: Browser, service: str, picture: Path, tmp_path: Path, scheme: Any, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, locale="en-GB")
    watched = Watched(context, service)
    page = watched.open()
    watched.hand_in(picture)
    watched.done("harbour.jpg")
    answer = page.request.get(f"{service}/api/v1/analyses?limit=1").json()
    identifier = answer["items"][0]["analysisId"]
    routes = {
        "verify": "#/",
        "result": f"#/result/{identifier}",
        "history": "#/history",
        "compare": f"#/compare/{identifier}/{identifier}",
        "system": "#/system",
    }
    for name in SCREENS:
        page.goto(f"{service}/{routes[name]}")
        expect(page.locator("h1")).to_be_visible()
        expect(page.locator(".skeleton, .stage-wait")).to_have_count(0, timeout=WAIT)
        page.wait_for_timeout(200)
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{name} is {overflow} px too wide at {width} px"
        path = tmp_path / f"{name}-{scheme}-{width}.png"
        page.screenshot(path=path, full_page=True)
        image = cv2.imread(str(path))
        assert image is not None
        ground = np.bincount(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).ravel(), minlength=256)
        assert int(ground.argmax()) > 200 if scheme == "light" else int(ground.argmax()) < 60, "the wrong theme"
        assert (ground > 0).sum() > 60, "nearly nothing is drawn"
        assert image.std() > 8, "the screen is blank"
    watched.check()
    context.close()


def test_the_shell_opens_without_the_network(browser: Browser, service: str) -> None:
    context = browser.new_context(locale="en-GB")
    watched = Watched(context, service)
    page = watched.open()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    kept = page.evaluate(
        "caches.keys().then((names) => caches.open(names[0])).then((cache) => cache.keys())"
        ".then((all) => all.map((request) => request.url))"
    )
    assert any(url.endswith(".js") for url in kept)
    assert not [url for url in kept if "/api/" in url or "/health" in url]
    context.set_offline(True)
    page.reload()
    expect(page.locator("h1")).to_have_text("What do you want to examine?")
    context.close()


def test_script_stays_small() -> None:
    """What is loaded before the viewer: under 250 kB of script, uncompressed."""
    folder = Path(str(files("veriscope"))) / "web"
    if not folder.is_dir():
        missing("the page is not built: make page")
    index = (folder / "index.html").read_text()
    scripts = [path for path in (folder / "assets").glob("*.js") if path.name in index]
    assert scripts
    assert sum(path.stat().st_size for path in scripts) < 250_000
    assert "//" not in index.replace("<!doctype", "")
