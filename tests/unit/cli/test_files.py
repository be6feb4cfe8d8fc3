"""Env files, label files and the file for a container's id, by docker's rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.cli.files import id_file, read_labels, read_pairs, read_variables
from runtime.errors import Conflict, InvalidInput


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("A=1\nB=2\n", ["A=1", "B=2"]),
        ("# a note\n\n   \n  # another\nA=1", ["A=1"]),
        ("A=\"quoted\"\nB='q'\n", ['A="quoted"', "B='q'"]),
        ("  A=1  \n", ["A=1  "]),
        ("A= 1 # no note\n", ["A= 1 # no note"]),
        ("A=b=c\nA=\n", ["A=b=c", "A="]),
        ("A=1\r\nB=2\r\n", ["A=1", "B=2"]),
        ("HERE\nNOWHERE\nHERE  \n", ["HERE=mine", "HERE=mine"]),
        ("\ufeffA=1\n", ["A=1"]),
        ("이름=값\n", ["이름=값"]),
    ],
)
def test_variables_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: list[str]
) -> None:
    monkeypatch.setenv("HERE", "mine")
    file = tmp_path / "env"
    file.write_bytes(text.encode())
    assert read_variables([str(file)], []) == expected


def test_flags_come_after_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "mine")
    file = tmp_path / "env"
    file.write_text("A=1\n")
    assert read_variables([str(file)], ["A=2", "HERE", "NOWHERE"]) == ["A=1", "A=2", "HERE=mine"]
    assert read_variables([], ["", "=x"]) == ["", "=x"]  # which the engine refuses
    assert read_labels([str(file)], ["b"]) == ["A=1", "b"]


def test_a_label_file_takes_no_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "mine")
    file = tmp_path / "labels"
    file.write_text("HERE\ncom.example=x\n")
    assert [*read_pairs(str(file))] == [("com.example", "x")]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"A=1\n=2\n", ":2: not a name: ''"),
        (b"export A=1\n", ":1: not a name: 'export A'"),
        (b"A B\n", ":1: not a name: 'A B'"),
        (b"A =1\n", ":1: not a name: 'A '"),
        (b"A=\xff\n", ":1: not UTF-8 text"),
    ],
)
def test_what_is_no_such_file(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "env"
    file.write_bytes(data)
    with pytest.raises(InvalidInput) as caught:
        [*read_pairs(str(file))]
    assert caught.value.message == f"{file}{message}"


def test_an_id_is_written_to_a_new_file_only(tmp_path: Path) -> None:
    path = tmp_path / "id"
    with id_file(str(path)) as write:
        write("abc")
    assert path.read_text() == "abc"
    with pytest.raises(Conflict, match="container ID file found"), id_file(str(path)):
        pass
    assert path.read_text() == "abc"


def test_no_file_stays_without_an_id(tmp_path: Path) -> None:
    path = tmp_path / "id"
    with pytest.raises(InvalidInput), id_file(str(path)):
        raise InvalidInput("no such container: {name}", name="x")
    assert not path.exists()
