"""Files that are replaced as a whole."""

from pathlib import Path

from pipelines.whole_files import write_whole


def test_what_a_killed_process_left_half_written_is_no_part_of_what_is_written_next(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    write_whole(file, b"before")
    (tmp_path / "state.json.draft").write_bytes(b"a longer half of what was never wh")

    read_after_the_crash = file.read_bytes()
    write_whole(file, b"now")

    assert (read_after_the_crash, file.read_bytes(), list(tmp_path.iterdir())) == (b"before", b"now", [file])
