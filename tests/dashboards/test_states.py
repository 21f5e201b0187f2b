"""What every page says in every state of the warehouse, and to whom it says nothing."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from analytics.metrics.catalogue import LANGUAGES
from analytics.reading.rights import OF_NOBODY, OWNER, Rights, Role, selects
from analytics.settings import AnalyticsSettings
from analytics.warehouse import Writer, open_writer
from dashboards.menu import MENU
from dashboards.state import PAGES as ADDRESSES
from schemas.standing import WAITING_FILE, Waiting, waiting_to_json
from tests.dashboards import seed
from tests.dashboards.without_browser import run, sent, told

PAGES = [entry.name for entry in MENU]

# How a page begins, without any call, with one call of yesterday that nobody took, and with ten thousand.
HEADS = """
    overview       | No calls here.             | No incoming calls in this    | Worse: answer rate fell to
    calls          | No calls                   | 1 call · 0 answered          | calls ·
    call           | No such call               | · +7701                      | · +7701
    missed         | Nobody waits               | Nobody waits                 | contacts wait for a call back
    conversations  | No conversations           | 1 conversation               | conversations
    search         | What was said              | What was said                | What was said
    operators      | No calls here.             | Too few calls to compare     | South answers
    conversion     | Nobody was talked with     | Nobody was talked with       | contacts we talked with bought
    costs          | Nobody talked in this      | Nobody talked in this        | “line” is cheaper
    permissions    | 0 contacts may be called   | 1 call was made without      | calls were made without consent
    health         | 2 accounts are silent      | 2 accounts are silent        | Figures hold; 1 check found
    metrics        | metrics, each counted      | metrics, each counted        | metrics, each counted
    sql            | Ask the warehouse          | Ask the warehouse            | Ask the warehouse
"""
BEGINS = {
    page: dict(zip(("empty", "single", "many"), heads, strict=True))
    for page, *heads in ([cell.strip() for cell in line.split("|")] for line in HEADS.strip().splitlines())
}
LATER = datetime.now(UTC).timestamp() + 3_600
STRANGER = {"sub": "1", "exp": LATER, "angime_role": "manager", "angime_companies": ["other"]}
GUEST = {"sub": "2", "exp": LATER, "angime_role": "guest"}
GONE = {"sub": "3", "exp": 1, "angime_role": "engineer"}
ANALYST = {"sub": "4", "exp": LATER, "angime_role": "analyst", "angime_companies": ["nomad"]}
# Who may what: which pages are closed, whether people are seen, recordings heard and SQL asked. A new page or role
# changes this on purpose.
MATRIX = """
    owner                 |             | people hear sql
    manager               |             | people hear sql
    manager of some teams | sql         | people hear
    analyst               | search      | sql
    engineer              | search      | sql
"""
# What stands under masked words of a call and of messages.
MASKED = {
    "en": ("What was said is kept for a time only", "Messages are kept for a time only"),
    "ru": ("Сказанное хранится ограниченное время", "Сообщения хранятся ограниченное время"),
    "kk": ("Айтылған сөз белгілі бір мерзім", "Хабарламалар белгілі бір мерзім"),
    "pt": ("O que foi dito é guardado só por um tempo", "As mensagens são guardadas só por um tempo"),
}
OF_ROLE = {
    "owner": OWNER,
    "manager": Rights(role="manager", companies=("nomad",)),
    "manager of some teams": Rights(role="manager", teams=("north",)),
    "analyst": Rights(role="analyst", companies=("nomad",)),
    "engineer": Rights(role="engineer"),
}
# Names and numbers of contacts, and what they wrote and said.
PERSONAL = ("Sadykova", "Omarov", "Pereira", "Sergey", "Souza", "<script>", "HYPERLINK", "+7701", "onerror", "Obrigada")


def test_every_page_of_the_menu_is_drawn_in_every_state() -> None:
    assert (PAGES, PAGES) == (list(BEGINS), list(ADDRESSES))


def test_each_role_may_what_the_matrix_says() -> None:
    found = {
        name: (
            " ".join(entry.name for entry in MENU if not entry.is_for(rights)),
            " ".join(
                verb
                for verb, may in (("people", rights.sees_people), ("hear", rights.hears), ("sql", rights.asks_sql))
                if may
            ),
        )
        for name, rights in OF_ROLE.items()
    }
    drawn = [[cell.strip() for cell in line.split("|")] for line in MATRIX.strip().splitlines()]
    assert {name: (closed, verbs) for name, closed, verbs in drawn} == found
    assert {*get_args(Role)} == {rights.role for rights in OF_ROLE.values()}


def test_an_engineer_reads_every_relation_as_an_analyst_does_and_nobody_reads_another_company() -> None:
    analyst, engineer = (
        selects(Rights(role=role, companies=("nomad",)), salt="salt") for role in ("analyst", "engineer")
    )
    of_all = selects(Rights(role="analyst"), salt="salt")
    assert (analyst, set()) == (engineer, {one for one in analyst if analyst[one] == of_all[one]} - OF_NOBODY)


@pytest.mark.parametrize("state", ["empty", "single", "many"])
@pytest.mark.parametrize("page", PAGES)
def test_every_page_begins_with_its_answer(
    homes: dict[str, Path], calls: dict[str, str], monkeypatch: pytest.MonkeyPatch, state: str, page: str
) -> None:
    if state == "many":  # its last call was in the evening, and tests run at any hour
        monkeypatch.setenv("ANGIME_VERY_STALE_AFTER_MINUTES", str(24 * 60))
    test = run(homes[state], monkeypatch, page=page, lang="en", call=calls[state])
    heads = [line for line in told(test).splitlines() if line.startswith("## ")]
    is_stale = "Nothing has arrived since then" in told(test)
    assert ([], BEGINS[page][state], state == "single") == (
        list(test.exception),
        BEGINS[page][state] if BEGINS[page][state] in heads[0] else heads[0],
        is_stale,
    )


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_page_begins_with_its_answer_in_every_language(
    homes: dict[str, Path], calls: dict[str, str], monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    for page in PAGES:
        test = run(homes["single"], monkeypatch, page=page, lang=language, call=calls["single"])
        heads = [line for line in told(test).splitlines() if line.startswith("## ")]
        is_english = page != "call" and BEGINS[page]["single"] in heads[0]
        assert (page, [], False) == (page, list(test.exception), is_english)


@pytest.mark.parametrize(
    ("state", "says"), [("nothing", "There is no warehouse yet"), ("broken", "The warehouse cannot be read")]
)
def test_a_warehouse_that_cannot_be_read_is_explained_on_every_page(
    homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch, state: str, says: str
) -> None:
    for page in PAGES:
        test = run(homes[state], monkeypatch, page=page, lang="en")
        assert (page, [], True) == (page, list(test.exception), says in told(test))


def test_a_warehouse_whose_catalog_is_away_is_explained(
    homes: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANGIME_CATALOG", "postgresql://angime@127.0.0.1:1/angime")
    for language, says in (("en", "The warehouse is out of reach"), ("ru", "Хранилище данных недоступно")):
        test = run(homes["nothing"], monkeypatch, page="overview", lang=language)
        assert (list(test.exception), True) == ([], says in told(test))


def test_a_warehouse_of_another_version_is_explained(
    homes: dict[str, Path], calls: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(homes["single"], tmp_path / "home")
    with open_writer(AnalyticsSettings(home=home)) as writer:
        writer.connection.execute("drop table facts.call_starts; drop table reports.calls_grouped")
        writer.connection.execute("create table reports.calls_of_then (day date)")
    for page in ("overview", "call"):
        test = run(home, monkeypatch, page=page, lang="en", call=calls["single"])
        assert (page, [], True) == (page, list(test.exception), "of another version of Angime" in told(test))


def write_message(writer: Writer, told: str) -> str:
    """Put a message beside the one call, of its contact, with the columns that are `told`; gives the contact's key."""
    writer.connection.execute(f"""
        insert into facts.messages by name
        select 'm' as message_id, company, contact_key, {told}, started_at as first_at, day from facts.calls
    """)  # noqa: S608  # texts of these tests
    [(contact,)] = writer.connection.rows("select contact_key from facts.calls")
    return contact


def test_words_whose_time_is_over_are_said_to_be_masked(
    homes: dict[str, Path], calls: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(homes["single"], tmp_path / "home")
    with open_writer(AnalyticsSettings(home=home)) as writer:
        writer.connection.execute("""
            insert into facts.turns by name
            select
                call_id, company, day, 1 as turn, 'customer' as role, 0 as start_seconds, 1 as end_seconds,
                'xxxx, xx?' as text
            from facts.calls
        """)
        contact = write_message(writer, "'incoming' as direction, 'xx xxxx' as text")
    for language, said in MASKED.items():
        for page, sentence in zip(("call", "conversations"), said, strict=True):
            test = run(home, monkeypatch, page=page, lang=language, call=calls["single"], contact=contact)
            assert (page, [], True) == (page, list(test.exception), sentence in told(test))


def test_a_message_of_ours_whose_text_no_provider_passed_on_is_said_so(
    homes: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(homes["single"], tmp_path / "home")
    with open_writer(AnalyticsSettings(home=home)) as writer:
        contact = write_message(writer, "'outgoing' as direction")
    test = run(home, monkeypatch, page="conversations", lang="en", contact=contact)
    assert ([], True, True) == (
        list(test.exception),
        "(text not passed on)" in sent(test),
        "Some providers tell that we wrote" in told(test),
    )


def test_a_message_without_words_is_told_by_what_it_holds_beside_a_call_too(
    homes: dict[str, Path], calls: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(homes["single"], tmp_path / "home")
    with open_writer(AnalyticsSettings(home=home)) as writer:
        write_message(writer, "'incoming' as direction, 'document' as kind")
    shown = told(run(home, monkeypatch, page="call", lang="ru", call=calls["single"]))
    assert (True, False) == ("документ" in shown, "без текста" in shown)


def test_files_of_the_log_that_a_disk_damaged_stand_against_the_figures(
    homes: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(homes["empty"], tmp_path / "home")
    with (home / "warehouse" / "seals").open("a") as seals:
        seals.writelines(f"5eed5eed 17 damaged log/events/{number}.parquet\n" for number in range(3))
    assert "the disk damaged 3 files" in told(run(home, monkeypatch, page="health", lang="en"))


@pytest.mark.parametrize(
    ("person", "says"),
    [(GUEST, "You have no role here"), (GONE, "You have no role here"), (STRANGER, "No company is known yet")],
    ids=["guest", "gone", "stranger"],
)
def test_who_has_no_rights_learns_nothing_from_any_address(
    homes: dict[str, Path],
    calls: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    person: dict[str, object],
    says: str,
) -> None:
    """The pages have answered the owner already: what they keep of it is not for others."""
    asked = {"company": seed.COMPANY, "call": calls["many"], "contact": "phone:+77010000000", "search": "заказов"}
    with pytest.MonkeyPatch.context() as owner:
        assert "South answers" in told(run(homes["many"], owner, page="operators", lang="en"))
    for page in PAGES:
        test = run(homes["many"], monkeypatch, page=page, person=person, sql="from facts.calls", lang="en", **asked)
        is_closed = says in told(test) or "This page is not for your role" in told(test)
        found = [word for word in (*PERSONAL[:7], "South", "Nomad Furniture") if word in sent(test)]
        assert (page, [], True, []) == (page, list(test.exception), is_closed, found)


@pytest.mark.parametrize("page", PAGES)
def test_an_analyst_counts_everything_and_meets_nobody(
    homes: dict[str, Path], calls: dict[str, str], monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    test = run(homes["many"], monkeypatch, page=page, person=ANALYST, lang="en", call=calls["many"])
    found = [word for word in PERSONAL if word in sent(test)]
    assert ([], [], page == "search") == (list(test.exception), found, "This page is not for your role" in told(test))


def test_recordings_that_wait_for_a_model_are_said_to_with_what_mends_it(
    homes: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(homes["empty"], tmp_path / "home")
    note = home / WAITING_FILE
    note.parent.mkdir(exist_ok=True)
    note.write_bytes(waiting_to_json(Waiting(since="2026-03-09T12:00:00.000Z", reason="there is none")))
    said = told(run(home, monkeypatch, page="health", lang="en"))

    assert "Needs a look: listening waits for its model" in said
    assert "angime doctor says what is missing" in said
