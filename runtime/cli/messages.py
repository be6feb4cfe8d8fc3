"""Every sentence of the engine and of its command line, in Korean.

The English sentence is the key: code raises and prints English templates, and only the edge
(command line, notebook) looks here. A Korean template has the same {facts}. No particle is
attached to a fact, because which one fits depends on its last sound: «이미지가 없습니다: {name}».

The groups follow the rooms of the engine, from the command line downwards.
"""

from __future__ import annotations

import os


def language() -> str:
    """ "ko" or "en": ONGGI_LANG, else the locale of messages, in the order that POSIX gives."""
    for variable in ("ONGGI_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return "ko" if value.startswith("ko") else "en"
    return "en"


def translate(text: str) -> str:
    """`text` in the reader's language; a sentence that is not in the table stays English."""
    return in_korean(text) if language() == "ko" else text


def in_korean(text: str) -> str:
    """`text` in Korean; a text of several lines may be in the table line by line."""
    if text in KO or "\n" not in text:
        return KO.get(text, text)
    return "\n".join(KO.get(line, line) for line in text.split("\n"))


KO: dict[str, str] = {
    # ── The command line: what it says ─────────────────────────────────────────────────────────
    "unknown flag: {flag}": "모르는 옵션입니다: {flag}",
    "unknown flag: {letter} in {flag}": "모르는 옵션입니다: {flag} 안의 {letter}",
    "did you mean --{near}?": "혹시 --{near}?",
    "a value is missing after {flag}": "옵션 값이 빠졌습니다: {flag}",
    "{flag} is either true or false, not {text}": (
        "{flag}: true 또는 false만 쓸 수 있습니다 (받은 값: {text})"
    ),
    "{flag} takes a whole number, not {text}": "{flag}: 정수를 써야 합니다 (받은 값: {text})",
    "{flag} takes a size such as 64m or 1g, not {text}": (
        "{flag}: 64m, 1g 같은 크기를 써야 합니다 (받은 값: {text})"
    ),
    "{flag} takes a number such as 0.5 or 2, not {text}": (
        "{flag}: 0.5, 2 같은 숫자를 써야 합니다 (받은 값: {text})"
    ),
    "Usage:  {usage}": "사용법:  {usage}",
    "Run 'onggi {path} --help' for more information": "자세한 설명: onggi {path} --help",
    "'onggi {path}' takes no arguments": "'onggi {path}' 명령에는 인자를 쓰지 않습니다",
    "'onggi {path}' needs at least {least} argument(s)": (
        "'onggi {path}' 명령에는 인자가 {least}개 이상 필요합니다"
    ),
    "'onggi {path}' needs exactly {least} argument(s)": (
        "'onggi {path}' 명령에는 인자가 정확히 {least}개 필요합니다"
    ),
    "'onggi {path}' takes at most {most} argument(s)": (
        "'onggi {path}' 명령에는 인자를 {most}개까지만 쓸 수 있습니다"
    ),
    "unknown command: onggi {path}": "모르는 명령입니다: onggi {path}",
    "did you mean 'onggi {meant}'?": "혹시 'onggi {meant}'?",
    "Run '{help_for} --help'": "명령 목록: {help_for} --help",
    "Run 'onggi --help'": "명령 목록: onggi --help",
    "{reason}": "{reason}",
    "{path}: {reason}": "{path}: {reason}",
    "not a filter: {word}": "필터 형식이 아닙니다: {word}",
    "write name=value, as in status=exited": "이름=값 형식으로 쓰십시오. 예: status=exited",
    "no such container or image: {name}": "그런 컨테이너도 이미지도 없습니다: {name}",
    "no such type: {type}": "그런 종류는 없습니다: {type}",
    "write container or image": "container 또는 image 중 하나를 쓰십시오",
    "This removes all stopped containers. Continue?": (
        "멈춘 컨테이너를 모두 삭제합니다. 계속할까요?"
    ),
    "This removes all images without a name. Continue?": (
        "이름 없는 이미지를 모두 삭제합니다. 계속할까요?"
    ),
    "This removes all images without a container. Continue?": (
        "컨테이너가 쓰지 않는 이미지를 모두 삭제합니다. 계속할까요?"
    ),
    "This host:": "이 호스트에서 되는 일:",
    "yes": "예",
    "no": "아니요",
    # ── --format ───────────────────────────────────────────────────────────────────────────────
    "cannot read {rest} in the format": "--format 템플릿에서 해석할 수 없는 부분: {rest}",
    "in the format, an opening {{{{ has no closing }}}}": (
        "--format 템플릿에서 {{{{ 뒤에 닫는 }}}} 표시가 없습니다"
    ),
    "in the format, nothing is open for {word}": (
        "--format 템플릿에서 짝이 되는 시작이 없습니다: {word}"
    ),
    "in the format, {word} has no end": "--format 템플릿에서 end로 닫지 않은 블록: {word}",
    "the format calls {name}, which is no function here": (
        "--format 템플릿이 없는 함수를 부릅니다: {name}"
    ),
    "known functions: {known}": "쓸 수 있는 함수: {known}",
    "the format uses {name} before it has a value": (
        "--format 템플릿이 값을 정하기 전에 쓴 변수: {name}"
    ),
    "the format gives arguments to {value}": (
        "--format 템플릿이 함수가 아닌 값에 인자를 주었습니다: {value}"
    ),
    "the format calls {name} with arguments that do not fit: {arguments}": (
        "--format 템플릿에서 함수 {name}의 인자가 맞지 않습니다: {arguments}"
    ),
    "the format asks for .{name} of {value}": (
        "--format 템플릿이 찾는 필드 .{name}: 이 값에는 필드가 없습니다: {value}"
    ),
    "the format asks for .{name}, which is not there": (
        "--format 템플릿이 찾는 필드가 없습니다: .{name}"
    ),
    "known fields: {known}": "쓸 수 있는 필드: {known}",
    "the format ranges over {value}": (
        "--format 템플릿의 range 대상이 목록도 맵도 아닙니다: {value}"
    ),
    # ── Help texts ─────────────────────────────────────────────────────────────────────────────
    "Containers you can look into": "속을 들여다볼 수 있는 컨테이너",
    "Common Commands:": "자주 쓰는 명령:",
    "Management Commands:": "관리 명령:",
    "Commands:": "명령:",
    "Options:": "옵션:",
    "Aliases:": "같은 명령:",
    "Run 'onggi COMMAND --help' for more information on a command.": (
        "명령별 설명: onggi COMMAND --help"
    ),
    "Run 'onggi {path} COMMAND --help' for more information on a command.": (
        "명령별 설명: onggi {path} COMMAND --help"
    ),
    "Print usage": "사용법을 출력",
    "Print version information and quit": "버전을 출력하고 종료",
    "Manage containers": "컨테이너 관리",
    "Manage images": "이미지 관리",
    "Manage Onggi": "Onggi 관리",
}
