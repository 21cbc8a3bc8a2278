"""The home is closed to others and never swallows or removes somebody else's folder."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from localcloud.home import HOME_VARIABLE, REPOSITORY, Home, HomeError, read_json, write_private


def test_found_in_the_clone_unless_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(HOME_VARIABLE, raising=False)
    assert Home.find().path == REPOSITORY / ".local" / "cloud"
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "a"))
    assert Home.find().path == tmp_path / "a"


def test_made_for_its_owner_only(tmp_path: Path) -> None:
    home = Home(tmp_path / "new" / "home").make()
    assert home.make() == home
    folders = [home.path, home.log, home.data, home.state, home.pulumi_home, home.bin]
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in folders] == [0o700] * 6


def test_a_folder_with_other_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(HomeError, match="has other files in it: point LOCALCLOUD_HOME at an empty"):
        Home(tmp_path).make()
    with pytest.raises(HomeError, match="is a file"):
        Home(tmp_path / "thesis.txt").make()


def test_only_a_home_is_wiped(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(HomeError, match="stays as it is"):
        Home(tmp_path).wipe()
    assert (tmp_path / "thesis.txt").exists()
    home = Home(tmp_path / "home").make()
    home.wipe()
    home.wipe()
    assert not home.path.exists()


def test_private_files(tmp_path: Path) -> None:
    write_private(tmp_path / "a.json", '{"a": 1}')
    write_private(tmp_path / "run", "#!/bin/sh\n", executable=True)
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    assert read_json(tmp_path / "a.json") == {"a": 1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "run"]


def test_a_cut_or_missing_file_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text('{"pid": 12')
    assert read_json(tmp_path / "cut.json") is None
    assert read_json(tmp_path / "missing.json") is None
