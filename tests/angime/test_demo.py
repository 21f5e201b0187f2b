"""What a demo says of what it found; that it finds the truth is a journey."""

from msgspec.structs import replace

from angime.demo import Outcome, in_words

TRUE = Outcome(
    calls_simulated=8_568,
    calls_reported=8_568,
    mismatches=0,
    recordings=12,
    transcripts=12,
    freshness_p95_seconds=1.1,
    seconds={"start": 11.8, "compare": 1.2},
)


def test_a_demo_that_finds_the_truth_says_so() -> None:
    assert in_words(TRUE) == [
        "8568 calls simulated, 8568 reported: [green]the warehouse tells the truth[/]",
        "0 mismatches, 12 recordings transcribed by the demo model",
        "webhook to page: 95 of 100 within 1.10 s",
        "start 12 s, compare 1 s",
    ]


def test_a_machine_too_slow_to_transcribe_all_is_told_apart_from_a_warehouse_that_is_wrong() -> None:
    said = in_words(replace(TRUE, mismatches=4, transcripts=8))

    assert said[0].endswith("[red]it differs[/]")
    assert said[2] == "4 recordings could not be transcribed in time on this machine: each is a mismatch until it is"
