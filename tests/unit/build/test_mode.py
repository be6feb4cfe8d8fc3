"""`--chmod`: octal and letters, as chmod reads them."""

from __future__ import annotations

import pytest

from runtime.build.mode import Mode


@pytest.mark.parametrize(
    ("text", "own", "file", "directory"),
    [
        ("755", 0o600, 0o755, 0o755),
        ("4755", 0o600, 0o4755, 0o4755),
        ("+x", 0o640, 0o751, 0o751),
        ("a-w", 0o666, 0o444, 0o444),
        ("u=rw,go=r", 0o777, 0o644, 0o644),
        ("u=rwX,go=rX", 0o600, 0o644, 0o755),
        ("u=rwX,go=rX", 0o700, 0o755, 0o755),
        ("g=u", 0o640, 0o660, 0o660),
        ("go=", 0o777, 0o700, 0o700),
        ("u+s,g+s,+t", 0o755, 0o7755, 0o7755),
        ("u=rw", 0o4755, 0o655, 0o4655),
        ("u+x-w", 0o600, 0o500, 0o500),
        ("o+u", 0o640, 0o646, 0o646),
    ],
)
def test_what_a_mode_makes_of_another(text: str, own: int, file: int, directory: int) -> None:
    mode = Mode.parse(text)
    assert mode
    assert mode.of(own, is_directory=False) == file
    assert mode.of(own, is_directory=True) == directory


@pytest.mark.parametrize("text", ["", "8", "77", "12345", "u", "z+x", "u+q", "u=rw,", "+ug"])
def test_what_is_no_mode(text: str) -> None:
    assert Mode.parse(text) is None
