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
    "write name=value, as in status=exited": "이름=값 형식으로 쓰세요. 예: status=exited",
    "no such container or image: {name}": "그런 컨테이너도 이미지도 없습니다: {name}",
    "no such type: {type}": "그런 종류는 없습니다: {type}",
    "write container or image": "container 또는 image 중 하나를 쓰세요",
    "This removes all stopped containers. Continue?": (
        "멈춘 컨테이너를 모두 삭제합니다. 계속할까요?"
    ),
    "This removes all images without a name. Continue?": (
        "이름 없는 이미지를 모두 삭제합니다. 계속할까요?"
    ),
    "This removes all images without a container. Continue?": (
        "컨테이너가 쓰지 않는 이미지를 모두 삭제합니다. 계속할까요?"
    ),
    "yes": "예",
    "no": "아니요",
    "a terminal for the container (-t) is not supported yet": (
        "컨테이너에 터미널을 주는 옵션(-t)은 아직 지원하지 않습니다"
    ),
    "leave out -t; with -i alone the container reads what you type": (
        "-t 없이 -i만 쓰세요. 입력한 내용은 컨테이너에 그대로 전달됩니다"
    ),
    "only one container can be attached to at a time": (
        "출력을 이어받을 수 있는 컨테이너는 한 번에 하나뿐입니다"
    ),
    "start the others without -a": "나머지는 -a 없이 시작하세요",
    "interrupted three times: leaving the container to itself": (
        "중단 신호를 세 번 받았습니다. 컨테이너는 그대로 두고 끝냅니다"
    ),
    "This removes all stopped containers, images without a name and old build layers. Continue?": (
        "멈춘 컨테이너, 이름 없는 이미지, 오래된 빌드 레이어를 모두 삭제합니다. 계속할까요?"
    ),
    "This removes all stopped containers, images without a container and old build layers. "
    "Continue?": (
        "멈춘 컨테이너, 컨테이너가 쓰지 않는 이미지, 오래된 빌드 레이어를 모두 삭제합니다. "
        "계속할까요?"
    ),
    "What this host permits, and how we know:": "이 호스트에서 되는 일과 그 근거:",
    "Using cache": "캐시 사용",
    "[Warning] build arguments without an ARG: {names}": (
        "[경고] Dockerfile에 ARG 선언이 없는 빌드 인자: {names}"
    ),
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
    "Create and run a new container from an image": "이미지로 새 컨테이너를 만들어 실행",
    "Create a new container": "새 컨테이너를 만들기만 함",
    "Start one or more stopped containers": "멈춘 컨테이너를 시작",
    "Execute a command in a running container": "실행 중인 컨테이너에서 명령을 실행",
    "List containers": "컨테이너 목록",
    "Fetch the logs of a container": "컨테이너의 로그를 출력",
    "Stop one or more running containers": "실행 중인 컨테이너를 정지",
    "Kill one or more running containers": "실행 중인 컨테이너에 시그널을 보내 강제 종료",
    "Block until containers stop, then print their exit codes": (
        "컨테이너가 끝날 때까지 기다렸다가 종료 코드를 출력"
    ),
    "Remove one or more containers": "컨테이너를 삭제",
    "Remove all stopped containers": "멈춘 컨테이너를 모두 삭제",
    "Build an image from a Dockerfile": "Dockerfile로 이미지를 빌드",
    "Make the base images from this host's own files": "이 호스트의 파일로 베이스 이미지를 만들기",
    "List images": "이미지 목록",
    "Remove one or more images": "이미지를 삭제",
    "Show the history of an image": "이미지가 만들어진 과정을 출력",
    "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE": (
        "SOURCE_IMAGE를 가리키는 태그 TARGET_IMAGE를 만들기"
    ),
    "Remove unused images": "쓰지 않는 이미지를 삭제",
    "Return low-level information on containers and images": (
        "컨테이너와 이미지의 상세 정보를 JSON으로 출력"
    ),
    "Display detailed information on containers": "컨테이너의 상세 정보를 출력",
    "Display detailed information on images": "이미지의 상세 정보를 출력",
    "Print a container's config.json, as the OCI defines it": ("컨테이너의 OCI config.json을 출력"),
    "Display what this host permits, each line with its evidence": (
        "이 호스트에서 되는 일을 근거와 함께 출력"
    ),
    "Show the version information": "버전 정보를 출력",
    "Show disk usage": "디스크 사용량을 출력",
    "Remove unused data": "쓰지 않는 데이터를 삭제",
    "Set build-time variables": "빌드할 때 쓰는 변수를 설정",
    "Name of the Dockerfile (default: PATH/Dockerfile)": (
        "Dockerfile의 이름 (기본값: PATH/Dockerfile)"
    ),
    "Set metadata for an image": "이미지에 메타데이터(라벨)를 설정",
    "Do not use cache when building the image": "캐시를 쓰지 않고 빌드",
    "Suppress the build output and print image ID on success": (
        "빌드 출력을 숨기고, 성공하면 이미지 ID만 출력"
    ),
    "Name and optionally a tag in the 'name:tag' format": "이미지의 이름과 태그 ('이름:태그' 형식)",
    "Only show image IDs": "이미지 ID만 출력",
    "Show all containers (default shows just running)": (
        "모든 컨테이너를 표시 (기본값: 실행 중인 것만)"
    ),
    "Show n last created containers (includes all states)": (
        "최근에 만든 컨테이너 n개를 표시 (상태와 무관)"
    ),
    "Show the latest created container (includes all states)": (
        "가장 최근에 만든 컨테이너를 표시 (상태와 무관)"
    ),
    "Only display container IDs": "컨테이너 ID만 출력",
    "Follow log output": "새로 나오는 로그를 계속 출력",
    "Number of lines to show from the end of the logs": "로그의 끝에서부터 출력할 줄 수",
    "Show timestamps": "시각을 함께 출력",
    "Signal to send to the container": "컨테이너에 보낼 시그널",
    "Seconds to wait before killing the container": "강제 종료하기 전에 기다릴 시간(초)",
    "Seconds to wait (the older name of --timeout)": "기다릴 시간(초). --timeout의 옛 이름",
    "Force the removal of a running container (uses SIGKILL)": (
        "실행 중인 컨테이너도 삭제 (SIGKILL 사용)"
    ),
    "Do not prompt for confirmation": "확인을 묻지 않음",
    "Show all images, those without a name too": "이름 없는 이미지까지 모두 표시",
    "Show digests": "다이제스트를 표시",
    "Print sizes and dates in human readable format": "크기와 날짜를 읽기 쉬운 형식으로 출력",
    "Force removal of the image": "이미지를 강제로 삭제",
    "Remove all unused images, not just those without a name": (
        "이름 없는 이미지뿐 아니라 쓰지 않는 이미지를 모두 삭제"
    ),
    "Format output: 'json' or a Go template": "출력 형식: 'json' 또는 Go 템플릿",
    "Only inspect objects of the given type: container or image": (
        "지정한 종류만 조회: container 또는 image"
    ),
    "Format output: 'table', 'table TEMPLATE', 'json' or a Go template": (
        "출력 형식: 'table', 'table 템플릿', 'json' 또는 Go 템플릿"
    ),
    "Filter output based on conditions provided": "조건에 맞는 것만 출력",
    "Don't truncate output": "출력을 줄이지 않음",
    "Set environment variables": "환경 변수를 설정",
    "Keep standard input open": "표준 입력을 열어 둠",
    "Allocate a pseudo-TTY (not possible yet)": "가상 터미널(pseudo-TTY) 할당 (아직 지원하지 않음)",
    "User name or UID (format: <name|uid>[:<group|gid>])": (
        "사용자 이름 또는 UID (형식: <name|uid>[:<group|gid>])"
    ),
    "Working directory inside the container": "컨테이너 안의 작업 디렉터리",
    "Number of CPUs": "CPU 개수",
    "Overwrite the default ENTRYPOINT of the image": "이미지의 기본 ENTRYPOINT를 바꿈",
    "Container host name": "컨테이너의 호스트 이름",
    "Set meta data on a container": "컨테이너에 메타데이터(라벨)를 설정",
    "Memory limit": "메모리 제한",
    "Assign a name to the container": "컨테이너에 이름을 붙임",
    "Connect a container to a network ('none': only itself)": (
        "컨테이너를 네트워크에 연결 ('none': 루프백만)"
    ),
    "Tune container pids limit (set -1 for unlimited)": "프로세스 수 제한 (-1이면 제한 없음)",
    "Automatically remove the container when it exits": "컨테이너가 끝나면 자동으로 삭제",
    "Run container in background and print container ID": (
        "컨테이너를 백그라운드에서 실행하고 컨테이너 ID를 출력"
    ),
    "Attach to its output and forward signals": "출력을 이어받고 시그널을 전달",
    "Run the command in the background": "명령을 백그라운드에서 실행",
}
