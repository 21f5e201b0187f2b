"""The pages in a real Chromium: every page, language, scheme and width; clicks that lead on; lines that seek."""

from collections.abc import Generator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect, sync_playwright

from analytics.metrics.catalogue import LANGUAGES
from dashboards.menu import MENU
from dashboards.texts import NAMES
from tests.browsers import DRAWN

pytestmark = pytest.mark.browser

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def browser(chromium: Path) -> Generator[BrowserContext]:
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(chromium), args=FLAGS)
        yield started.new_context(locale="en-GB", accept_downloads=True)
        started.close()


class Visit:
    """One visit of a page, and what went wrong in it."""

    def __init__(self, browser: BrowserContext, address: str, *, width: int = 1280, is_dark: bool = False) -> None:
        self.page: Page = browser.new_page()
        self.looks(width=width, is_dark=is_dark)
        self.page.set_default_timeout(PATIENCE_MS)
        self.strangers: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", self._asked)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._complained)
        self.page.goto(address)
        self.page.wait_for_selector("[data-testid=stMain] h2")

    def _asked(self, request) -> None:  # noqa: ANN001
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.strangers.append(request.url)

    def _complained(self, message) -> None:  # noqa: ANN001
        # Vega warns in its own words of what it cannot draw.
        if message.type == "error" or message.text.startswith("WARN "):
            self.errors.append(message.text)

    def looks(self, *, width: int, is_dark: bool) -> None:
        """Look at pages at another width, or by night."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme="dark" if is_dark else "light")

    def sees(self, address: str) -> bool:
        """Whether another page is drawn to its end, and is well."""
        self.page.goto(address)
        return self._is_drawn()

    def turns_to(self, language: str) -> bool:
        """Whether this page is well in another language, wide and narrow, without being loaded anew."""
        is_well = self._is_drawn_in(language)
        self.page.set_viewport_size({"width": 390, "height": 900})
        is_well_on_a_phone = self.is_well()
        self.page.set_viewport_size({"width": 1280, "height": 900})
        return is_well and is_well_on_a_phone

    def _is_drawn_in(self, language: str) -> bool:
        self.page.evaluate(
            """language => {
                const address = new URL(location.href);
                address.searchParams.set("lang", language);
                history.pushState({}, "", address.href);
                window.dispatchEvent(new PopStateEvent("popstate"));
            }""",
            language,
        )
        self.page.wait_for_function(
            "name => [...document.querySelectorAll('[data-testid=stSidebar] input')].some(one => one.value === name)",
            arg=NAMES[language],
        )
        return self._is_drawn()

    def _is_drawn(self) -> bool:
        self.page.wait_for_selector("[data-testid=stMain] h2")
        self.page.wait_for_function(DRAWN)
        return self.is_well()

    def saves_in_spite_of_a_push(self, link: Locator) -> Path:
        """The file of a link that the page, drawn in another language, pushes away before the button is released."""
        link.hover()
        with self.page.expect_download(timeout=PATIENCE_MS) as download:
            self.page.mouse.down()
            assert self._is_drawn_in("ru")
            link.evaluate("link => (link.getRootNode().host.style.marginTop = '300px')")
            self.page.mouse.up()
        return Path(download.value.path())

    def is_well(self) -> bool:
        """Whether nothing broke, nothing runs over the edge, and nobody outside was asked."""
        failed = self.page.locator("[data-testid=stException]").count()
        is_wide = self.page.evaluate("document.scrollingElement.scrollWidth > window.innerWidth + 1")
        return (failed, is_wide, self.errors, self.strangers) == (0, False, [], [])


def test_overview_has_its_charts_and_a_call_its_words(browser: BrowserContext, pages: str, call_id: str) -> None:
    visit = Visit(browser, f"{pages}/?lang=ru", width=390, is_dark=True)
    charts = "[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg"
    expect(visit.page.locator(charts)).to_have_count(8)
    visit.sees(f"{pages}/call?lang=ru&call={call_id}")
    expect(visit.page.get_by_text("О чём говорили", exact=True)).to_be_visible()
    assert visit.is_well()
    visit.page.close()


def test_every_page_is_whole_in_every_language_on_desk_and_phone_by_day_and_night(
    browser: BrowserContext, pages: str, call_id: str
) -> None:
    visit = Visit(browser, pages)
    wrong: list[str] = []
    for number, entry in enumerate(MENU):
        visit.looks(width=1280, is_dark=number % 2 == 1)
        path = "" if entry.name == "overview" else entry.name
        wrong += [] if visit.sees(f"{pages}/{path}?lang={LANGUAGES[0]}&call={call_id}") else [path]
        wrong += [f"{path} {language}" for language in reversed(LANGUAGES) if not visit.turns_to(language)]
    assert [] == wrong
    visit.page.close()


def test_a_tab_is_named_by_its_page_and_a_calendar_speaks_as_the_page_does(browser: BrowserContext, pages: str) -> None:
    visit = Visit(browser, f"{pages}/?lang=ru&period=custom&from=2026-03-01&to=2026-03-10")
    expect(visit.page).to_have_title("Обзор · Angime")
    visit.page.locator("[data-testid=stDateInput] button").last.click()
    expect(visit.page.get_by_role("dialog")).to_contain_text("март")
    expect(visit.page.get_by_text("Date range", exact=True)).not_to_be_visible()
    visit.page.keyboard.press("Escape")
    assert ("ru", True) == (visit.page.evaluate("document.documentElement.lang"), visit.turns_to("pt"))
    expect(visit.page).to_have_title("Visão geral · Angime")
    assert "pt-BR" == visit.page.evaluate("document.documentElement.lang")
    visit.page.close()


def test_on_a_touched_screen_a_table_and_its_tools_lie_over_no_word(browser: BrowserContext, pages: str) -> None:
    started = browser.browser
    assert started is not None
    phone = started.new_context(viewport={"width": 390, "height": 900}, has_touch=True, is_mobile=True)
    visit = Visit(phone, f"{pages}/missed?lang=kk&period=last28", width=390)
    tools = visit.page.locator("[data-testid=stElementToolbar]").first
    expect(tools).to_be_visible()
    words_end, tools_begin = visit.page.evaluate(
        """() => {
            const words = document.createRange();
            words.selectNodeContents(document.querySelector("[data-testid=stMain] h2"));
            const tools = document.querySelector("[data-testid=stElementToolbar]");
            return [words, tools].map((one) => one.getBoundingClientRect()).map((box, i) => (i ? box.top : box.bottom));
        }"""
    )
    assert words_end <= tools_begin
    visit = Visit(phone, f"{pages}/calls?lang=kk&period=last28", width=390)
    expect(visit.page.locator("[data-testid=stDataFrame]").first).to_be_visible()
    table_end, words_begin = visit.page.evaluate(
        """() => {
            const table = document.querySelector("[data-testid=stDataFrame]");
            const words = table.closest("[data-testid=stElementContainer]").nextElementSibling;
            return [table.getBoundingClientRect().bottom, words.getBoundingClientRect().top];
        }"""
    )
    assert table_end <= words_begin
    phone.close()


def test_a_table_has_room_on_a_screen_of_1280_pixels(browser: BrowserContext, pages: str) -> None:
    visit = Visit(browser, f"{pages}/missed?lang=ru&period=last28")
    box = visit.page.locator("[data-testid=stDataFrame]").first.bounding_box()
    assert box is not None
    assert box["width"] >= 920  # less cut the last column off, with names as long as those of the demo
    visit.page.close()


def test_a_call_in_a_history_opens(browser: BrowserContext, pages: str) -> None:
    visit = Visit(browser, f"{pages}/conversations?contact=phone:%2B77010000005")
    visit.page.locator(".entry.call").first.click()
    visit.page.wait_for_url("**/call?**call=**")
    expect(visit.page.get_by_text("What happened", exact=True)).to_be_visible()
    visit.page.close()


def test_a_line_of_the_transcript_seeks_the_player(browser: BrowserContext, pages: str, call_id: str) -> None:
    visit = Visit(browser, f"{pages}/call?call={call_id}")
    visit.page.wait_for_function("document.querySelector('.st-key-player audio')?.readyState >= 1")
    visit.page.get_by_text("Obrigada, eu espero.").click()
    visit.page.wait_for_function("document.querySelector('.st-key-player audio').currentTime >= 9.2")
    expect(visit.page.locator(".turn.spoken")).to_contain_text("Obrigada")
    visit.page.close()


def test_what_was_said_is_text_and_never_markup(browser: BrowserContext, pages: str, call_id: str) -> None:
    visit = Visit(browser, f"{pages}/call?call={call_id}")
    expect(visit.page.get_by_text("<b>order</b> & $5")).to_be_visible()
    visit.page.close()


def test_the_sentence_leads_to_the_very_calls_and_back(browser: BrowserContext, pages: str) -> None:
    visit = Visit(browser, f"{pages}/overview?period=last28")  # people share the address that its name suggests
    link = visit.page.get_by_role("link", name="not answered").first
    lost = link.inner_text().split(": ")[1].split(" of ")[0]
    link.click()
    heading = visit.page.get_by_role("heading", name="answered")
    expect(heading).to_contain_text(f"{lost} calls")
    visit.page.go_back()
    expect(visit.page.get_by_text("Day by day", exact=True)).to_be_visible()
    assert "period=last28" in visit.page.url
    visit.page.close()


def test_a_cell_of_the_heat_map_opens_its_calls_and_back_and_forth_is_what_was_left(
    browser: BrowserContext, pages: str
) -> None:
    visit = Visit(browser, f"{pages}/?period=last28")
    chart = visit.page.locator(".st-key-heat").locator("canvas, svg").first
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    sentence = visit.page.locator("[data-testid=stMain] h2")
    visit.page.wait_for_url("**company=**")
    left, said = visit.page.url, sentence.inner_text()
    visit.page.mouse.click(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.25)
    visit.page.wait_for_url("**/calls?**weekday=**")
    assert "behind=missed_calls" in visit.page.url
    expect(sentence).not_to_have_text(said)
    calls, listed = visit.page.url, sentence.inner_text()
    visit.page.get_by_role("link", name="Conversations", exact=True).click()
    visit.page.wait_for_url("**/conversations?**company=**")
    expect(sentence).not_to_have_text(listed)
    conversations, counted = visit.page.url, sentence.inner_text()
    walk = [("go_back", calls, listed), ("go_back", left, said), ("go_forward", calls, listed)]
    for step, address, sentence_there in [*walk, ("go_forward", conversations, counted)]:
        getattr(visit.page, step)()
        visit.page.wait_for_url(address)
        expect(sentence).to_have_text(sentence_there)
    assert visit.is_well()
    visit.page.close()


def test_an_operator_who_is_opened_from_below_is_shown_from_his_name_on(browser: BrowserContext, pages: str) -> None:
    visit = Visit(browser, f"{pages}/operators?period=last28")
    board = visit.page.locator("[data-testid=stDataFrame]").nth(1)
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    assert box is not None
    assert visit.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop") > 0
    visit.page.mouse.click(box["x"] + 60, box["y"] + box["height"] - 20)
    visit.page.wait_for_url("**operator=**")
    expect(visit.page.get_by_text("All calls of this operator", exact=True)).to_be_visible()
    assert 0 == visit.page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")
    visit.page.close()


def test_a_file_that_is_pressed_while_its_page_is_drawn_anew_holds_as_many_rows_as_the_headline_says(
    browser: BrowserContext, pages: str
) -> None:
    visit = Visit(browser, f"{pages}/calls?period=last28&outcome=missed&direction=incoming")
    assert visit.page.request.get(f"{pages}/files/{'0' * 64}").status == 404
    said = visit.page.locator("[data-testid=stMain] h2").inner_text().split(" ")[0].replace(",", "")
    saved = visit.saves_in_spite_of_a_push(visit.page.get_by_role("link", name="CSV"))
    assert int(said) == len(saved.read_text(encoding="utf-8-sig").strip().splitlines()) - 1
    visit.page.close()
