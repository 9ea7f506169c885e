"""Protect in a real browser against the real service: from a file to its safe copy."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.e2e.browsing import OBJECT_URL, WAIT, Watched, served
from tests.making import encoded, tone, wav
from tests.people import film_of_one, two_people

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Locator, Page, expect  # noqa: E402

pytestmark = [pytest.mark.browser, pytest.mark.e2e]
BLACK = 12


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("protecting")
    with served(folder, processes=1, job_processes=1, rate_limit="100000/minute") as address:
        yield address


@pytest.fixture
def watched(browser: Browser, service: str) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", accept_downloads=True)
    page = Watched(context, service)
    yield page
    context.close()
    page.check()


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("people") / "meeting.jpg"
    path.write_bytes(encoded(two_people(), quality=92))
    return path


def choose(page: Page, *wanted: str) -> None:
    """Only these kinds are to be removed."""
    for name in ("Faces", "Number plates", "Personal data in text", "Spoken personal data"):
        page.get_by_role("checkbox", name=name).set_checked(name in wanted)


def check_plan(page: Page, name: str) -> None:
    page.get_by_role("link", name=f"Check the plan: {name}").click(timeout=WAIT)
    expect(page.locator(".plan-list .track").first).to_be_visible()


def place(box: Locator) -> tuple[float, float, float, float]:
    found = box.bounding_box()
    assert found is not None
    return found["x"], found["y"], found["width"], found["height"]


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    page.mouse.move(*end)
    page.mouse.up()


def plan_of(page: Page, service: str) -> dict[str, Any]:
    """As the service has it, once the page says that it is saved."""
    expect(page.locator(".finish [role=status]")).to_have_text("Saved", timeout=WAIT)
    identifier = page.url.rsplit("/", 1)[-1]
    plan: dict[str, Any] = page.request.get(f"{service}/api/v1/redactions/{identifier}/plan").json()
    return plan


def safe_file(page: Page) -> tuple[str, bytes]:
    page.get_by_role("button", name="Make the safe file").click()
    expect(page.get_by_role("heading", name="Second look")).to_be_visible(timeout=WAIT)
    with page.expect_download(timeout=WAIT) as download:
        page.get_by_role("link", name="Download the safe copy").click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def inside(image: NDArray[np.uint8], box: dict[str, float]) -> NDArray[np.uint8]:
    """The middle of a box."""
    x, y, w, h = (int(box[name]) for name in ("x", "y", "width", "height"))
    return image[y + h // 4 : y + 3 * h // 4, x + w // 4 : x + 3 * w // 4]


def test_a_picture_from_upload_to_safe_copy(watched: Watched, service: str, picture: Path) -> None:
    page = watched.open("#/protect")
    expect(page.get_by_role("checkbox", name="Look first")).to_be_checked()
    choose(page, "Faces")
    page.get_by_label("How to cover: Faces").select_option("Blur")
    expect(page.get_by_text("can be made readable again")).to_be_visible()
    page.get_by_label("How to cover: Faces").select_option("Cover solid")
    watched.hand_in(picture)
    check_plan(page, "meeting.jpg")

    # the plan lies over the browser's own copy; a press keeps one of the two
    expect(page.locator(".plane img")).to_have_attribute("src", OBJECT_URL)
    expect(page.locator(".cover")).to_have_count(2)
    left = min((page.locator(".cover").nth(i) for i in range(2)), key=lambda box: place(box)[0])
    left.click()
    expect(page.locator(".cover-off")).to_have_count(1)
    expect(page.get_by_role("switch", checked=False)).to_have_count(1)
    expect(page.locator(".finish")).to_contain_text("1 thing will be removed. 1 stays as it is.")

    # draw a box, take it back, have it again, and move it by the keyboard
    page.get_by_role("button", name="Draw a box").click()
    x, y, w, h = place(page.locator(".plane img"))
    drag(page, (x + 0.45 * w, y + 0.7 * h), (x + 0.55 * w, y + 0.9 * h))
    expect(page.locator(".cover-drawn")).to_have_count(1)
    page.keyboard.press("Control+z")
    expect(page.locator(".cover-drawn")).to_have_count(0)
    page.keyboard.press("Control+Shift+Z")
    page.locator(".cover-drawn").focus()
    page.keyboard.press("ArrowDown")
    plan = plan_of(page, service)
    kept, hidden, drawn = (
        next(t for t in plan["tracks"] if wanted(t))
        for wanted in (
            lambda t: not t["enabled"],
            lambda t: t["enabled"] and t["kind"] == "face",
            lambda t: t["kind"] == "manual",
        )
    )
    assert kept["boxes"][0]["x"] < 400 < hidden["boxes"][0]["x"]
    assert 425 < drawn["boxes"][0]["x"] < 440
    assert drawn["boxes"][0]["y"] > 420

    name, data = safe_file(page)
    assert name == "meeting-safe.jpg"
    before = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    after = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    assert after.shape == before.shape
    assert inside(after, hidden["boxes"][0]).max() < BLACK
    assert inside(after, drawn["boxes"][0]).max() < BLACK
    assert np.abs(inside(after, kept["boxes"][0]) - inside(before, kept["boxes"][0])).mean() < 4

    # before and after on one stage, and the second look in words
    expect(page.locator(".plane img")).to_have_count(2)
    divider = page.get_by_role("slider", name="Split line")
    divider.focus()
    page.keyboard.press("ArrowRight")
    expect(divider).to_have_attribute("aria-valuenow", "52")
    expect(page.locator(".outcome").last).to_contain_text("Nothing uncovered was found.")

    page.get_by_role("link", name="Protect something else").click()
    card = page.locator(".card", has_text="meeting.jpg")
    expect(card).to_contain_text("Found: 2 faces, 1 box drawn by hand.")
    card.get_by_role("button", name="Delete meeting.jpg").click()
    card.get_by_role("button", name="Delete meeting.jpg for good").click()
    expect(card).to_have_count(0)
    assert page.request.get(f"{service}/api/v1/redactions").json()["items"] == []


def test_a_film_from_upload_to_safe_copy(watched: Watched, service: str, tmp_path: Path) -> None:
    film = film_of_one(tmp_path / "walk.mp4")
    page = watched.open("#/protect")
    choose(page, "Faces")
    watched.hand_in(film)
    expect(page.get_by_role("progressbar")).to_be_visible()
    check_plan(page, "walk.mp4")

    # the box follows the face; its lane and the list say the same
    expect(page.locator("video")).to_have_attribute("src", OBJECT_URL)
    expect(page.locator(".cover")).to_have_count(1)
    first = place(page.locator(".cover"))
    page.get_by_role("slider", name="Position in time").fill("2.5")
    expect(page.locator(".time-now")).to_contain_text("0:02.5 /")
    assert place(page.locator(".cover"))[0] < first[0] - 50
    expect(page.locator(".lane .bar")).to_have_count(1)
    expect(page.locator(".wave canvas")).to_be_visible()

    # a stretch of sound by the mouse, its times by the keyboard
    page.get_by_role("button", name="Mark sound").click()
    x, y, w, h = place(page.locator(".lane-sound"))
    drag(page, (x + 0.2 * w, y + h / 2), (x + 0.6 * w, y + h / 2))
    page.get_by_label("Your mark 1: from (seconds)").fill("1")
    page.get_by_label("Your mark 1: to (seconds)").fill("2")
    page.get_by_label("Your mark 1: to (seconds)").press("Tab")
    plan = plan_of(page, service)
    assert [(span["kind"], span["start"], span["end"]) for span in plan["spans"]] == [("manual", 1.0, 2.0)]

    name, data = safe_file(page)
    assert name == "walk-safe.mp4"
    pictures, sound = decoded(data)
    assert len(pictures) == 45
    boxes = plan["tracks"][0]["boxes"]
    near = min(boxes, key=lambda box: abs(box["time"] - 1.5))
    assert inside(pictures[round(near["time"] * 15)], near).max() < 40
    assert np.abs(sound[int(1.2 * 16000) : int(1.8 * 16000)]).max() < 0.01
    assert np.abs(sound[: int(0.7 * 16000)]).max() > 0.1
    expect(page.locator("video")).to_have_count(2)
    expect(page.locator(".outcome").first).to_contain_text("45 of 45 frames")
    expect(page.locator(".outcome").first).to_contain_text("1 stretch marked by hand")
    page.get_by_role("button", name="One frame on").click()
    expect(page.locator(".time-now")).to_contain_text("/ 0:03.0")


def decoded(data: bytes) -> tuple[list[NDArray[np.uint8]], NDArray[np.float32]]:
    with av.open(io.BytesIO(data)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(io.BytesIO(data)) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    return pictures, sound


def test_words_and_what_does_not_fit(watched: Watched, tmp_path: Path) -> None:
    page = watched.open("#/protect")
    choose(page, "Faces")
    sound = tmp_path / "voice.wav"
    sound.write_bytes(wav(tone(1.0)))
    watched.hand_in(sound)
    card = page.locator(".card", has_text="voice.wav")
    expect(card.get_by_role("alert")).to_contain_text("nothing_to_remove")
    card.get_by_role("button", name="Remove voice.wav from this list").click()
    expect(card).to_have_count(0)

    choose(page, "Personal data in text")
    page.get_by_label("Or a link or a text").fill("Write to anna.berg@example.org before Friday, room 12.")
    page.get_by_role("main").get_by_role("button", name="Protect", exact=True).click()
    page.get_by_role("link", name="Check the plan").click(timeout=WAIT)
    expect(page.locator("mark.word-out")).to_contain_text(["anna.berg@example.org"])
    page.locator(".plan-text").evaluate(
        """(pre) => {
          const last = pre.lastChild, at = last.data.indexOf("Friday"), range = document.createRange();
          range.setStart(last, at); range.setEnd(last, at + 6);
          getSelection().removeAllRanges(); getSelection().addRange(range);
        }"""
    )
    page.get_by_role("button", name="Remove the selected words").click()
    expect(page.locator("mark.word-out")).to_have_count(2)
    page.get_by_role("button", name="Make the safe file").click()
    safe = page.locator("pre").last
    expect(safe).to_contain_text("before", timeout=WAIT)
    expect(safe).not_to_contain_text("anna.berg")
    expect(safe).not_to_contain_text("Friday")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 360)])
def test_every_screen_is_drawn(
    browser: Browser, service: str, picture: Path, tmp_path: Path, scheme: Any, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, locale="vi-VN")
    watched = Watched(context, service)
    page = watched.open("#/protect")
    expect(page.locator("h1")).to_have_text("Bạn muốn bảo vệ gì?")
    drawn(page, tmp_path / f"protect-{scheme}.png", scheme)
    page.get_by_role("checkbox", name="Biển số xe").uncheck()
    page.get_by_role("checkbox", name="Dữ liệu cá nhân trong chữ").uncheck()
    watched.hand_in(picture)
    page.get_by_role("link", name="Xem kế hoạch: meeting.jpg").click(timeout=WAIT)
    expect(page.locator(".cover")).to_have_count(2)
    drawn(page, tmp_path / f"plan-{scheme}.png", scheme)
    page.get_by_role("button", name="Tạo tệp an toàn").click()
    expect(page.get_by_role("heading", name="Xem lại lần hai")).to_be_visible(timeout=WAIT)
    drawn(page, tmp_path / f"safe-{scheme}.png", scheme)
    page.get_by_role("button", name="Xoá meeting.jpg").click()
    page.get_by_role("button", name="Xoá hẳn meeting.jpg").click()
    expect(page.locator("h1")).to_have_text("Bạn muốn bảo vệ gì?")
    watched.check()
    context.close()


def drawn(page: Page, path: Path, scheme: str) -> None:
    page.wait_for_timeout(300)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, f"{path.stem} is {overflow} px too wide"
    page.screenshot(path=path, full_page=True)
    image = cv2.imread(str(path))
    assert image is not None
    ground = np.bincount(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).ravel(), minlength=256)
    assert int(ground.argmax()) > 200 if scheme == "light" else int(ground.argmax()) < 60, "the wrong theme"
    assert image.std() > 8, "the screen is blank"
