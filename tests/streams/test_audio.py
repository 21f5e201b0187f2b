"""Audio in: what decodes, at which rate and shape, and which sentence refuses the rest."""

import resource
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from schemas.errors import InvalidEvent
from streams.audio import MAX_DECODING_BYTES, SAMPLES_PER_SECOND, AudioLimits, decode
from streams.demo_model.recordings import Form, encode
from tests.streams.bombs import mp3, with_bomb_for_a_title

SECONDS = 2.0
AMR = Path(__file__).with_name("tone.amr")


def tone(*, channels: int, samples_per_second: int) -> np.ndarray:
    at = np.arange(int(SECONDS * samples_per_second)) / samples_per_second
    rows = [9_000 * np.sin(2 * np.pi * 300 * (channel + 1) * at) for channel in range(channels)]
    return np.stack(rows).astype(np.int16)


def recording(folder: Path, *, form: Form = "wav", channels: int = 2, samples_per_second: int = 8_000) -> Path:
    path = folder / f"call.{form}"
    samples = tone(channels=channels, samples_per_second=samples_per_second)
    path.write_bytes(encode(samples, samples_per_second=samples_per_second, form=form))
    return path


def written(folder: Path, content: bytes, *, name: str = "call.wav") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("form", ["wav", "wav_mulaw", "ogg"])
@pytest.mark.parametrize("samples_per_second", [8_000, 16_000, 48_000])
def test_every_form_becomes_16_khz_floats_a_channel(tmp_path: Path, form: Form, samples_per_second: int) -> None:
    audio = decode(recording(tmp_path, form=form, samples_per_second=samples_per_second))
    assert (2, np.float32) == (audio.channels, audio.samples.dtype.type)
    assert pytest.approx(audio.duration_seconds, abs=0.05) == SECONDS
    assert audio.samples.shape[1] == round(audio.duration_seconds * SAMPLES_PER_SECOND)


@pytest.mark.parametrize("form", ["wav", "wav_mulaw", "ogg"])
def test_bytes_are_heard_as_the_file_that_holds_them(tmp_path: Path, form: Form) -> None:
    path = recording(tmp_path, form=form)
    assert np.array_equal(decode(path).samples, decode(path.read_bytes()).samples)


@pytest.mark.parametrize(
    ("name", "container", "codec", "samples_per_second", "channels"),
    [
        ("call.mp3", "mp3", "libmp3lame", 44_100, 2),
        ("call.flac", "flac", "flac", 16_000, 2),
        ("call.m4a", "mp4", "aac", 48_000, 2),
        ("call.webm", "webm", "libopus", 48_000, 2),
        ("alaw.wav", "wav", "pcm_alaw", 8_000, 1),
        ("six.flac", "flac", "flac", 16_000, 6),
    ],
)
def test_every_container_of_telephony_and_messengers_is_heard(  # noqa: PLR0917  # drawn columns
    tmp_path: Path, name: str, container: str, codec: str, samples_per_second: int, channels: int
) -> None:
    path = tmp_path / name
    sound = tone(channels=channels, samples_per_second=samples_per_second)
    with av.open(str(path), "w", format=container) as opened:
        layout = {1: "mono", 2: "stereo", 6: "5.1"}[channels]
        stream = opened.add_stream(codec, rate=samples_per_second, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.T).reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = samples_per_second
        opened.mux(stream.encode(frame))
        opened.mux(stream.encode(None))

    audio = decode(path)

    assert audio.channels == channels
    assert pytest.approx(audio.duration_seconds, abs=0.1) == SECONDS
    assert float(np.abs(audio.samples).max()) > 0.1


def test_what_phones_record_in_amr_is_heard() -> None:
    audio = decode(AMR)  # written beforehand, as the newest libraries read AMR and no longer write it
    assert (1, True) == (audio.channels, float(np.abs(audio.samples).max()) > 0.1)
    assert pytest.approx(audio.duration_seconds, abs=0.1) == SECONDS


def test_a_recording_is_refused_when_its_channels_together_are_too_long(tmp_path: Path) -> None:
    with pytest.raises(InvalidEvent, match="longer than 1 s"):
        decode(recording(tmp_path), limits=AudioLimits(channel_seconds=2.0))


@pytest.mark.parametrize("form", ["ogg", "mp3"])
def test_a_small_file_that_unpacks_to_hours_is_refused_before_they_are_decoded(tmp_path: Path, form: str) -> None:
    minute = np.zeros((1, 60 * 8_000), dtype=np.int16)
    small = {
        "ogg": encode(minute, samples_per_second=8_000, form="ogg"),
        "mp3": mp3(minute, samples_per_second=8_000, bits_per_second=8_000),
    }
    bomb = written(tmp_path, small[form], name=f"bomb.{form}")

    assert len(small[form]) < 64_000
    with pytest.raises(InvalidEvent, match="longer than 5 s"):
        decode(bomb, limits=AudioLimits(duration_seconds=5.0))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds the memory of a part of a process")
def test_a_title_that_unpacks_to_a_gigabyte_is_left_packed(tmp_path: Path) -> None:
    sound = mp3(tone(channels=1, samples_per_second=8_000), samples_per_second=8_000, bits_per_second=16_000)
    bomb = written(tmp_path, with_bomb_for_a_title(sound, unpacked_bytes=1_000_000_000), name="bomb.mp3")
    child = f"from pathlib import Path; from streams.audio import decode; print(decode(Path({str(bomb)!r})).channels)"
    child += "; print(Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[0])"
    heard = subprocess.run([sys.executable, "-c", child], check=True, capture_output=True, text=True).stdout.split()
    bounds = resource.getrlimit(resource.RLIMIT_AS)

    assert pytest.approx(decode(bomb).duration_seconds, abs=0.2) == SECONDS
    assert bounds == resource.getrlimit(resource.RLIMIT_AS)
    assert (bomb.stat().st_size < 1_100_000, heard[0]) == (True, "1")
    assert int(heard[1]) * 1024 < 2 * MAX_DECODING_BYTES


def test_the_channels_stay_apart(tmp_path: Path) -> None:
    audio = decode(recording(tmp_path))
    loudest_hertz = [
        int(np.argmax(np.abs(np.fft.rfft(channel)))) * SAMPLES_PER_SECOND / len(channel) for channel in audio.samples
    ]
    assert pytest.approx(loudest_hertz, abs=2) == [300, 600]


def test_a_mono_recording_has_one_channel(tmp_path: Path) -> None:
    audio = decode(recording(tmp_path, channels=1))
    assert (audio.channels, audio.samples.shape[0]) == (1, 1)


def test_a_recording_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidEvent, match="does not exist"):
        decode(tmp_path / "missing.wav")


def test_an_empty_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidEvent, match="empty: 0 bytes"):
        decode(written(tmp_path, b""))


def test_a_page_named_wav_is_refused(tmp_path: Path) -> None:
    page = b"<!doctype html><html><body>The link has expired.</body></html>" * 20
    with pytest.raises(InvalidEvent, match="cannot be decoded as audio"):
        decode(written(tmp_path, page))


def test_noise_of_bytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidEvent, match="cannot be decoded as audio"):
        decode(written(tmp_path, np.random.default_rng(1).bytes(50_000)))


@pytest.mark.parametrize(
    "playlist",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.wav\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile other.wav\n",
    ],
)
def test_a_playlist_never_makes_us_read_another_file(tmp_path: Path, playlist: bytes) -> None:
    recording(tmp_path).rename(tmp_path / "other.wav")
    with pytest.raises(InvalidEvent, match="cannot be decoded as audio"):
        decode(written(tmp_path, playlist))


def test_a_recording_cut_short_is_refused(tmp_path: Path) -> None:
    whole = recording(tmp_path).read_bytes()
    with pytest.raises(InvalidEvent, match=r"cut short: \d+ of \d+ bytes"):
        decode(written(tmp_path, whole[: len(whole) // 2]))


def test_a_header_without_a_length_is_that_of_a_recording_written_live(tmp_path: Path) -> None:
    whole = recording(tmp_path).read_bytes()
    live = whole[:4] + b"\xff\xff\xff\xff" + whole[8:]
    assert pytest.approx(decode(written(tmp_path, live)).duration_seconds, abs=0.01) == SECONDS


def test_a_header_with_nothing_behind_it_is_refused(tmp_path: Path) -> None:
    nothing = encode(np.zeros((1, 8), dtype=np.int16), samples_per_second=8_000, form="wav")
    with pytest.raises(InvalidEvent, match="nothing to hear"):
        decode(written(tmp_path, nothing))


def test_silence_is_audio(tmp_path: Path) -> None:
    silence = encode(np.zeros((2, 8_000), dtype=np.int16), samples_per_second=8_000, form="wav")
    audio = decode(written(tmp_path, silence))
    assert (audio.duration_seconds, float(np.abs(audio.samples).max())) == (1.0, 0.0)


def test_a_file_larger_than_allowed_is_refused_unread(tmp_path: Path) -> None:
    with pytest.raises(InvalidEvent, match="at most 1000 are taken"):
        decode(recording(tmp_path), limits=AudioLimits(file_bytes=1_000))


def test_a_recording_longer_than_allowed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidEvent, match="longer than 1 s"):
        decode(recording(tmp_path), limits=AudioLimits(duration_seconds=1.0))


def test_more_channels_than_allowed_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidEvent, match="2 channels; 1 to 1 are taken"):
        decode(recording(tmp_path), limits=AudioLimits(channels=1))
