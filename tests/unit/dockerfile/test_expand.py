r"""Variables are expanded as BuildKit does; the tables follow its lex_test.go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.dockerfile.expand import expand
from runtime.dockerfile.source import Place, Word
from runtime.errors import DockerfileError

VARIABLES = {
    "PWD": "/home",
    "SHELL": "bash",
    "KOREAN": "한국어",
    "NULL": "",
    "PATH": "/a/b/c.tar.gz",
}


def expanded(text: str, escape: str = "\\") -> str:
    word = Word(text, Place("Dockerfile", 3, (5, 5 + len(text)), "RUN " + text))
    return expand(word, VARIABLES, escape)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("hello", "hello"),
        ("he'll'o", "hello"),
        ("he\\'llo", "he'llo"),
        ("he\\\\'llo'", "he\\llo"),
        ("abc\\tdef", "abctdef"),
        ("'abc\\tdef'", "abc\\tdef"),
        ('"abc\\tdef"', "abc\\tdef"),
        ('"a\\"b"', 'a"b'),
        ('"a\\$PWD"', "a$PWD"),
        ("'hello\\there'", "hello\\there"),
        ("'$PWD'", "$PWD"),
        ('"$PWD"', "/home"),
        ("\"'$PWD'\"", "'/home'"),
        ("$PWD", "/home"),
        ("x${PWD}y", "x/homey"),
        ("$PWDx", ""),
        ("$", "$"),
        ("a$", "a$"),
        ("$ x", "$ x"),
        ("he$1x", "hex"),
        ("he$.x", "he$.x"),
        ("he$pwd.", "he."),
        ("he\\$PWD", "he$PWD"),
        ("he\\\\$PWD", "he\\/home"),
        ("he${NULL}xx", "hexx"),
        ("안녕하세요\\$PWD", "안녕하세요$PWD"),
        ("${KOREAN}말", "한국어말"),
        ("", ""),
        ("''", ""),
    ],
)
def test_quotes_and_variables(text: str, result: str) -> None:
    assert expanded(text) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${PWD:-x}", "/home"),
        ("${XXX:-x}", "x"),
        ("${NULL:-x}", "x"),
        ("${NULL-x}", ""),
        ("${XXX-x}", "x"),
        ("${PWD:+x}", "x"),
        ("${NULL:+x}", ""),
        ("${NULL+x}", "x"),
        ("${XXX+x}", ""),
        ("${XXX:-${PWD}:0}", "/home:0"),
        ("${XXX:-'a}b'}", "a}b"),
        ("${XXX:-a\\}b}", "a}b"),
        ("${PWD:?must be there}", "/home"),
        ("${PATH#*/}", "a/b/c.tar.gz"),
        ("${PATH##*/}", "c.tar.gz"),
        ("${PATH%.*}", "/a/b/c.tar"),
        ("${PATH%%.*}", "/a/b/c"),
        ("${PATH#no}", "/a/b/c.tar.gz"),
        ("${PATH/\\//-}", "-a/b/c.tar.gz"),
        ("${PATH//\\//-}", "-a-b-c.tar.gz"),
        ("${PATH/?.tar/x}", "/a/b/x.gz"),
        ("${XXX/a/b}", ""),
    ],
)
def test_modifiers(text: str, result: str) -> None:
    assert expanded(text) == result


PLACE = Place("Dockerfile", 1, (1, 2), "")
GLOBS = {"A": "xx**", "B": "xxyy", "C": "/foo*/*/*.txt", "D": "a***yy*", "E": "???y", "N": "\\*/"}
GLOBS |= {"R": "()[]{}^$.*?|\\x", "S": "/tmp/foo.txt", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("${R#()[]{\\}^$.\\*\\?|\\\\}", "x"),
        ("${A%%\\**}", "xx"),
        ("${B#*x*y}", "y"),
        ("${B#*}", "xxyy"),
        ("${B#${EMPTY}}", "xxyy"),
        ("${B#}", "xxyy"),
        ("${B##*x}", "yy"),
        ("${E#?\\?}", "?y"),
        ("${Q:-.}${B%x}${Q:-.}", ".xxyy."),
        ("${D%%\\**\\*}", "a"),
        ("${C/$N/.} - ${C//$N/.}", "/foo.*/*.txt - /foo..*.txt"),
        ("${S//\\//\\/}", "\\/tmp\\/foo.txt"),
        ("${B/$EMPTY/ww}", "wwxxyy"),
        ("${B///}", "xxyy"),
        ("${EMPTY-a} ${EMPTY:-b} ${Q-c}", " b c"),
        ("${EMPTY+a} ${EMPTY:+b} ${Q+c}", "a  "),
        ("x-${A:+${B}}", "x-xxyy"),
    ],
)
def test_patterns_match_as_in_buildkit(text: str, result: str) -> None:
    assert expand(Word(text, PLACE), GLOBS) == result


@pytest.mark.parametrize(
    "text", ["${B#\\x}", "${B//ww}", "${B//}", "${B=a}", "${B:=a}", "${EMPTY:?}"]
)
def test_what_buildkit_refuses_is_refused(text: str) -> None:
    with pytest.raises(DockerfileError):
        expand(Word(text, PLACE), GLOBS)


def test_the_other_escape_character() -> None:
    assert expanded("C:\\$SHELL`$", "`") == "C:\\bash$"


@pytest.mark.parametrize(
    "text",
    ["'open", '"open', "${", "${}", "${PWD", "${:x}", "${PWD!x}", "${PWD:x}", "${XXX:?}", "${a/b}"],
)
def test_what_makes_no_sense_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        expanded(text)
    assert caught.value.line == 3
    assert caught.value.message.startswith("Dockerfile:3:5: ")


def test_a_question_mark_says_what_was_asked_for() -> None:
    with pytest.raises(DockerfileError, match="XXX: give me one"):
        expanded("${XXX:?give me one}")


@given(st.text(alphabet="a$ {}\\'\":-+?#%/*PWD", max_size=30))
def test_any_word_is_expanded_or_refused(text: str) -> None:
    try:
        expanded(text)
    except DockerfileError as error:
        assert error.message


@given(st.text(alphabet=st.characters(exclude_characters="$'\"\\")))
def test_what_has_no_special_character_stays(text: str) -> None:
    assert expanded(text) == text


def test_bottomless_nesting_is_refused() -> None:
    with pytest.raises(DockerfileError, match="not a variable"):
        expanded("${a:-" * 3000 + "}" * 3000)
