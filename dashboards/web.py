"""The pages as a web application: Streamlit's own, the files that pages hand out, and addresses that people share."""

import gc
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from urllib.parse import quote

import streamlit
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from streamlit.starlette import App

from dashboards.handed import OFFERS
from dashboards.server import LOGIN_COOKIE
from dashboards.state import PAGES
from dashboards.texts import NAMES, REGIONS

HOME, *OTHERS = PAGES
SPOKEN = {language: REGIONS.get(language, language).replace("_", "-") for language in NAMES}
# Else the browser asks beneath every page's own address for the server, and complains that it is not there.
WHERE_THE_SERVER_IS = """<script>
  window.__streamlit = { BACKEND_BASE_URL: location.origin + location.pathname.replace(/[^/]*$/, "") };
</script>
"""
# Streamlit leads to another page in two entries of the browser's history, of which the first is the page that is left
# with what the other one shows: "back" led there. And a page that was opened without its company is the same with it.
# Whoever is opened from a list on the same page is shown from his name on, not from where the list had been left.
ONE_ENTRY_A_PAGE = """<script>
  (() => {
    const push = history.pushState.bind(history);
    const replace = history.replaceState.bind(history);
    const opened = (search) => ["operator", "contact"].map((name) => new URLSearchParams(search).get(name)).join();
    let isHalfWay = false;
    for (const own of ["pointerdown", "keydown", "popstate"]) addEventListener(own, () => (isHalfWay = false), true);
    history.pushState = (state, title, address) => {
      const to = new URL(address, location.href);
      const was = opened(location.search);
      const isSamePage = to.pathname === location.pathname;
      const isUnfinished = isSamePage && !new URLSearchParams(location.search).has("company");
      const isSecondHalf = !isSamePage && isHalfWay && to.search === location.search;
      (isUnfinished || isSecondHalf ? replace : push)(state, title, address);
      isHalfWay = isSamePage && !isUnfinished;
      if (opened(to.search) !== was) document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0);
    };
  })();
</script>
"""
# Streamlit writes the calendar of a choice of dates in the browser's language, whatever the page's is; and where a page
# says that it is English, browsers offer to translate it, and readers of screens speak it in the wrong tongue.
SPOKEN_AS_SHOWN = f"""<script>
  (() => {{
    const own = navigator.language;
    const spoken = {json.dumps(SPOKEN)};
    const shown = () => {{
      const asked = new URLSearchParams(location.search).get("lang") || own;
      return spoken[asked.split("-")[0].toLowerCase()] || spoken.en;
    }};
    Object.defineProperty(navigator, "language", {{ get: shown, configurable: true }});
    const say = () => {{
      if (document.documentElement.lang === shown()) return;
      document.documentElement.lang = shown();
      dispatchEvent(new Event("languagechange"));
    }};
    for (const name of ["pushState", "replaceState"]) {{
      const change = history[name].bind(history);
      history[name] = (...to) => {{
        change(...to);
        say();
      }};
    }}
    addEventListener("popstate", say);
    say();
  }})();
</script>
"""
# What it offers is what "Period" offers above it, but in English only and with other days.
WITHOUT_QUICK_CHOICES = "<style>[data-testid=stDateInputQuickSelect] { display: none !important; }</style>\n"
# On a screen that is touched the tools of a table are always seen, above it: they lay over the last words there. And on
# one of 1280 pixels what Streamlit leaves free beside a page cut the last column of tables off, in Russian and Kazakh.
ROOM = """<style>
  @media (hover: none) { [data-testid=stDataFrame] { margin-top: 2rem; } }
  @media (min-width: 768px) { [data-testid=stMainBlockContainer] { padding-inline: 2.5rem !important; } }
</style>
"""
NEVER_KEPT = {"Cache-Control": "no-store"}


def document() -> str:
    """Give the document that every page is drawn in: Streamlit's own, told of its server, "back" and its tongue."""
    text = Path(streamlit.__file__).with_name("static").joinpath("index.html").read_text(encoding="utf-8")
    ours = f"{WITHOUT_QUICK_CHOICES}{ROOM}{WHERE_THE_SERVER_IS}{ONE_ENTRY_A_PAGE}{SPOKEN_AS_SHOWN}"
    return text.replace("<script>", f"{ours}<script>", 1)


DOCUMENT = document()


def _document(_request: Request) -> Response:
    return HTMLResponse(DOCUMENT, headers={"Cache-Control": "no-cache"})


def _home(request: Request) -> Response:
    """Lead to the first page, which Streamlit keeps at the root."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"./{query}")


async def _file(request: Request) -> Response:
    """Make a file and give it to whoever it was handed to."""
    offer = OFFERS.find(request.path_params["address"], bearer=request.cookies.get(LOGIN_COOKIE, ""))
    if offer is None:
        return PlainTextResponse("This file is no longer kept. Load the page again.", 404, headers=NEVER_KEPT)
    content = await run_in_threadpool(offer.make)
    shown_as = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(offer.name)}"}
    return Response(content, media_type=offer.media_type, headers=NEVER_KEPT | shown_as)


@asynccontextmanager
async def loaded(_app: App) -> AsyncGenerator[None]:
    """Load the pages before anybody asks for one, and look for no garbage among what was loaded.

    Streamlit looks for it after every page that it has drawn. Through all modules, its own and ours, that took an
    eighth of the page's processor time, in which no other page was drawn. What draws tables is loaded with them.
    """
    import_module("pandas")
    import_module("dashboards.menu")  # beneath a server that runs: what its pages keep is kept there
    gc.collect()
    gc.freeze()
    yield


app = App(
    Path(__file__).with_name("app.py"),
    lifespan=loaded,
    routes=[
        Route("/", _document),
        Route(f"/{HOME}", _home),
        *(Route(f"/{page}", _document) for page in OTHERS),
        Route("/files/{address}", _file),
    ],
)
