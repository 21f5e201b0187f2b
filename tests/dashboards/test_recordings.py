"""Recordings are read from their store, for their own company, and never from outside."""

from pathlib import Path

import pytest

from dashboards import recordings


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
