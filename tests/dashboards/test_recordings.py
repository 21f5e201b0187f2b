"""Recordings are read from their store, for their own company, and never from outside."""

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from dashboards import recordings
from dashboards.beeps import Beep, covered
from tests.dashboards.seed import tone


@pytest.fixture
def store(tmp_path: Path) -> str:
    (tmp_path / "recordings/nomad/2026").mkdir(parents=True)
    (tmp_path / "recordings/nomad/2026/a.wav").write_bytes(b"sound")
    (tmp_path / "recordings/other").mkdir()
    (tmp_path / "recordings/other/b.wav").write_bytes(b"secret")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    (tmp_path / "recordings/nomad/link.wav").symlink_to(tmp_path / "secret.txt")
    return (tmp_path / "recordings").as_uri()


def test_a_recording_is_read(store: str) -> None:
    assert b"sound" == recordings.load(store, company="nomad", path="nomad/2026/a.wav")


@pytest.mark.parametrize(
    "path",
    [
        "other/b.wav",
        "nomad/../other/b.wav",
        "nomad/../../secret.txt",
        "../secret.txt",
        "/etc/passwd",
        "nomad/link.wav",
        "nomad//2026/a.wav",
        "nomad/%2e%2e/other/b.wav",
        "nomad\\..\\other\\b.wav",
        "nomad/2026/missing.wav",
        "nomad",
        "",
    ],
)
def test_no_path_leads_out_of_the_company_s_folder(store: str, path: str) -> None:
    assert recordings.load(store, company="nomad", path=path) is None


@pytest.mark.parametrize(
    ("path", "expected"), [("a/b.wav", "audio/wav"), ("a/b.mp3", "audio/mpeg"), ("a/b", "audio/wav")]
)
def test_the_browser_is_told_what_it_plays(path: str, expected: str) -> None:
    assert expected == recordings.media_type(path)


def samples(content: bytes) -> np.ndarray:
    with wave.open(io.BytesIO(content)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, file.getnchannels()).T


def test_a_secret_is_covered_in_its_channel_and_nothing_else_is_changed() -> None:
    heard = tone(seconds=3)

    beeped = covered(heard, beeps=[Beep(channel=1, start_seconds=1.15, end_seconds=1.85)])

    assert beeped is not None
    is_changed = (samples(heard) != samples(beeped)).any(axis=0)
    loudest = np.abs(np.fft.rfft(samples(beeped)[1, 8_000:16_000])).argmax()
    assert (True, False, 1_000) == (is_changed[8_100:15_900].any(), is_changed[:8_000].any(), loudest)
    assert (samples(heard)[0] == samples(beeped)[0]).all()
    assert (samples(heard)[:, 16_000:] == samples(beeped)[:, 16_000:]).all()


def test_a_recording_that_cannot_be_covered_is_not_played() -> None:
    assert covered(b"no sound at all", beeps=[Beep(channel=0, start_seconds=0, end_seconds=1)]) is None
