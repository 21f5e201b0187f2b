"""Transcribing: real WhisperX with the demo model on composed calls, and every kind of file that is none."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from schemas.errors import InvalidEvent, Misconfigured
from schemas.people import Role
from streams.demo_model import MODEL_FOLDER, MODEL_NAME, language_of, words_of
from streams.demo_model.clips import clips
from streams.demo_model.dialogues import LANGUAGES, Dialogue, dialogue, dialogues, recording_bytes
from streams.demo_model.evaluate import LINES, Line, word_error_rates, word_errors
from streams.demo_model.recordings import Form, encode
from streams.transcribe import Progress, Recognition, Transcriber, Transcript, transcribe
from streams.turns import Segment, Span
from streams.whisper import SpeechSettings, WhisperTranscriber, open_transcriber

SIDES: tuple[Role, Role] = ("operator", "customer")
DEMO_MODEL_BYTES = 5_000_000
CLIPS_BYTES = 1_500_000


class CountingTranscriber:
    """A Transcriber that hears "said" in every span; for what does not depend on words."""

    model_name = "counting"
    is_demo_model = False
    engine = ""

    def load(self) -> float:
        """Be ready at once."""
        return 0.0

    def recognise(self, samples: NDArray[np.float32], *, spans: Sequence[Span], language: str | None) -> Recognition:
        """Hear the same everywhere."""
        assert samples.ndim == 1
        return Recognition(segments=tuple(Segment(span=span, text="said") for span in spans), language=language or "kk")


@pytest.fixture(scope="module")
def whisper() -> WhisperTranscriber:
    return WhisperTranscriber(SpeechSettings())


def transcribed(
    spoken: Dialogue, folder: Path, *, transcriber: Transcriber, form: Form = "wav_mulaw", language: str | None = None
) -> Transcript:
    path = folder / f"call.{form}"
    path.write_bytes(recording_bytes(spoken, form=form))
    return transcribe(path, roles=SIDES, language=language, transcriber=transcriber)


def boundary_errors_seconds(spoken: Dialogue, heard: Transcript) -> list[float]:
    pairs = list(zip(spoken.turns, heard.turns, strict=True))
    return [abs(said.start_seconds - turn.start_seconds) for said, turn in pairs] + [
        abs(said.end_seconds - turn.end_seconds) for said, turn in pairs
    ]


@pytest.mark.speech
@pytest.mark.parametrize("line", LINES)
def test_the_demo_model_hears_its_sentences_in_voices_it_never_met(whisper: WhisperTranscriber, line: Line) -> None:
    rates = word_error_rates(whisper, line=line)
    assert {"en", "ru", "kk", "pt"} == set(rates)
    assert {language: rate for language, rate in rates.items() if rate > 0.05} == {}


@pytest.mark.speech
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_composed_call_becomes_the_turns_that_were_spoken(
    whisper: WhisperTranscriber, tmp_path: Path, language: str
) -> None:
    spoken = dialogue(language, 3)
    heard = transcribed(spoken, tmp_path, transcriber=whisper, language=language)
    said_words = [word for turn in spoken.turns for word in words_of(turn.text)]
    heard_words = [word for turn in heard.turns for word in words_of(turn.text)]
    assert [turn.role for turn in spoken.turns] == [turn.role for turn in heard.turns]
    assert np.mean(boundary_errors_seconds(spoken, heard)) <= 0.10
    assert word_errors(said_words, heard_words) <= 0.05 * len(said_words)
    assert [turn.text.split() for turn in heard.turns] == [[word.text for word in turn.words] for turn in heard.turns]
    assert (language, "segments", MODEL_NAME, True) == (
        heard.language,
        heard.grade,
        heard.model,
        heard.is_demo_model,
    )


@pytest.mark.speech
def test_what_ran_is_whisperx(whisper: WhisperTranscriber, tmp_path: Path) -> None:
    heard = transcribed(dialogue("en", 1), tmp_path, transcriber=whisper)
    assert heard.engine == "whisperx 3.8.6 whisperx.asr.FasterWhisperPipeline"
    assert heard.origin == "whisperx"
    assert "pyannote" not in sys.modules  # which alone would take seconds of each start
    assert os.environ["HF_HUB_OFFLINE"] == "1"
    assert heard.real_time_factor == pytest.approx(heard.transcribe_seconds / heard.duration_seconds)


@pytest.mark.speech
@pytest.mark.parametrize("samples", [800, 16_077, 48_000, 28 * 16_000])
def test_a_short_answer_has_the_features_that_whisperx_gives_it(whisper: WhisperTranscriber, samples: int) -> None:
    whisper.load()
    pipeline = whisper._pipeline  # noqa: SLF001 - no port shows features
    sound = (0.1 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)
    own, theirs = (kind.preprocess(pipeline, {"inputs": sound})["inputs"] for kind in type(pipeline).__mro__[:2])

    assert own.shape == theirs.shape
    assert float((own - theirs).abs().max()) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.speech
def test_the_same_recording_gives_the_same_transcript(whisper: WhisperTranscriber, tmp_path: Path) -> None:
    once, again = (transcribed(dialogue("kk", 2), tmp_path, transcriber=whisper) for _ in range(2))
    assert once.turns == again.turns


@pytest.mark.speech
def test_the_demo_model_tells_the_language_by_its_sentences(whisper: WhisperTranscriber, tmp_path: Path) -> None:
    heard = [transcribed(dialogue(language, 2), tmp_path, transcriber=whisper).language for language in LANGUAGES]
    assert list(LANGUAGES) == heard


@pytest.mark.speech
def test_a_transcript_is_plain_json(whisper: WhisperTranscriber, tmp_path: Path) -> None:
    heard = transcribed(dialogue("ru", 2), tmp_path, transcriber=whisper)
    assert heard == msgspec.json.decode(msgspec.json.encode(heard), type=Transcript)


@pytest.mark.speech
@pytest.mark.parametrize("form", ["wav", "wav_mulaw", "ogg"])
def test_every_turn_is_attributed_to_its_speaker_with_bleed_and_noise(tmp_path: Path, form: Form) -> None:
    for number in range(4):
        spoken = dialogue("pt", number, bleed_decibels=-12.0, noise_decibels=-50.0)
        heard = transcribed(spoken, tmp_path, transcriber=CountingTranscriber(), form=form)
        assert [turn.role for turn in spoken.turns] == [turn.role for turn in heard.turns]
        assert np.mean(boundary_errors_seconds(spoken, heard)) <= 0.10


def in_one_channel(spoken: Dialogue, folder: Path) -> Path:
    both = (spoken.samples.astype(np.int32).sum(axis=0, keepdims=True) // 2).astype(np.int16)
    path = folder / "mono.wav"
    path.write_bytes(encode(both, samples_per_second=spoken.samples_per_second, form="wav_mulaw"))
    return path


def confusion(spoken: Dialogue, heard: Transcript) -> float:
    """Share of the speech, by tenths of a second, that is given to the other voice."""
    moments = np.arange(0, spoken.duration_seconds, 0.1)
    said = [_who(moments, [(turn.start_seconds, turn.end_seconds, turn.channel) for turn in spoken.turns])]
    said += [_who(moments, [(turn.start_seconds, turn.end_seconds, turn.speaker or 0) for turn in heard.turns])]
    both = (said[0] >= 0) & (said[1] >= 0)
    return min(float(np.mean(said[0][both] != named[both])) for named in (said[1], 1 - said[1]))


def _who(moments: NDArray[np.float64], turns: list[tuple[float, float, int]]) -> NDArray[np.int64]:
    who = np.full(len(moments), -1)
    for start, end, speaker in turns:
        who[(moments >= start) & (moments < end)] = speaker
    return who


@pytest.mark.speech
def test_two_voices_in_one_channel_are_told_apart_and_of_unknown_role(tmp_path: Path) -> None:
    errors: list[float] = []
    for language in LANGUAGES:
        spoken = dialogue(language, 0)
        path = in_one_channel(spoken, tmp_path)
        heard = transcribe(path, roles=SIDES, language="en", transcriber=CountingTranscriber())
        errors.append(confusion(spoken, heard))
        assert ("voices", {"unknown"}, {0}, {0, 1}) == (
            heard.separation,
            {turn.role for turn in heard.turns},
            {turn.channel for turn in heard.turns},
            {turn.speaker for turn in heard.turns},
        )
    print("confusion", errors)
    assert max(errors) <= 0.10


@pytest.mark.speech
def test_one_voice_in_one_channel_is_not_split(tmp_path: Path) -> None:
    spoken = dialogue("ru", 0)
    path = tmp_path / "one.wav"
    path.write_bytes(encode(spoken.samples[:1], samples_per_second=8_000, form="wav_mulaw"))
    heard = transcribe(path, roles=SIDES, language="en", transcriber=CountingTranscriber())

    assert ("none", {None}) == (heard.separation, {turn.speaker for turn in heard.turns})


@pytest.mark.speech
def test_without_a_model_turns_have_no_words_and_keep_their_times(tmp_path: Path) -> None:
    spoken = dialogue("kk", 1)
    heard = transcribed(spoken, tmp_path, transcriber=open_transcriber(SpeechSettings(model="none")))

    assert ("turns", "none", "unknown", {""}) == (
        heard.grade,
        heard.model,
        heard.language,
        {turn.text for turn in heard.turns},
    )
    assert [turn.role for turn in spoken.turns] == [turn.role for turn in heard.turns]
    assert np.mean(boundary_errors_seconds(spoken, heard)) <= 0.10


@pytest.mark.speech
def test_a_long_recording_is_heard_in_blocks_and_tells_how_far_it_is(tmp_path: Path) -> None:
    spoken = dialogue("en", 0)
    pause = np.zeros((2, 8_000 * 290), dtype=np.int16)
    samples = np.concatenate([spoken.samples, pause, spoken.samples, pause, spoken.samples], axis=1)
    path = tmp_path / "long.wav"
    path.write_bytes(encode(samples, samples_per_second=8_000, form="wav_mulaw"))
    told: list[Progress] = []
    heard = transcribe(path, roles=SIDES, language="en", transcriber=CountingTranscriber(), on_progress=told.append)
    repeat_seconds = spoken.duration_seconds + 290
    begins = [turn.start_seconds + number * repeat_seconds for number in range(3) for turn in spoken.turns]

    assert len(heard.turns) == 3 * len(spoken.turns)
    assert np.abs(np.array(begins) - [turn.start_seconds for turn in heard.turns]).max() <= 0.15
    assert [round(progress.share, 1) for progress in told][-1] == 1.0
    assert [progress.left_seconds for progress in told][-1] == 0.0


@pytest.mark.speech
def test_a_mono_recording_stored_twice_is_heard_once(tmp_path: Path) -> None:
    one_side = dialogue("en", 1).samples[:1]
    path = tmp_path / "twice.wav"
    path.write_bytes(encode(np.repeat(one_side, 2, axis=0), samples_per_second=8_000, form="wav"))
    heard = transcribe(path, roles=SIDES, language="en", transcriber=CountingTranscriber())
    assert (2, {0}, {"unknown"}) == (
        heard.channels,
        {turn.channel for turn in heard.turns},
        {turn.role for turn in heard.turns},
    )


def aligner_model(folder: Path) -> None:
    """Write a wav2vec2 model that knows letters and was taught nothing: it places words, though not where they were."""
    from transformers import (
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        Wav2Vec2Processor,
    )

    letters = sorted(
        {letter for one in clips() if one.language == "ru" for word in words_of(one.text) for letter in word}
    )
    vocabulary = folder / "letters.json"
    signs = ["<pad>", "<unk>", "|", *letters]
    vocabulary.write_bytes(msgspec.json.encode({sign: place for place, sign in enumerate(signs)}))
    tokenizer = Wav2Vec2CTCTokenizer(str(vocabulary), pad_token="<pad>", unk_token="<unk>", word_delimiter_token="|")
    Wav2Vec2Processor(feature_extractor=Wav2Vec2FeatureExtractor(), tokenizer=tokenizer).save_pretrained(folder / "ru")
    tiny = Wav2Vec2Config(
        vocab_size=len(signs),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
    )
    Wav2Vec2ForCTC(tiny).save_pretrained(folder / "ru")


@pytest.mark.speech
def test_words_have_times_where_the_language_has_an_aligner(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    aligner_model(tmp_path)
    transcriber = WhisperTranscriber(SpeechSettings(aligner=str(tmp_path / "{language}")))
    russian, kazakh = (
        transcribed(dialogue(language, 2), tmp_path, transcriber=transcriber, language=language)
        for language in ("ru", "kk")
    )
    turns = [turn for turn in russian.turns if turn.text]
    times = [[(word.start_seconds or 0.0, word.end_seconds or 0.0) for word in turn.words] for turn in turns]

    assert ("words", "segments") == (russian.grade, kazakh.grade)
    assert [turn.text for turn in turns] == [" ".join(word.text for word in turn.words) for turn in turns]
    assert all(placed == sorted(placed) for placed in times)
    assert all(
        turn.start_seconds - 0.3 <= start <= end <= turn.end_seconds + 0.3
        for turn, placed in zip(turns, times, strict=True)
        for start, end in placed
    )
    assert [f"no word times in kk: the aligner '{tmp_path / 'kk'}' of ANGIME_SPEECH_ALIGNER is not there"] == [
        record.getMessage() for record in caplog.records if record.name == "streams.whisper"
    ]


@pytest.mark.speech
def test_default_aligners_that_would_have_to_be_fetched_leave_words_without_times(tmp_path: Path) -> None:
    transcriber = WhisperTranscriber(SpeechSettings(aligner="default"))
    grades = [
        transcribed(dialogue(language, 2), tmp_path, transcriber=transcriber, language=language).grade
        for language in ("en", "ru")
    ]

    assert ["segments", "segments"] == grades


@pytest.mark.speech
def test_a_silent_recording_has_no_turns_and_no_language(tmp_path: Path) -> None:
    path = tmp_path / "silent.wav"
    path.write_bytes(encode(np.zeros((2, 16_000), dtype=np.int16), samples_per_second=8_000, form="wav"))
    heard = transcribe(path, roles=SIDES, language=None, transcriber=CountingTranscriber())
    assert (heard.turns, heard.grade, heard.language, heard.duration_seconds) == ((), "turns", "unknown", 2.0)


@pytest.mark.speech
def test_who_is_killed_while_he_listens_leaves_no_sound_in_any_file(tmp_path: Path) -> None:
    child = f"""
import os, signal, sys
from streams.transcribe import TurnsOnly, transcribe
class Killed(TurnsOnly):
    def recognise(self, samples, *, spans, language):
        os.kill(os.getpid(), signal.SIGKILL)
transcribe(sys.stdin.buffer.read(), roles={SIDES}, language="en", transcriber=Killed())
"""
    sound = recording_bytes(dialogue("en", 2), form="wav")
    ended = subprocess.run(
        [sys.executable, "-c", child], input=sound, env=os.environ | {"TMPDIR": str(tmp_path)}, check=False
    )
    left = [file.name for file in tmp_path.iterdir() if file.stat().st_size >= len(sound)]
    assert (ended.returncode, left) == (-signal.SIGKILL, [])


@pytest.mark.parametrize("content", [b"", b"<html><body>Not found</body></html>", b"RIFF\x00\x10\x00\x00WAVEfmt "])
def test_a_file_that_is_no_recording_is_refused_with_a_reason(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(content)
    with pytest.raises(InvalidEvent, match=r"^The recording "):
        transcribe(path, roles=SIDES, language=None, transcriber=CountingTranscriber())


@pytest.mark.parametrize(
    ("model", "reason"),
    [("", "No speech model is set"), ("/no/such/folder", r"no CTranslate2 model \(model.bin\) in it")],
)
def test_a_model_that_is_not_there_is_named_with_the_setting_to_mend(model: str, reason: str) -> None:
    with pytest.raises(Misconfigured, match=reason) as refusal:
        WhisperTranscriber(SpeechSettings(model=model)).load()
    assert "ANGIME_SPEECH_MODEL" in refusal.value.reason


@pytest.mark.speech
def test_a_model_that_would_have_to_be_fetched_is_refused_offline() -> None:
    with pytest.raises(Misconfigured, match=r"ANGIME_SPEECH_MODEL \(tiny, auto, default\)"):
        WhisperTranscriber(SpeechSettings(model="tiny")).load()


def test_the_demo_model_and_its_clips_stay_small() -> None:
    assert sum(file.stat().st_size for file in MODEL_FOLDER.iterdir()) < DEMO_MODEL_BYTES
    assert sum(file.stat().st_size for file in MODEL_FOLDER.with_name("clips").iterdir()) < CLIPS_BYTES


def test_every_sentence_has_a_clip_of_either_side() -> None:
    assert {("operator", 40), ("customer", 40)} == {
        (side, sum(one.speaker == side for one in clips())) for side in SIDES
    }


def test_composed_calls_are_the_same_for_the_same_seed() -> None:
    once, again = (dialogues(4, seed=7) for _ in range(2))
    assert [recording_bytes(one, form="ogg") for one in once] == [recording_bytes(one, form="ogg") for one in again]
    assert all(20 <= one.duration_seconds <= 45 for one in once)


def test_the_language_of_words_nobody_taught_is_not_known() -> None:
    assert language_of(["lorem ipsum"]) is None
    assert language_of(["Көп рақмет, сау болыңыз."]) == "kk"


def test_word_errors_count_substitutions_insertions_and_deletions() -> None:
    assert word_errors(["a", "b"], ["a", "b"]) == 0
    assert word_errors(["a", "b"], ["a", "c"]) == 1
    assert word_errors(["a", "b"], ["a", "b", "c"]) == 1
    assert word_errors(["a", "b"], []) == 2
