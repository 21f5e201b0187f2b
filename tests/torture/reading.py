"""Those who only read, pages and API, killed while they are read: they hold nothing that others wait for."""

import asyncio
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import httpx
from websockets.exceptions import WebSocketException

from angime import up
from angime.simulator.company import COMPANY
from dashboards.state import PAGES
from pipelines.kafka.free_ports import free_port
from tests.bench.visitors import look_at
from tests.torture.faults import Case, fault
from tests.torture.stacks import comes_to_be, hit, running
from tests.torture.trials import STAGES, Sends, nothing, through

BACK_SECONDS = 120.0
SECRET = "a-secret-of-a-token-of-this-fault"


@fault(
    "Pages and API are killed with -9 while they are read and webhooks come in: each comes back by itself and answers, "
    "and each acknowledged webhook is there once.",
    quick_seconds=None,
    full_seconds=240,
)
def killed_readers(case: Case) -> None:
    """Kill both again and again, each time in the middle of a page and of a list of calls."""
    api = f"http://127.0.0.1:{free_port()}"
    strokes = case.size(quick=3, full=30)

    def run(home: Path) -> AbstractContextManager[up.Stack]:
        home.joinpath("token").write_text(SECRET)
        home.joinpath("api.toml").write_text(
            f'[[tokens]]\nname = "reader"\ncompany = "{COMPANY}"\nscopes = ["calls"]\nsecret = "file:token"\n'
        )
        extra = {"ANGIME_API_PORT": api.rpartition(":")[2]}
        return running(home, stages=(*STAGES, "pages", "api"), extra=extra)

    def disturb(stack: up.Stack, sends: Sends) -> None:
        with ThreadPoolExecutor(2) as readers:
            for number in range(strokes):
                case.step(f"kill {number + 1} of {strokes}")
                _wait(case, stack, api=api)
                page = PAGES[number % len(PAGES)]
                asked: tuple[Future[object], ...] = (
                    readers.submit(asyncio.run, look_at(stack.pages_url, page=page)),
                    readers.submit(_calls, api),
                )
                next(sends, nothing)()
                time.sleep(case.chance.random() / 2)
                hit(stack, "pages")
                hit(stack, "api")
                for one in asked:
                    with suppress(OSError, WebSocketException, httpx.HTTPError):
                        one.result()
        _wait(case, stack, api=api)
        for page in PAGES:
            asyncio.run(look_at(stack.pages_url, page=page))

    through(case, disturb=disturb, parts=strokes, run=run)
    case.note(kills_pages=strokes, kills_api=strokes)


def _wait(case: Case, stack: up.Stack, *, api: str) -> None:
    """Wait until both answer again."""

    def are_back() -> bool:
        with suppress(httpx.HTTPError):
            pages = httpx.get(f"{stack.pages_url}/_stcore/health", trust_env=False)
            return [pages.status_code, _calls(api)] == [200, 200]
        return False

    case.holds("both come back", expected=True, actual=comes_to_be(are_back, seconds=BACK_SECONDS))


def _calls(api: str) -> int:
    headers = {"authorization": f"Bearer {SECRET}"}
    return httpx.get(f"{api}/api/v1/calls", headers=headers, trust_env=False).status_code
