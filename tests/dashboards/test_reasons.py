"""What facts.calls gives as reasons, and what checks find, the pages can say in every language."""

import pytest

from analytics.folding.scratch import scratch
from analytics.metrics.catalogue import LANGUAGES
from analytics.views import read_views
from dashboards import findings, reasons, texts

# Every call that facts.calls must decide on: what the case of its outcome and the sentence of its reason look at.
CASES = """
    select
        'call' as call_id, direction, disposition, machine, talk_ms, is_menu, is_human, is_last_word, is_untimed,
        is_over, ended_by,
        ring_ms, 5 as threshold_seconds, picked_at, error_code, provider_status
    from
        unnest(['incoming', 'outgoing', 'internal', 'unknown']) as directions(direction),
        unnest([
            'completed', 'not_permitted', 'rejected', 'busy', 'failed', 'cancelled', 'no_answer', 'unknown'
        ]) as dispositions(disposition),
        unnest([null, 'voicemail', 'machine']) as machines(machine),
        unnest([0, 39000]) as talks(talk_ms),
        unnest([null, 2000, 7000]) as rings(ring_ms),
        unnest([false, true]) as menus(is_menu),
        unnest([false, true]) as humans(is_human),
        unnest([false, true]) as last_words(is_last_word),
        unnest([false, true]) as untimed(is_untimed),
        unnest([false, true]) as overs(is_over),
        unnest(['company', 'contact']) as sides(ended_by),
        unnest([null, timestamptz '2026-03-02 10:00:00+00']) as pickups(picked_at),
        (values (null, null), ('486', 'BUSY')) as words(error_code, provider_status)
"""


def _every_reason() -> list[str]:
    """Ask the very SQL of facts.calls for the reason of every case."""
    [select] = [view.select for view in read_views() if view.relation == "facts.calls"]
    decided = select[select.index("decided as (") : select.index("\n)\n\nselect")].replace("from timed", "from cases")
    until = select.index("as outcome_reason")
    sentence = select[select.rindex("case decided.outcome\n", 0, until) : until]
    text = f"with cases as ({CASES}), {decided}) select distinct {sentence} as reason from decided"  # noqa: S608
    opened = scratch()
    found = opened.sql(text)["reason"].to_list()
    opened.close()
    return found


def test_every_reason_that_facts_give_is_said_in_words_of_the_language() -> None:
    found = _every_reason()
    outcomes = {"is over", "talked for", "never tells", "permission", "voicemail", "machine", "declined", "busy"}
    outcomes |= {"failure", "threshold 5", "sooner than", "hung up by us", "only a menu", "error is", "word is"}
    outcomes |= {"how long it rang is not known", "incoming, nobody answered", "internal, nobody answered"}
    assert set() == {part for part in outcomes if not any(part in reason for reason in found)}
    russian = texts.texts("ru")
    parts = {part for reason in found for part in reason.split("; ")}
    assert set() == {part for part in parts if reasons.told(russian, part) == part}


@pytest.mark.parametrize("direction", ["outgoing", "internal", "direction unknown"])
def test_a_call_that_nobody_answered_is_said_to_be_of_its_direction(direction: str) -> None:
    reason = f"{direction}, rang 7.0 s, nobody answered"
    assert reason.replace("7.0", "7") == reasons.told(texts.texts("en"), reason)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_every_check_looks_for_is_said_in_words_of_the_language(language: str) -> None:
    checks = [view.name for view in read_views() if view.layer == "checks"]
    say = texts.texts(language)
    told = [findings.sought(say, check, otherwise="") for check in checks]
    assert (sorted(checks), True) == (sorted(findings.CHECKS), all(told))
    assert len(checks) == len({findings.named(say, check) for check in checks})


def test_a_check_of_the_company_s_own_is_told_in_the_words_of_its_file() -> None:
    russian = texts.texts("ru")
    named, sought = findings.named(russian, "odd_whims"), findings.sought(russian, "odd_whims", otherwise="A whim.")
    assert ("odd whims", "A whim.") == (named, sought)
