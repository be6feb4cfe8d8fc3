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
    "unknown flag: {flag}": "알 수 없는 옵션입니다: {flag}",
    "no such key: {key!r}": "없는 키입니다: {key!r}",
    "write a letter, or ctrl- and one of a-z @ [ \\ ] ^ _, with commas between them": (
        "글자 하나 또는 ctrl- 뒤에 a-z @ [ \\ ] ^ _ 중 하나를, 쉼표로 이어 쓰세요"
    ),
    "the input device is not a terminal": "표준 입력이 터미널이 아닙니다",
    "leave out -t: then a pipe or a file can be the input": (
        "-t를 빼면 파이프나 파일도 입력으로 쓸 수 있습니다"
    ),
    "left by the detach keys; it runs on": "분리 키로 빠져나왔습니다. 프로그램은 계속 실행됩니다",
    "at least one flag is needed": "옵션이 하나 이상 있어야 합니다",
    "it says what is to be changed, such as --memory 64m": "바꿀 것을 쓰세요. 예: --memory 64m",
    "-a and -d contradict each other: in the background nobody is attached": (
        "-a와 -d는 함께 쓸 수 없습니다. 백그라운드에서는 아무도 연결되지 않습니다"
    ),
    "unknown flag: {letter} in {flag}": "알 수 없는 옵션입니다: {flag} 안의 {letter}",
    "did you mean --{near}?": "혹시 이것을 찾으셨나요: --{near}",
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
    "not supported yet: onggi {path}": "아직 지원하지 않는 명령입니다: onggi {path}",
    "{name} is missing": "빠진 값이 있습니다: {name}",
    "error reading {name}: not what is expected: {text} ({reason})": (
        "값을 읽을 수 없습니다: {name}: {text} ({reason})"
    ),
    "squash is only supported with experimental mode": ("squash는 실험 모드에서만 쓸 수 있습니다"),
    "BuildKit is not part of this engine: build with the variable DOCKER_BUILDKIT=0": (
        "이 엔진에는 BuildKit이 없습니다. 환경 변수 DOCKER_BUILDKIT=0을 지정하고 빌드하세요"
    ),
    "refusing to create a tag with a digest reference": "다이제스트로는 태그를 만들 수 없습니다",
    # ── Engines elsewhere ──────────────────────────────────────────────────────────────────────
    "Daemon socket to connect to": "연결할 엔진의 소켓",
    "Location of client config files": "클라이언트 설정 파일이 있는 디렉터리",
    "Accepted as docker's; there is nothing more to be told": (
        "docker와 같은 옵션으로 받아들이지만 달라지는 것은 없습니다"
    ),
    "Use TLS; implied by --tlsverify": "TLS 사용(--tlsverify를 쓰면 자동으로 적용)",
    "Trust certs signed only by this CA": "이 CA가 서명한 인증서만 신뢰",
    "Path to TLS certificate file": "TLS 인증서 파일 경로",
    "Path to TLS key file": "TLS 키 파일 경로",
    "Use TLS and verify the remote": "TLS를 사용하고 상대를 검증",
    "(engines elsewhere: --host)": "(--host로 연결한 엔진에서만)",
    "Add an annotation to the container (passed to the OCI runtime)": (
        "컨테이너에 애너테이션 추가(OCI 런타임에 전달)"
    ),
    "Do not delete untagged parents": "이름 없는 부모 이미지는 남김",
    "Amount of disk space to keep for cache": "캐시용으로 남겨 둘 디스크 용량",
    "The network from which to copy the configuration": "설정을 복사해 올 네트워크",
    "Create a configuration only network": "설정만 담은 네트워크 만들기",
    "Set IPAM driver specific options": "IPAM 드라이버 옵션 지정",
    "only one --host can be given": "--host는 한 번만 쓸 수 있습니다",
    "no way to an engine: {text}": "엔진의 주소가 아닙니다: {text}",
    "write unix:///path/of/a/socket or tcp://HOST:PORT": (
        "unix:///소켓/경로 또는 tcp://호스트:포트로 쓰세요"
    ),
    "no engine answers at {host}: {reason}": "엔진이 응답하지 않습니다: {host} ({reason})",
    "is it running, and may you speak to it? --host and DOCKER_HOST say where it is": (
        "엔진이 실행 중인지, 접근 권한이 있는지 확인하세요. "
        "엔진의 위치는 --host와 DOCKER_HOST로 정합니다"
    ),
    "Error response from daemon: {message}": "엔진의 응답: {message}",
    "the engine's answer was cut off": "엔진의 응답이 중간에 끊겼습니다",
    "the engine's answer is not what docker's API says: {text}": (
        "엔진의 응답이 Docker API에 맞지 않습니다: {text}"
    ),
    "an engine elsewhere cannot be asked for this: {feature}": (
        "다른 곳의 엔진에는 요청할 수 없는 기능입니다: {feature}"
    ),
    "do it on the engine's own host, without --host": (
        "엔진이 있는 호스트에서 --host 없이 실행하세요"
    ),
    "invalid container name or ID: value is empty": "컨테이너 이름이나 ID가 비어 있습니다",
    "invalid image name: value is empty": "이미지 이름이 비어 있습니다",
    "not supported yet: {flag}": "아직 지원하지 않는 옵션입니다: {flag}",
    "base images need no download: onggi image bootstrap": (
        "베이스 이미지는 내려받을 필요가 없습니다: onggi image bootstrap"
    ),
    "{flag} takes a time such as 30s, not {text}": (
        "{flag}: 30s 같은 시간을 써야 합니다 (받은 값: {text})"
    ),
    "{flag} takes a size such as 64m, or -1, not {text}": (
        "{flag}: 64m 같은 크기나 -1을 써야 합니다 (받은 값: {text})"
    ),
    "{path}:{line}: not UTF-8 text": "{path}:{line}: UTF-8 텍스트가 아닙니다",
    "{path}:{line}: not a name: {name!r}": "{path}:{line}: 이름으로 쓸 수 없습니다: {name!r}",
    "write NAME=value, with no blanks in the name": (
        "이름=값 형식으로 쓰고 이름에 빈칸을 넣지 마세요"
    ),
    "container ID file found: {path}": "컨테이너 ID 파일이 이미 있습니다: {path}",
    "make sure the other container isn't running, or delete the file": (
        "다른 컨테이너가 실행 중이 아닌지 확인하거나 그 파일을 지우세요"
    ),
    "--no-healthcheck conflicts with --health-* options": (
        "--no-healthcheck 옵션은 --health-* 옵션과 함께 쓸 수 없습니다"
    ),
    "invalid pull option: {policy!r}": "--pull 옵션에 쓸 수 없는 값입니다: {policy!r}",
    "write always, missing or never": "always, missing, never 중 하나를 쓰세요",
    "unknown command: onggi {path}": "알 수 없는 명령입니다: onggi {path}",
    "did you mean 'onggi {meant}'?": "혹시 이것을 찾으셨나요: 'onggi {meant}'",
    "Run '{help_for} --help'": "명령 목록: {help_for} --help",
    "Run 'onggi --help'": "명령 목록: onggi --help",
    "{reason}": "{reason}",
    "{path}: {reason}": "{path}: {reason}",
    "not a filter: {word}": "필터 형식이 아닙니다: {word}",
    "write name=value, as in status=exited": "이름=값 형식으로 쓰세요. 예: status=exited",
    "no such object: {name}": "그런 이름의 컨테이너, 이미지, 네트워크, 볼륨이 없습니다: {name}",
    "no such type: {type}": "그런 종류는 없습니다: {type}",
    "write container, image, network or volume": (
        "container, image, network, volume 중 하나를 쓰세요"
    ),
    "looking at this host's programs": "이 호스트의 프로그램을 살펴보는 중",
    "onggi/base: shell and small tools": "onggi/base: 셸과 기본 도구",
    "onggi/base: web client, certificates, time zones": "onggi/base: 웹 클라이언트, 인증서, 시간대",
    "onggi/python: interpreter and standard library": "onggi/python: 인터프리터와 표준 라이브러리",
    "onggi/python: pip": "onggi/python: pip",
    "onggi/registry: web server and passwords": "onggi/registry: 웹 서버와 비밀번호",
    "onggi/registry: Onggi itself": "onggi/registry: 옹기 자신",
    "This removes all stopped containers. Continue?": (
        "멈춘 컨테이너를 모두 삭제합니다. 계속할까요?"
    ),
    "This removes all build cache. Continue?": "빌드 캐시를 모두 삭제합니다. 계속할까요?",
    "This removes all build cache that no image uses. Continue?": (
        "어떤 이미지도 쓰지 않는 빌드 캐시를 모두 삭제합니다. 계속할까요?"
    ),
    "Remove build cache": "빌드 캐시 삭제",
    "Manage builds": "빌드 관리",
    "Remove all build cache, not just what no image uses": (
        "이미지가 쓰지 않는 것만이 아니라 빌드 캐시를 모두 삭제"
    ),
    "This removes all images without a name. Continue?": (
        "이름 없는 이미지를 모두 삭제합니다. 계속할까요?"
    ),
    "This removes all images without a container. Continue?": (
        "컨테이너가 쓰지 않는 이미지를 모두 삭제합니다. 계속할까요?"
    ),
    "yes": "예",
    "no": "아니요",
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
    # ── The command line: a registry of one's own ──────────────────────────────────────────────
    "Manage a registry of your own": "내 레지스트리 관리",
    "Serve a registry of your own": "내 레지스트리를 띄웁니다",
    "Remove what nobody can pull from a registry any more": (
        "레지스트리에서 이제 아무도 풀할 수 없는 것을 삭제합니다"
    ),
    "Print a line of a password file": "비밀번호 파일에 넣을 줄을 출력합니다",
    "Directory of the registry's images": "레지스트리의 이미지를 두는 디렉터리",
    "Address and port to listen on": "요청을 받을 주소와 포트",
    "Serve HTTPS with this certificate (PEM, chain included)": (
        "이 인증서로 HTTPS를 제공합니다 (PEM, 체인 포함)"
    ),
    "Key of the certificate (PEM)": "인증서의 개인 키 (PEM)",
    "Let in only the users of this file (bcrypt)": "이 파일에 있는 사용자만 들여보냅니다 (bcrypt)",
    "Allow manifests, tags and blobs to be deleted": "매니페스트, 태그, blob 삭제를 허용합니다",
    "Append a JSON line for each request to this file (default: stdout)": (
        "요청마다 JSON 한 줄을 이 파일에 덧붙입니다 (기본값: 표준 출력)"
    ),
    "Delete manifests that have no tag, too": "태그가 없는 매니페스트도 삭제합니다",
    "Spare what was pushed in this time: it may still get a name": (
        "이 시간 안에 푸시된 것은 남겨 둡니다. 곧 이름이 붙을 수 있습니다"
    ),
    "Read the password from standard input": "비밀번호를 표준 입력에서 읽습니다",
    "Password: ": "비밀번호: ",
    "there was no password": "비밀번호가 없습니다",
    "the registry answers at {address}": "레지스트리가 이 주소에서 응답합니다: {address}",
    "passwords go over the network in clear: use --tls-cert, --tls-key": (
        "비밀번호가 암호화되지 않은 채 네트워크로 나갑니다. --tls-cert와 --tls-key를 쓰세요"
    ),
    "--tls-cert and --tls-key belong together": "--tls-cert와 --tls-key는 함께 써야 합니다",
    "there is no registry in this directory: {path}": (
        "이 디렉터리에는 레지스트리가 없습니다: {path}"
    ),
    "the engine answers at {address}": "엔진이 이 주소에서 응답합니다: {address}",
    "this file is no socket, and stays: {path}": (
        "소켓이 아닌 파일이 이미 있어서 그대로 둡니다: {path}"
    ),
    "another server listens here already: {path}": (
        "다른 서버가 이미 이 소켓을 쓰고 있습니다: {path}"
    ),
    "write unix:///run/onggi.sock or tcp://127.0.0.1:2376": (
        "unix:///run/onggi.sock 또는 tcp://127.0.0.1:2376 형식으로 쓰세요"
    ),
    "nobody but this host's root may speak to the engine: {address} needs TLS": (
        "엔진에 접속하는 사람은 이 호스트의 root나 다름없습니다. TLS가 필요한 주소입니다: {address}"
    ),
    "give --tlsverify, --tlscacert, --tlscert and --tlskey; or listen on "
    "127.0.0.1 with --plain-loopback": (
        "--tlsverify, --tlscacert, --tlscert, --tlskey를 주거나, "
        "--plain-loopback과 함께 127.0.0.1에서 요청을 받으세요"
    ),
    "--tlsverify, --tlscacert, --tlscert and --tlskey belong together": (
        "--tlsverify, --tlscacert, --tlscert, --tlskey는 함께 써야 합니다"
    ),
    "no exec command specified": "실행할 명령이 없습니다",
    "no such exec instance: {name}": "그런 exec가 없습니다: {name}",
    "exec command {name} has been started already": "이미 시작된 exec입니다: {name}",
    "exec process is not started": "exec가 아직 시작되지 않았습니다",
    "no image was specified: {where}": "이미지를 정하지 않았습니다: {where}",
    "cannot be changed later: {name}": "나중에 바꿀 수 없는 설정입니다: {name}",
    "{name} cannot be understood: {text}": "{name}의 값을 이해할 수 없습니다: {text}",
    "cannot start a paused container, try unpause instead": (
        "멈춰 둔 컨테이너는 시작할 수 없습니다. unpause로 이어서 실행하세요"
    ),
    "Neither old nor new names may be empty": "이름은 비워 둘 수 없습니다",
    "a window has a height (h) and a width (w)": "창 크기에는 높이(h)와 너비(w)가 모두 필요합니다",
    "Bad parameters: you must choose at least one stream": (
        "stdout과 stderr 중 적어도 하나를 골라야 합니다"
    ),
    "configured logging driver does not support reading": (
        "이 컨테이너의 로그 드라이버에서는 로그를 읽을 수 없습니다"
    ),
    "container {name} is {state}: it cannot be attached to": (
        "컨테이너에 연결할 수 없는 상태입니다: {name} ({state})"
    ),
    "invalid condition: {text!r}": "기다릴 수 없는 조건입니다: {text!r}",
    "bad parameter: 'path' cannot be empty": "path에 경로를 써야 합니다",
    "unknown object type: {kind}": "모르는 종류: {kind}",
    "`since` time ({since}) cannot be after `until` time ({until})": (
        "since 시각({since})이 until 시각({until})보다 늦을 수 없습니다"
    ),
    "{name} is no moment: {text}": "시각이 아닙니다: {name}={text}",
    "{name} takes a whole number, not {text!r}": "{name}에는 정수를 써야 합니다: {text!r}",
    "the body has half a character: {escape}": "본문에 반쪽짜리 문자가 있습니다: {escape}",
    "{name} is no JSON object of filters: {text}": (
        "{name}: 필터를 담은 JSON 객체가 아닙니다: {text}"
    ),
    "unsupported Content-Type header ({kind}): must be 'application/json'": (
        "지원하지 않는 Content-Type 헤더입니다({kind}). application/json이어야 합니다"
    ),
    "not an address to build from: {text!r}": "빌드할 수 있는 주소가 아닙니다: {text!r}",
    "not an address to listen on: {text!r}": "요청을 받을 주소로 쓸 수 없습니다: {text!r}",
    "write host:port, as in 127.0.0.1:5000 or 0.0.0.0:5000": (
        "호스트:포트 형식으로 쓰세요. 예: 127.0.0.1:5000, 0.0.0.0:5000"
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
    "Display total file sizes": "전체 파일 크기를 표시",
    "Nothing was removed.": "아무것도 삭제하지 않았습니다.",
    "Provide filter values (e.g., until=24h, label=a)": (
        "삭제할 대상의 조건 (예: until=24h, label=a)"
    ),
    "Remove the specified link": "지정한 링크를 삭제",
    "Remove anonymous volumes associated with the container": "컨테이너의 이름 없는 볼륨도 삭제",
    "List port mappings or a specific mapping for the container": "컨테이너의 포트 연결을 출력",
    "no public port {port} published for {name}": (
        "공개된 포트가 없습니다: {port} (컨테이너: {name})"
    ),
    "Print usage": "사용법을 출력",
    "Print version information and quit": "버전을 출력하고 종료",
    "Manage containers": "컨테이너 관리",
    "Manage images": "이미지 관리",
    "Manage networks": "네트워크 관리",
    'IPv4 address (e.g., "172.30.100.104")': "IPv4 주소 (예: 172.30.100.104)",
    'IPv6 address (e.g., "2001:db8::33")': "IPv6 주소 (예: 2001:db8::33)",
    "IPv4 address (e.g., 172.30.100.104)": "IPv4 주소 (예: 172.30.100.104)",
    "IPv6 address (e.g., 2001:db8::33)": "IPv6 주소 (예: 2001:db8::33)",
    "Display detailed information on networks": "네트워크의 자세한 정보를 표시",
    "Connect a container to a network": "컨테이너를 네트워크에 연결",
    "Create a network": "네트워크를 만들기",
    "Disconnect a container from a network": "컨테이너를 네트워크에서 분리",
    "List networks": "네트워크 목록을 표시",
    "Remove all unused networks": "쓰지 않는 네트워크를 모두 삭제",
    "Remove one or more networks": "네트워크를 삭제",
    "Enable manual container attachment": "컨테이너를 직접 연결할 수 있게 하기",
    "Auxiliary IPv4 or IPv6 addresses used by the driver": "다른 것이 쓰고 있는 IPv4, IPv6 주소",
    "Driver to manage the network": "네트워크를 관리할 드라이버",
    "IPv4 or IPv6 gateway for the subnet": "서브넷의 IPv4, IPv6 게이트웨이",
    "Create swarm routing-mesh network": "스웜의 라우팅 메시 네트워크를 만들기",
    "Restrict external access to the network": "바깥과의 통신을 막기",
    "Allocate container IP from a sub-range": "컨테이너의 IP를 이 범위에서 나누어 주기",
    "IP address management driver": "IP 주소 관리 드라이버",
    "Enable IPv6 networking": "IPv6를 쓰기",
    "Set metadata on a network": "네트워크의 메타데이터를 지정",
    "Set driver specific options": "드라이버의 옵션을 지정",
    "Control the network's scope": "네트워크의 범위를 지정",
    "Subnet in CIDR format that represents a network segment": "CIDR 형식의 서브넷",
    "Only display network IDs": "네트워크 ID만 표시",
    "driver options for the network": "네트워크 드라이버의 옵션",
    "Add a link-local address for the container": "컨테이너에 링크 로컬 주소를 추가",
    "Container IPv4/IPv6 link-local addresses": "컨테이너의 IPv4, IPv6 링크 로컬 주소",
    "Force the container to disconnect from a network": "컨테이너를 네트워크에서 강제로 분리",
    "Do not error if the network does not exist": "네트워크가 없어도 오류로 보지 않기",
    "Set the networking mode for the RUN instructions during build": (
        "빌드 중 RUN 명령이 쓸 네트워크"
    ),
    "Accepted: a step is known whichever image it was built for": (
        "받아만 둠: 어느 이미지를 위해 빌드한 단계든 캐시에서 찾음"
    ),
    "Limit the CPU CFS (Completely Fair Scheduler) period": "CPU CFS 스케줄러의 주기",
    "Limit the CPU CFS (Completely Fair Scheduler) quota": "CPU CFS 스케줄러의 한 주기당 할당량",
    "Swap limit equal to memory plus swap: -1 to enable all of it": (
        "메모리와 스왑을 합친 제한. -1이면 스왑을 제한하지 않음"
    ),
    "Serve docker's API, for docker's own clients": "docker 클라이언트가 쓰는 API를 제공",
    "Socket to listen on: unix://PATH or tcp://HOST:PORT": (
        "연결을 기다릴 소켓: unix://경로 또는 tcp://호스트:포트"
    ),
    "Allow TCP without TLS at an address of this host": (
        "이 호스트 자신의 주소라면 TLS 없는 TCP를 허용"
    ),
    "Certificate of this server (PEM, chain included)": "이 서버의 인증서 (PEM, 체인 포함)",
    "Listen on TCP with TLS, for clients with a certificate": (
        "인증서가 있는 클라이언트만 받는 TLS로 TCP 연결을 기다림"
    ),
    "Trust the clients whose certificates this CA has signed": (
        "이 CA가 서명한 인증서의 클라이언트를 신뢰"
    ),
    "Group that may use the unix socket": "유닉스 소켓을 쓸 수 있는 그룹",
    "Ask this registry (http:// or https://) before docker.io": (
        "docker.io보다 먼저 물어볼 레지스트리 (http:// 또는 https://)"
    ),
    "Verbose output for diagnostics": "진단에 쓸 자세한 출력",
    "Manage Onggi": "Onggi 관리",
    "Create and run a new container from an image": "이미지로 새 컨테이너를 만들어 실행",
    "Create a new container": "새 컨테이너를 만들기만 함",
    "Display a live stream of containers' resource usage": (
        "컨테이너가 쓰는 자원을 계속 새로 보여 줌"
    ),
    "Disable streaming stats and only pull the first result": "한 번만 보여 주고 끝냄",
    "Display the running processes of a container": "컨테이너 안에서 도는 프로세스를 보여 줌",
    "Update configuration of one or more containers": "컨테이너의 자원 제한을 바꿈",
    "Start one or more stopped containers": "멈춘 컨테이너를 시작",
    "Execute a command in a running container": "실행 중인 컨테이너에서 명령을 실행",
    "List containers": "컨테이너 목록",
    "Fetch the logs of a container": "컨테이너의 로그를 출력",
    "Stop one or more running containers": "실행 중인 컨테이너를 정지",
    "Kill one or more running containers": "실행 중인 컨테이너에 시그널을 보내 강제 종료",
    "Restart one or more containers": "컨테이너를 다시 시작",
    "Pause all processes within one or more containers": "컨테이너의 모든 프로세스를 일시 정지",
    "Unpause all processes within one or more containers": (
        "일시 정지한 컨테이너의 프로세스를 다시 실행"
    ),
    "Rename a container": "컨테이너의 이름을 바꿈",
    "Get real time events from the engine": "엔진의 이벤트를 실시간으로 출력",
    "Show all events created since timestamp": "이 시각 이후의 이벤트를 모두 출력",
    "Stream events until this timestamp": "이 시각까지의 이벤트를 출력",
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
    "Return low-level information on whatever has that name": (
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
    "Inspect changes to files in a container": "컨테이너에서 바뀐 파일 보기",
    "Create a new image from a container's changes": "컨테이너의 변경 사항으로 새 이미지 만들기",
    "Copy files/folders between a container and the local filesystem": (
        "컨테이너와 호스트 사이에 파일 복사"
    ),
    "Export a container's filesystem as a tar archive": "컨테이너의 파일 시스템을 tar로 내보내기",
    "Archive mode (copy all uid/gid information)": "소유자(uid/gid) 정보까지 복사",
    "Always follow symbol link in SRC_PATH": "SRC_PATH의 심볼릭 링크를 따라감",
    "Suppress progress output during copy": "복사 결과를 출력하지 않음",
    "Between a container, running or not, and this host; - is a tar on standard input/output.": (
        "컨테이너(실행 여부와 관계없이)와 호스트 사이에 복사합니다. -는 표준 입출력의 tar입니다."
    ),
    "Its files as one tar, without what is mounted in it; `onggi import` makes an image of it.": (
        "마운트된 것을 뺀 컨테이너의 파일을 tar 하나로 내보냅니다. "
        "`onggi import`로 이미지를 만들 수 있습니다."
    ),
    "Save one or more images to a tar archive": "이미지를 tar 아카이브로 저장",
    "Download an image from a registry": "레지스트리에서 이미지 받기",
    "Upload an image to a registry": "레지스트리에 이미지 올리기",
    "Authenticate to a registry": "레지스트리에 로그인",
    "Log out from a registry": "레지스트리에서 로그아웃",
    "Display an image manifest, or index": "이미지의 매니페스트나 인덱스 표시",
    "Look at manifests in registries": "레지스트리의 매니페스트 보기",
    "All tags of the repository": "저장소의 모든 태그",
    "Accepted: digests are always verified": "받아들이기만 함. 다이제스트는 언제나 확인합니다",
    "Set platform if the image is for several: os/arch[/variant]": (
        "여러 플랫폼용 이미지일 때 고를 플랫폼: os/arch[/variant]"
    ),
    "Suppress verbose output": "자세한 출력 생략",
    "How our own layers travel: gzip or zstd": "우리 레이어를 보낼 때의 압축: gzip 또는 zstd",
    "Password": "암호",
    "Take the password from stdin": "표준 입력에서 암호 읽기",
    "Username": "사용자 이름",
    "Always attempt to pull all referenced images": "기반 이미지를 항상 새로 확인해서 받기",
    "Load images from a tar archive or STDIN": "tar 아카이브나 표준 입력에서 이미지 불러오기",
    "Import a tarball to create an image of its files": "tar에 든 파일로 이미지 만들기",
    "Write to a file, instead of STDOUT": "표준 출력 대신 파일에 쓰기",
    "Read from a tar archive file or an OCI layout, instead of STDIN": (
        "표준 입력 대신 tar 아카이브나 OCI 레이아웃 디렉터리에서 읽기"
    ),
    "Suppress the load output": "불러온 이미지를 출력하지 않음",
    "Set commit message for imported image": "만든 이미지에 남길 커밋 메시지",
    "One archive that docker, podman, skopeo and the like read; a name without a tag means all\n"
    "of its tags.": (
        "docker, podman, skopeo 등이 읽을 수 있는 아카이브 하나를 만듭니다. 태그 없는 이름은 "
        "모든 태그를 뜻합니다."
    ),
    "Archives of docker and of the OCI, compressed or not, and OCI layout directories.": (
        "docker 아카이브와 OCI 아카이브(압축 여부와 관계없이), OCI 레이아웃 디렉터리를 읽습니다."
    ),
    "The files of a tar become an image of one layer; prints the image's id.": (
        "tar에 든 파일을 레이어 하나짜리 이미지로 만들고 이미지 ID를 출력합니다."
    ),
    "Author (e.g., 'Hong Gildong <hong@example.com>')": (
        "만든 사람 (예: 'Hong Gildong <hong@example.com>')"
    ),
    "Apply Dockerfile instruction to the created image": (
        "만들 이미지에 Dockerfile 인스트럭션을 적용"
    ),
    "Commit message": "커밋 메시지",
    "Pause container during commit": "커밋하는 동안 컨테이너를 멈춤",
    "One line a path, compared with the image: C changed, A added, D deleted.": (
        "이미지와 비교해 경로마다 한 줄: C 바뀜, A 추가됨, D 지워짐."
    ),
    "What the container changed becomes a layer on its image; prints the new image's id.": (
        "컨테이너가 바꾼 것을 이미지 위의 레이어로 만들고 새 이미지의 ID를 출력합니다."
    ),
    "this host cannot hold a container still": "이 호스트에서는 컨테이너를 멈춰 둘 수 없습니다",
    "use pause=False (--pause=false): files may change while they are read": (
        "pause=False(--pause=false)를 쓰세요. 읽는 동안 파일이 바뀔 수 있습니다"
    ),
    "{file}:{line}:{column}: this instruction sets no configuration: {text}": (
        "{file}:{line}:{column}: 설정을 바꾸는 인스트럭션이 아닙니다: {text}"
    ),
    "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR and the like do": (
        "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR 등을 쓰세요"
    ),
    "Set the target build stage to build": "빌드할 스테이지를 지정",
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
    "Only inspect objects of the given type: container, image, …": (
        "지정한 종류만 조회: container, image, network, volume"
    ),
    "Format output: 'table', 'table TEMPLATE', 'json' or a Go template": (
        "출력 형식: 'table', 'table 템플릿', 'json' 또는 Go 템플릿"
    ),
    "Filter output based on conditions provided": "조건에 맞는 것만 출력",
    "Don't truncate output": "출력을 줄이지 않음",
    "Set environment variables": "환경 변수를 설정",
    "Keep standard input open": "표준 입력을 열어 둠",
    "Allocate a pseudo-TTY": "가상 터미널(pseudo-TTY)을 할당",
    "Add a custom host-to-IP mapping (host:ip)": "호스트 이름과 IP의 짝을 추가 (호스트:IP)",
    "Block IO weight, between 10 and 1000, or 0 to disable": (
        "블록 I/O 가중치. 10에서 1000 사이, 0이면 쓰지 않음"
    ),
    "Block IO weight (relative device weight)": "블록 I/O 가중치 (장치별)",
    "Add Linux capabilities": "리눅스 캐퍼빌리티를 추가",
    "Drop Linux capabilities": "리눅스 캐퍼빌리티를 제거",
    "Optional parent cgroup for the container": "컨테이너 cgroup의 부모 cgroup",
    "Cgroup namespace to use (host|private)": "사용할 cgroup 네임스페이스 (host|private)",
    "Limit CPU CFS (Completely Fair Scheduler) period": "CPU CFS 스케줄러의 주기(마이크로초)",
    "Limit CPU CFS (Completely Fair Scheduler) quota": "CPU CFS 스케줄러의 할당량(마이크로초)",
    "Limit CPU real-time period in microseconds": "실시간 CPU 주기 제한(마이크로초)",
    "Limit CPU real-time runtime in microseconds": "실시간 CPU 실행 시간 제한(마이크로초)",
    "CPU shares (relative weight)": "CPU 가중치 (상대값)",
    "CPUs in which to allow execution (0-3, 0,1)": "실행을 허용할 CPU (0-3, 0,1)",
    "MEMs in which to allow execution (0-3, 0,1)": "사용을 허용할 메모리 노드 (0-3, 0,1)",
    "Add a host device to the container": "호스트의 장치를 컨테이너에 추가",
    "Add a rule to the cgroup allowed devices list": "cgroup의 장치 허용 목록에 규칙을 추가",
    "Limit read rate (bytes per second) from a device": "장치 읽기 속도 제한 (초당 바이트)",
    "Limit read rate (IO per second) from a device": "장치 읽기 속도 제한 (초당 I/O 횟수)",
    "Limit write rate (bytes per second) to a device": "장치 쓰기 속도 제한 (초당 바이트)",
    "Limit write rate (IO per second) to a device": "장치 쓰기 속도 제한 (초당 I/O 횟수)",
    "Set custom DNS servers": "DNS 서버를 지정",
    "Set DNS options": "DNS 옵션을 지정",
    "Set custom DNS search domains": "DNS 검색 도메인을 지정",
    "Container NIS domain name": "컨테이너의 NIS 도메인 이름",
    "Expose a port or a range of ports": "포트나 포트 범위를 노출",
    "GPU devices to add to the container ('all' to pass all GPUs)": (
        "컨테이너에 추가할 GPU ('all'이면 모두)"
    ),
    "Add additional groups to join": "추가로 속할 그룹",
    "Command to run to check health": "헬스 체크에 쓸 명령",
    "Run an init inside that forwards signals and reaps processes": (
        "시그널을 전달하고 좀비 프로세스를 거두는 init을 함께 실행"
    ),
    "IPC mode to use": "IPC 네임스페이스 방식",
    "Kernel memory limit": "커널 메모리 제한",
    "Add link to another container": "다른 컨테이너와의 링크를 추가",
    "Logging driver for the container": "컨테이너의 로그 드라이버",
    "Log driver options": "로그 드라이버의 옵션",
    "Container MAC address (e.g., 92:d0:c6:0a:29:33)": (
        "컨테이너의 MAC 주소 (예: 92:d0:c6:0a:29:33)"
    ),
    "Memory soft limit": "메모리 소프트 제한",
    "Memory and swap together: '-1' to enable unlimited swap": (
        "메모리와 스왑을 합한 제한. '-1'이면 스왑 제한 없음"
    ),
    "Tune container memory swappiness (0 to 100)": "메모리 스와피니스(swappiness) 조정 (0~100)",
    "Attach a filesystem mount to the container": "컨테이너에 파일 시스템을 마운트",
    "Add network-scoped alias for the container": "네트워크 안에서 쓸 컨테이너의 별명을 추가",
    "Disable OOM Killer": "OOM 킬러를 끔",
    "Tune host's OOM preferences (-1000 to 1000)": "호스트의 OOM 우선순위 조정 (-1000~1000)",
    "PID namespace to use": "사용할 PID 네임스페이스",
    "Give extended privileges to this container": "컨테이너에 확장된 권한을 부여",
    "Publish a container's port(s) to the host": "컨테이너의 포트를 호스트에 공개",
    "Publish all exposed ports to random ports": "노출된 포트를 모두 임의의 포트로 공개",
    "Mount the container's root filesystem as read only": (
        "컨테이너의 루트 파일 시스템을 읽기 전용으로 마운트"
    ),
    "Restart policy to apply when a container exits": "컨테이너가 끝났을 때의 재시작 정책",
    "Runtime to use for this container": "컨테이너에 사용할 런타임",
    "Security Options": "보안 옵션",
    "Size of /dev/shm": "/dev/shm의 크기",
    "Signal to stop the container": "컨테이너를 정지할 때 보낼 시그널",
    "Timeout (in seconds) to stop a container": "컨테이너를 정지할 때 기다릴 시간(초)",
    "Storage driver options for the container": "컨테이너의 저장소 드라이버 옵션",
    "Sysctl options": "sysctl 옵션",
    "Mount a tmpfs directory": "tmpfs 디렉터리를 마운트",
    "Ulimit options": "ulimit 옵션",
    "User namespace to use": "사용할 사용자 네임스페이스",
    "UTS namespace to use": "사용할 UTS 네임스페이스",
    "Bind mount a volume": "볼륨이나 호스트 디렉터리를 마운트",
    "Optional volume driver for the container": "컨테이너의 볼륨 드라이버",
    "Mount volumes from the specified container(s)": "지정한 컨테이너의 볼륨을 마운트",
    # ── Volumes and mounts ──
    "no such volume: {name}": "그런 볼륨이 없습니다: {name}",
    "`onggi volume ls` lists all volumes": "`onggi volume ls` 명령으로 모든 볼륨을 볼 수 있습니다",
    "remove {name}: volume is in use - [{users}]": (
        "볼륨을 삭제할 수 없습니다: {name} (사용 중인 컨테이너: {users})"
    ),
    "remove the containers first; stopped ones use it, too: onggi rm": (
        "컨테이너를 먼저 삭제하세요. 멈춘 컨테이너도 볼륨을 쓰는 중입니다: onggi rm"
    ),
    "{path} is a file in the image: a volume needs a directory": (
        "볼륨은 디렉터리에만 마운트할 수 있는데, 이미지에는 파일이 있습니다: {path}"
    ),
    "choose another path, or mount a single file of the host's": (
        "다른 경로를 쓰거나, 호스트의 파일 하나를 마운트하세요"
    ),
    "there is nothing to mount at {path}: {source} is not there": (
        "마운트할 원본이 없습니다: {source} (마운트 위치: {path})"
    ),
    "{source} cannot be mounted onto {path}: one is a directory, the other a file": (
        "{source} 경로를 {path} 위치에 마운트할 수 없습니다: 하나는 디렉터리, 하나는 파일입니다"
    ),
    "{path} of the container is not that device": "컨테이너의 {path}: 원래의 장치가 아닙니다",
    "the image has something else where a device is to be: {path}": (
        "장치가 놓일 자리에 이미지의 다른 파일이 있습니다: {path}"
    ),
    "{path} cannot be mounted because it is inside /proc": (
        "/proc 안에는 마운트할 수 없습니다: {path}"
    ),
    "invalid volume specification: '{text}'": "볼륨 표기가 잘못되었습니다: '{text}'",
    "write NAME:/path or /path/on/host:/path, with :ro for read-only": (
        "이름:/경로 또는 /호스트/경로:/경로 형식으로 쓰고, 읽기 전용이면 :ro 를 붙이세요"
    ),
    "invalid mode: {mode}": "마운트 모드가 잘못되었습니다: {mode}",
    "for example: ro, rw, nocopy, rslave; several with commas between them": (
        "예: ro, rw, nocopy, rslave. 여러 개는 쉼표로 이어 쓰세요"
    ),
    "invalid mount path: '{path}' mount path must be absolute": (
        "마운트 경로는 절대 경로여야 합니다: '{path}'"
    ),
    "invalid specification: destination can't be '/'": (
        "컨테이너의 '/' 자체에는 마운트할 수 없습니다"
    ),
    "volume name is too short, names should be at least two alphanumeric characters": (
        "볼륨 이름이 너무 짧습니다. 두 글자 이상이어야 합니다"
    ),
    '{name!r} includes invalid characters for a local volume name, only "{allowed}" are allowed': (
        '볼륨 이름에 쓸 수 없는 글자가 있습니다: {name!r} (쓸 수 있는 글자: "{allowed}")'
    ),
    "if you intended to pass a host directory, use an absolute path": (
        "호스트 디렉터리를 뜻했다면 절대 경로로 쓰세요"
    ),
    "error looking up volume plugin {name}: plugin not found": ("볼륨 드라이버가 없습니다: {name}"),
    "the only driver here is: {driver}": "쓸 수 있는 드라이버는 하나뿐입니다: {driver}",
    "invalid volumes-from specification: '{text}'": (
        "--volumes-from 표기가 잘못되었습니다: '{text}'"
    ),
    "--mount {text}: {key} is required": "--mount {text}: {key} 항목이 꼭 있어야 합니다",
    "write type=…,target=/path": "type=…,target=/경로 형식으로 쓰세요",
    "cannot mix '{family}-*' options with mount type '{kind}'": (
        "'{family}-*' 옵션은 '{kind}' 마운트와 함께 쓸 수 없습니다"
    ),
    "invalid field '{field}' must be a key=value pair": ("키=값 형식이 아닙니다: '{field}'"),
    "unexpected key '{key}' in '{field}'": "모르는 키입니다: '{key}' ('{field}')",
    "the keys are: {known}": "쓸 수 있는 키: {known}",
    "invalid value for {key}: {value}": "{key} 값이 잘못되었습니다: {value}",
    "this engine has no mounts of the type {feature}": (
        "이 엔진에는 없는 마운트 종류입니다: {feature}"
    ),
    "the types here are: volume, bind, tmpfs": "쓸 수 있는 종류: volume, bind, tmpfs",
    "invalid mount config for type '{kind}': mount type unknown": (
        "모르는 마운트 종류입니다: '{kind}'"
    ),
    "the types are: volume, bind, tmpfs": "마운트 종류: volume, bind, tmpfs",
    "invalid mount config for type '{kind}': field {field} must not be empty": (
        "'{kind}' 마운트 설정이 잘못되었습니다: {field} 항목을 비울 수 없습니다"
    ),
    "invalid mount config for type '{kind}': field {field} must not be specified": (
        "'{kind}' 마운트 설정이 잘못되었습니다: {field} 항목은 쓸 수 없습니다"
    ),
    "invalid mount config for type 'bind': bind source path does not exist: {path}": (
        "바인드 마운트할 호스트 경로가 없습니다: {path}"
    ),
    "make it first; or use -v, which makes an empty directory": (
        "먼저 만들거나, 빈 디렉터리를 만들어 주는 -v 를 쓰세요"
    ),
    "invalid subpath: {path}": "볼륨 안의 경로가 잘못되었습니다: {path}",
    "write a path below the volume's top": "볼륨 맨 위에서 시작하는 상대 경로로 쓰세요",
    "a subpath needs a volume with a name: {path}": (
        "볼륨 안의 경로를 쓰려면 볼륨에 이름이 있어야 합니다: {path}"
    ),
    "Duplicate mount point: {path}": "같은 위치에 두 번 마운트할 수 없습니다: {path}",
    "path {path} is mounted on {place} but it is not a shared mount": (
        "{path} 경로가 있는 마운트 {place} 는 공유(shared) 마운트가 아닙니다"
    ),
    "path {path} is mounted on {place} but it is not a shared or slave mount": (
        "{path} 경로가 있는 마운트 {place} 는 공유(shared) 마운트도 종속(slave) 마운트도 아닙니다"
    ),
    "make that mount shared on the host first: mount --make-shared {place}": (
        "호스트에서 먼저 공유 마운트로 바꾸세요: mount --make-shared {place}"
    ),
    "invalid option: {option!r}": "모르는 옵션입니다: {option!r}",
    "the options are: {known}": "쓸 수 있는 옵션: {known}",
    "missing required option: {option!r}": "꼭 필요한 옵션이 빠졌습니다: {option!r}",
    "a volume cannot be made of this: {feature}": "이것으로는 볼륨을 만들 수 없습니다: {feature}",
    "only directories of the host: type=none, o=bind, device=/path; for memory there is --mount "
    "type=tmpfs": (
        "호스트의 디렉터리만 됩니다: type=none, o=bind, device=/경로. "
        "메모리를 쓰려면 --mount type=tmpfs 를 쓰세요"
    ),
    "the filter until is not supported together with volumes": (
        "볼륨을 함께 정리할 때는 until 조건을 쓸 수 없습니다"
    ),
    "Manage volumes": "볼륨 관리",
    "Create a volume": "볼륨을 만듦",
    "List volumes": "볼륨 목록",
    "Display detailed information on one or more volumes": "볼륨의 자세한 정보를 출력",
    "Remove one or more volumes": "볼륨을 삭제",
    "Remove unused volumes": "쓰지 않는 볼륨을 삭제",
    "Specify volume driver name": "볼륨 드라이버의 이름",
    "Set metadata for a volume": "볼륨에 붙일 레이블",
    "Only display volume names": "볼륨의 이름만 출력",
    "Force the removal of one or more volumes": "없는 볼륨이라도 오류로 보지 않음",
    "Remove all unused volumes, not just anonymous ones": (
        "이름 없는 볼륨만이 아니라, 쓰지 않는 볼륨을 모두 삭제"
    ),
    "This removes all volumes that no container uses. Continue?": (
        "어떤 컨테이너도 쓰지 않는 볼륨을 모두 삭제합니다. 계속할까요?"
    ),
    "This removes all anonymous volumes that no container uses. Continue?": (
        "어떤 컨테이너도 쓰지 않는 이름 없는 볼륨을 모두 삭제합니다. 계속할까요?"
    ),
    "Prune anonymous volumes": "이름 없는 볼륨도 삭제",
    "Anonymous volumes that no container uses are removed, too.": (
        "어떤 컨테이너도 쓰지 않는 이름 없는 볼륨도 삭제합니다."
    ),
    "Time between running the check (ms|s|m|h)": "헬스 체크 사이의 시간 (ms|s|m|h)",
    "Time between running the check during the start period (ms|s|m|h)": (
        "시작 기간 동안의 헬스 체크 사이 시간 (ms|s|m|h)"
    ),
    "Start period for the container to initialize before health-retries count (ms|s|m|h)": (
        "실패를 세지 않는 초기 시작 기간 (ms|s|m|h)"
    ),
    "Consecutive failures needed to report unhealthy": "unhealthy로 판정할 연속 실패 횟수",
    "Maximum time to allow one check to run (ms|s|m|h)": "헬스 체크 한 번의 최대 시간 (ms|s|m|h)",
    "Disable any container-specified HEALTHCHECK": "이미지에 지정된 HEALTHCHECK를 끔",
    "Read in a file of environment variables": "환경 변수 파일을 읽음",
    "Read in a line delimited file of labels": "한 줄에 하나씩 적힌 라벨 파일을 읽음",
    "Write the container ID to the file": "컨테이너 ID를 파일에 기록",
    "Set platform if server is multi-platform capable": "플랫폼을 지정 (운영체제/아키텍처)",
    "Pull image before running (always, missing, never)": (
        "실행 전에 이미지를 받을지 지정 (always, missing, never)"
    ),
    "Suppress the pull output": "이미지를 준비하는 동안의 출력을 숨김",
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
    "Tune container pids limit (set -1 for unlimited)": "프로세스 수 제한 (-1이면 제한 없음)",
    "Automatically remove the container when it exits": "컨테이너가 끝나면 자동으로 삭제",
    "Run container in background and print container ID": (
        "컨테이너를 백그라운드에서 실행하고 컨테이너 ID를 출력"
    ),
    "Attach to STDIN, STDOUT or STDERR": "연결할 스트림: STDIN, STDOUT, STDERR",
    "Attach to a container that runs: its output, your keys": (
        "실행 중인 컨테이너에 연결해 출력을 보고 입력합니다"
    ),
    "Do not attach STDIN": "표준 입력은 연결하지 않습니다",
    "Give extended privileges to the command": "명령에 확장 권한을 줍니다",
    "Override the key sequence for detaching a container": "컨테이너에서 빠져나오는 키를 바꿉니다",
    "Proxy received signals to the process": "받은 시그널을 프로세스에 전달합니다",
    "Show extra details provided to logs": "로그에 덧붙인 정보도 표시합니다",
    (
        "Show logs since timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 "
        "minutes)"
    ): "이 시각(예: 2013-01-02T13:23:37Z)이나 이만큼 전(예: 42m은 42분 전)부터의 로그를 표시",
    (
        "Show logs before a timestamp (e.g. 2013-01-02T13:23:37Z) or relative (e.g. 42m for 42 "
        "minutes)"
    ): "이 시각(예: 2013-01-02T13:23:37Z)이나 이만큼 전(예: 42m은 42분 전)까지의 로그를 표시",
    "Attach to its output and forward signals": "출력을 이어받고 시그널을 전달",
    "Run the command in the background": "명령을 백그라운드에서 실행",
    # ── Engine: images and containers ──────────────────────────────────────────────────────────
    "the state directory cannot be written: {path}": "상태 디렉터리에 쓸 수 없습니다: {path}",
    "set ONGGI_ROOT to a directory on a disk that can be written ({evidence})": (
        "쓸 수 있는 디스크의 디렉터리를 ONGGI_ROOT로 지정하세요 ({evidence})"
    ),
    "start with sudo, or set ONGGI_ROOT to a directory of your own ({evidence})": (
        "sudo로 실행하거나 ONGGI_ROOT에 쓸 수 있는 디렉터리를 지정하세요 ({evidence})"
    ),
    "no such image: {name}": "그런 이미지가 없습니다: {name}",
    "`onggi images` lists the images that are here; `onggi build` makes one": (
        "있는 이미지는 `onggi images`로 확인하고, 새 이미지는 `onggi build`로 만드세요"
    ),
    "several images have an id that begins with {text}": (
        "ID가 이렇게 시작하는 이미지가 여러 개입니다: {text}"
    ),
    "several containers have an id that begins with {text}": (
        "ID가 이렇게 시작하는 컨테이너가 여러 개입니다: {text}"
    ),
    "write more of its digits": "ID를 더 길게 쓰세요",
    "image {name} has several names: {names}": "이미지에 이름이 여러 개입니다: {name} ({names})",
    "remove them one by one, or all at once with --force": (
        "하나씩 삭제하거나 --force로 한꺼번에 삭제하세요"
    ),
    "unable to remove image {image}: container {name} is using it": (
        "컨테이너가 쓰고 있는 이미지입니다: {image} (컨테이너: {name})"
    ),
    "remove the container first: onggi rm -f {name}": "컨테이너부터 삭제하세요: onggi rm -f {name}",
    "a layer's content is not what its image says: {digest}": (
        "레이어의 내용이 이미지에 적힌 것과 다릅니다: {digest}"
    ),
    "the image is damaged or was tampered with: get or build it again": (
        "이미지가 손상되었거나 변조되었습니다. 다시 받거나 다시 빌드하세요"
    ),
    "SOURCE_DATE_EPOCH is not a number of seconds: {text!r}": (
        "SOURCE_DATE_EPOCH 값이 초 단위 숫자가 아닙니다: {text!r}"
    ),
    "for example: SOURCE_DATE_EPOCH=$(date +%s)": "예: SOURCE_DATE_EPOCH=$(date +%s)",
    "no such container: {name}": "그런 컨테이너가 없습니다: {name}",
    "`onggi ps -a` lists all containers": "모든 컨테이너 목록: `onggi ps -a`",
    "container {name} is not running": "실행 중이 아닌 컨테이너입니다: {name}",
    "container {name} is paused": "일시 정지된 컨테이너입니다: {name}",
    "let it go on first: onggi unpause {name}": "먼저 다시 실행하세요: onggi unpause {name}",
    "a paused container goes on with: onggi unpause {name}": (
        "일시 정지된 컨테이너를 다시 실행하는 명령: onggi unpause {name}"
    ),
    "only what runs can be paused": "실행 중인 컨테이너만 일시 정지할 수 있습니다",
    "only what is paused can go on": "일시 정지된 컨테이너만 다시 실행할 수 있습니다",
    "the container has this name already: {name}": "컨테이너의 이름이 이미 같습니다: {name}",
    "the log driver of container {name} keeps nothing to read": (
        "로그 드라이버가 아무것도 남기지 않아 읽을 로그가 없습니다: {name}"
    ),
    "create it with another --log-driver than none": (
        "none이 아닌 --log-driver로 컨테이너를 만드세요"
    ),
    "no such log driver: {driver}": "없는 로그 드라이버입니다: {driver}",
    "write json-file, local or none": "json-file, local, none 중 하나를 쓰세요",
    "the log driver {driver} has no option {name}": (
        "로그 드라이버에 없는 옵션입니다: {name} (드라이버: {driver})"
    ),
    "max-size takes a size, not {text!r}": "max-size: 크기를 써야 합니다 (받은 값: {text!r})",
    "for example: max-size=10m": "예: max-size=10m",
    "max-file takes a number from 1, not {text!r}": (
        "max-file: 1 이상의 정수를 써야 합니다 (받은 값: {text!r})"
    ),
    "for example: max-file=3": "예: max-file=3",
    "not a point in time: {text!r}": "시각으로 읽을 수 없습니다: {text!r}",
    "for example: 10m, 2026-11-23T21:41:05Z, or seconds since 1970": (
        "예: 10m, 2026-11-23T21:41:05Z, 1970년부터의 초"
    ),
    "no such exec: {name}": "exec 명령이 없습니다: {name}",
    "no window has {count} lines or columns": "창의 줄 수나 칸 수로 쓸 수 없습니다: {count}",
    "no such stream: {name}": "없는 스트림입니다: {name}",
    "write STDIN, STDOUT or STDERR": "STDIN, STDOUT, STDERR 중 하나를 쓰세요",
    "start it first: onggi start {name}": "먼저 시작하세요: onggi start {name}",
    "container {name} is {state}: cannot {verb} it": (
        "컨테이너의 현재 상태에서는 할 수 없습니다: {name} (상태: {state}, 요청: {verb})"
    ),
    "a container that runs already needs no start": "이미 실행 중이면 시작할 필요가 없습니다",
    "you cannot remove a running container: stop it before, or force remove (-f)": (
        "실행 중인 컨테이너는 삭제할 수 없습니다. 먼저 정지하거나 강제로 삭제하세요 (-f)"
    ),
    "Conflict. The container name {name} is already in use": (
        "컨테이너 이름이 이미 쓰이고 있습니다: {name}"
    ),
    "remove it (onggi rm -f {name}), or choose another name": (
        "그 컨테이너를 삭제하거나(onggi rm -f {name}) 다른 이름을 쓰세요"
    ),
    "not a name for a container: {name!r}": "컨테이너 이름으로 쓸 수 없습니다: {name!r}",
    "use two or more of a-z A-Z 0-9 _ . - and begin with a letter or digit": (
        "a-z A-Z 0-9 _ . - 중 두 글자 이상을 쓰고, 첫 글자는 영문자나 숫자여야 합니다"
    ),
    "the command in container {name} ended with exit code {exit_status}": (
        "컨테이너의 명령이 실패했습니다: {name} (종료 코드: {exit_status})"
    ),
    "its last words: {last}": "마지막 출력: {last}",
    "there is no filter {name}": "그런 필터는 없습니다: {name}",
    "the filters are: {known}": "쓸 수 있는 필터: {known}",
    "invalid filter {name}={text}": "쓸 수 없는 필터 값입니다: {name}={text}",
    "its values are: {known}": "쓸 수 있는 값: {known}",
    "it takes a whole number": "정수를 쓰세요",
    "not a port: {text}": "포트가 아닙니다: {text}",
    "write 80, 80/udp or 8000-8080/tcp": "80, 80/udp, 8000-8080/tcp처럼 쓰세요",
    "not a moment: {text}": "시각으로 해석할 수 없습니다: {text}",
    "write 24h, 2026-01-31, 2026-01-31T12:00:00Z or seconds since 1970": (
        "24h, 2026-01-31, 2026-01-31T12:00:00Z, 또는 1970년부터의 초를 쓰세요"
    ),
    "not a pattern: {text}: {reason}": "패턴으로 해석할 수 없습니다: {text}: {reason}",
    "write a part of the name, or a regular expression": "이름의 일부나 정규 표현식을 쓰세요",
    "not a whole number: {text!r}": "정수가 아닙니다: {text!r}",
    "for example: 10": "예: 10",
    "a container cannot be restarted and removed when it ends: choose one": (
        "컨테이너가 끝날 때 다시 시작하면서 삭제할 수는 없습니다. 하나만 고르세요"
    ),
    "leave out --restart or --rm": "--restart나 --rm을 빼세요",
    "not a capability: {name!r}": "캐퍼빌리티(capability) 이름이 아닙니다: {name!r}",
    "for example: NET_ADMIN, or ALL": "예: NET_ADMIN, 또는 ALL",
    "not a ulimit: {text!r}": "ulimit으로 해석할 수 없습니다: {text!r}",
    "write name=soft:hard, such as nofile=1024:2048; the names are: {known}": (
        "nofile=1024:2048처럼 이름=소프트:하드 형식으로 쓰세요. 쓸 수 있는 이름: {known}"
    ),
    "the soft limit of {name} is above its hard limit: {soft} > {hard}": (
        "소프트 제한이 하드 제한보다 큽니다: {name} ({soft} > {hard})"
    ),
    "not a device: {text!r}": "장치로 해석할 수 없습니다: {text!r}",
    "write HOST[:CONTAINER][:rwm], such as /dev/fuse or /dev/sda:/dev/xvda:r": (
        "호스트 경로[:컨테이너 경로][:rwm] 형식으로 쓰세요. 예: /dev/fuse, /dev/sda:/dev/xvda:r"
    ),
    "sysctl {name} is not allowed: it would change the whole host": (
        "허용되지 않는 sysctl입니다. 호스트 전체가 바뀝니다: {name}"
    ),
    "a container's own are net.*, fs.mqueue.* and {known}": (
        "컨테이너마다 따로 있는 것: net.*, fs.mqueue.*, {known}"
    ),
    "invalid restart policy: {text}": "재시작 정책으로 쓸 수 없습니다: {text}",
    "write no, always, unless-stopped, on-failure or on-failure:3": (
        "no, always, unless-stopped, on-failure, on-failure:3 중 하나를 쓰세요"
    ),
    "maximum retry count cannot be used with restart policy {name}": (
        "최대 재시도 횟수를 쓸 수 없는 재시작 정책입니다: {name}"
    ),
    "only on-failure has one, such as on-failure:3": (
        "on-failure에만 쓸 수 있습니다. 예: on-failure:3"
    ),
    "the number of health check retries cannot be negative": (
        "헬스 체크 재시도 횟수는 음수일 수 없습니다"
    ),
    "{name} of the health check is not a duration: {text}": (
        "헬스 체크의 시간 값을 해석할 수 없습니다: {name} ({text})"
    ),
    # Networks
    "operation is not permitted on predefined {name} network": (
        "미리 정해진 네트워크에는 할 수 없는 일입니다: {name}"
    ),
    "not a name for a network: {name!r}": "네트워크 이름으로 쓸 수 없습니다: {name!r}",
    "use a-z A-Z 0-9 _ . - and begin with a letter or digit": (
        "a-z A-Z 0-9 _ . - 만 쓰고, 글자나 숫자로 시작하세요"
    ),
    "only one instance of {driver} network is allowed": (
        "이 종류의 네트워크는 하나뿐입니다: {driver}"
    ),
    "there is no network driver {driver}": "없는 네트워크 드라이버입니다: {driver}",
    "the driver is: bridge": "쓸 수 있는 드라이버: bridge",
    "networks of several hosts are not supported yet": (
        "여러 호스트에 걸친 네트워크는 아직 지원하지 않습니다"
    ),
    "there is no IPAM driver {driver}": "없는 IPAM 드라이버입니다: {driver}",
    "not a name for a network device: {name!r}": "네트워크 장치 이름으로 쓸 수 없습니다: {name!r}",
    "use up to 15 of a-z A-Z 0-9 _ . -": "a-z A-Z 0-9 _ . - 을 15자까지 쓸 수 있습니다",
    "not an MTU: {text!r}": "MTU가 아닙니다: {text!r}",
    "write 68 to 65535": "68에서 65535까지 쓸 수 있습니다",
    "container {name} cannot be connected to or disconnected from network {network}: "
    "it was created with --network {mode}": (
        "이 컨테이너는 네트워크에 연결하거나 연결을 끊을 수 없습니다: {name}, {network} "
        "(만들 때의 네트워크: --network {mode})"
    ),
    "container {container} is in network {network} already": (
        "컨테이너가 이미 그 네트워크에 있습니다: {container}, {network}"
    ),
    "container {container} is not connected to network {network}": (
        "컨테이너가 그 네트워크에 연결되어 있지 않습니다: {container}, {network}"
    ),
    "a container with --network {mode} cannot be in network {network}, too": (
        "다른 네트워크와 함께 쓸 수 없는 값입니다: --network {mode} (다른 네트워크: {network})"
    ),
    "--mac-address does not go with --network {mode}": (
        "--mac-address를 쓸 수 없는 네트워크입니다: --network {mode}"
    ),
    "there is a network device {link} already, and it is not ours": (
        "이름이 같은 네트워크 장치가 이미 있고, Onggi의 것이 아닙니다: {link}"
    ),
    "give the bridge another name: -o com.docker.network.bridge.name=…": (
        "브리지에 다른 이름을 주세요: -o com.docker.network.bridge.name=…"
    ),
    "network {name} is in use in another network namespace": (
        "다른 네트워크 네임스페이스에서 쓰고 있는 네트워크입니다: {name}"
    ),
    "stop its containers there, or make another network here": (
        "그곳의 컨테이너를 멈추거나, 여기에 다른 네트워크를 만드세요"
    ),
    "this host does not permit to make network devices: {evidence}": (
        "이 호스트에서는 네트워크 장치를 만들 수 없습니다: {evidence}"
    ),
    "this host does not permit to switch on the network device {name}": (
        "이 호스트에서는 네트워크 장치를 켤 수 없습니다: {name}"
    ),
    "each container has a loopback of its own, which needs CAP_NET_ADMIN": (
        "컨테이너마다 자기 루프백이 있으며, 여기에는 CAP_NET_ADMIN이 필요합니다"
    ),
    "use --network none or host; bridges need CAP_NET_ADMIN, and veth in the kernel": (
        "--network none이나 host를 쓰세요. 브리지에는 CAP_NET_ADMIN과 커널의 veth가 필요합니다"
    ),
    "network {name} not found": "네트워크가 없습니다: {name}",
    "`onggi network ls` lists all networks": "`onggi network ls`로 모든 네트워크를 볼 수 있습니다",
    "network with name {name} already exists": "이름이 같은 네트워크가 이미 있습니다: {name}",
    "remove it (onggi network rm {name}), or choose another name": (
        "그것을 지우거나(onggi network rm {name}) 다른 이름을 고르세요"
    ),
    "{name} is a pre-defined network and cannot be removed": (
        "미리 정해진 네트워크라서 지울 수 없습니다: {name}"
    ),
    "network-scoped alias is supported only for containers in user defined networks": (
        "별명은 직접 만든 네트워크에서만 쓸 수 있습니다"
    ),
    "make a network: onggi network create NAME": "네트워크를 만드세요: onggi network create NAME",
    "user specified IP address is supported on user defined networks only": (
        "고정 IP 주소는 직접 만든 네트워크에서만 쓸 수 있습니다"
    ),
    "make a network: onggi network create --subnet 10.5.0.0/24 NAME": (
        "네트워크를 만드세요: onggi network create --subnet 10.5.0.0/24 NAME"
    ),
    "user specified IP address is supported only when connecting to networks with user "
    "configured subnets": ("고정 IP 주소는 서브넷을 직접 정한 네트워크에서만 쓸 수 있습니다"),
    "make the network with --subnet": "--subnet을 주어 네트워크를 만드세요",
    "several networks have an id that begins with {text}": (
        "이렇게 시작하는 ID의 네트워크가 여럿입니다: {text}"
    ),
    "network {name} has active endpoints: {containers}": (
        "네트워크에 실행 중인 컨테이너가 있습니다: {name} ({containers})"
    ),
    "stop these containers, or disconnect them": "그 컨테이너들을 멈추거나 연결을 끊으세요",
    "network {name} has no addresses": "주소가 없는 네트워크입니다: {name}",
    "the address {address} is in no subnet of network {name}": (
        "네트워크의 어느 서브넷에도 속하지 않는 주소입니다: {address}, {name}"
    ),
    "the bridge {link} belongs to another network": "다른 네트워크의 브리지입니다: {link}",
    "no matching subnet for {flag} {text}": "맞는 서브넷이 없습니다: {flag} {text}",
    "{flag} was given twice for the subnet {subnet}": (
        "한 서브넷에 두 번 주어졌습니다: {flag}, {subnet}"
    ),
    "{flag} takes name=value": "{flag}: 이름=값 형식으로 쓰세요",
    "conflicting options: cannot attach both user-defined and non-user-defined network-modes": (
        "host, none, container:…은 다른 네트워크와 함께 쓸 수 없습니다"
    ),
    "network {name} is specified multiple times": "네트워크가 여러 번 주어졌습니다: {name}",
    "network-scoped aliases are only supported for user-defined networks": (
        "별칭은 직접 만든 네트워크에서만 쓸 수 있습니다"
    ),
    "{flag} and --network …,{key}=… contradict each other": (
        "함께 쓸 수 없는 옵션입니다: {flag}, --network …,{key}=…"
    ),
    "invalid field in --network: {part}": "--network에 쓸 수 없는 항목입니다: {part}",
    "the fields are: {known}": "쓸 수 있는 항목: {known}",
    "--network {text}: the network's name is missing": (
        "네트워크의 이름(name=…)이 빠졌습니다: --network {text}"
    ),
    "This removes all networks that no container is in. Continue?": (
        "컨테이너가 없는 네트워크를 모두 지웁니다. 계속할까요?"
    ),
    "neither true nor false: {text!r}": "true도 false도 아닙니다: {text!r}",
    "write true": "true라고 쓰세요",
    "this host's packet filter does not take the rules of containers' networks: {reason}": (
        "이 호스트의 패킷 필터에서 컨테이너 네트워크의 규칙을 받아들이지 않습니다: {reason}"
    ),
    "a container with --network none, or --network host, needs no rules": (
        "--network none이나 --network host를 쓰는 컨테이너에는 규칙이 필요 없습니다"
    ),
    "{flag} does not go with --network {mode}: that network is another container's": (
        "다른 컨테이너의 네트워크를 쓸 때에는 줄 수 없는 옵션입니다: {flag} (--network {mode})"
    ),
    "--link does not go with --network {mode}: there is nobody": (
        "연결할 상대가 없어서 --link를 쓸 수 없는 네트워크입니다: --network {mode}"
    ),
    "not a host and its address: {text!r}": "호스트 이름과 주소가 아닙니다: {text!r}",
    "write NAME:ADDRESS, such as db:10.0.0.5 or up:host-gateway": (
        "이름:주소 순서로, 예를 들어 db:10.0.0.5나 up:host-gateway처럼 쓰세요"
    ),
    "{flag}: {text!r} is no IP address": "{flag}: IP 주소가 아닙니다: {text!r}",
    "not a link: {text!r}": "링크로 읽을 수 없습니다: {text!r}",
    "write NAME:ALIAS": "이름:별명 순서로 쓰세요",
    "-p is discarded with --network host: all ports of the container are the host's": (
        "--network host에서는 모든 포트가 호스트의 포트이므로 포트 공개 옵션을 무시합니다"
    ),
    "not a port: {text!r}": "포트로 읽을 수 없습니다: {text!r}",
    "write HOST:CONTAINER, such as 4000:80; a port is a number from 1 to 65535": (
        "호스트:컨테이너 순서로, 예를 들어 4000:80처럼 쓰세요. 포트는 1부터 65535까지의 수입니다"
    ),
    "the two ranges of {text!r} are not equally long": (
        "호스트와 컨테이너의 포트 범위는 길이가 같아야 합니다: {text!r}"
    ),
    "for example: 8000-8002:80-82": "예: 8000-8002:80-82",
    "port {text!r}: the protocol {protocol} cannot be published": (
        "포트 {text!r}: 공개할 수 없는 프로토콜입니다: {protocol}"
    ),
    "write tcp or udp": "tcp 또는 udp를 쓰세요",
    "port {text!r}: {address} is no IP address": "포트 {text!r}: IP 주소가 아닙니다: {address}",
    "for example: 127.0.0.1:4000:80, or [::1]:4000:80": (
        "예: 127.0.0.1:4000:80 또는 [::1]:4000:80"
    ),
    "port {port}/{protocol} of this host is already in use": (
        "이 호스트에서 이미 쓰이고 있는 포트입니다: {port}/{protocol}"
    ),
    "choose another one; -p {inside} takes any that is free": (
        "다른 포트를 고르세요. -p {inside}라고만 쓰면 비어 있는 포트를 씁니다"
    ),
    "container {holder} has it; choose another port, or stop that one": (
        "쓰고 있는 컨테이너: {holder}. 다른 포트를 고르거나 그 컨테이너를 멈추세요"
    ),
    "this host does not have the address {address}: port {port} cannot be published there": (
        "이 호스트에는 주소 {address} 자체가 없어 포트 {port}번을 공개할 수 없습니다"
    ),
    "`ip address` lists those that it has": "호스트의 주소는 `ip address`로 볼 수 있습니다",
    "port {port}/{protocol} of this host cannot be opened: {reason}": (
        "이 호스트의 포트를 열 수 없습니다: {port}/{protocol}: {reason}"
    ),
    "this host does not hand on packets (net.ipv4.ip_forward is 0): containers reach nobody "
    "outside of their network": (
        "이 호스트는 패킷을 전달하지 않습니다(net.ipv4.ip_forward가 0). "
        "컨테이너는 자기 네트워크 밖과 통신할 수 없습니다"
    ),
    "the chain {chain} of another program drops what this host hands on for {links}: "
    "containers cannot reach the outside, and where bridges are filtered not each other; "
    "published ports are served by the proxy": (
        "다른 프로그램의 체인 {chain}에서 {links}의 전달 패킷을 버립니다. "
        "컨테이너는 바깥과 통신할 수 없고, "
        "브리지도 필터를 거치는 호스트라면 서로도 통신할 수 없습니다. "
        "공개한 포트는 프록시로 연결됩니다"
    ),
    "let them through, for each of them: {program} -I {place} -i {link} -j ACCEPT; "
    "{program} -I {place} -o {link} -j ACCEPT": (
        "브리지마다 통과시켜 주세요: {program} -I {place} -i {link} -j ACCEPT; "
        "{program} -I {place} -o {link} -j ACCEPT"
    ),
    "sysctl -w net.ipv4.ip_forward=1": "sysctl -w net.ipv4.ip_forward=1",
    "all predefined address pools have been given to networks, or the host has routes there": (
        "자동으로 나누어 줄 주소 대역이 남지 않았습니다. "
        "다른 네트워크나 호스트의 라우팅이 모두 쓰고 있습니다"
    ),
    "remove networks that are not used (onggi network prune), or choose a --subnet": (
        "쓰지 않는 네트워크를 지우거나(onggi network prune) --subnet으로 직접 고르세요"
    ),
    "an address, a range or a gateway was given without its subnet": (
        "서브넷 없이 주소, 범위 또는 게이트웨이만 주어졌습니다"
    ),
    "add --subnet, such as 10.5.0.0/24": "--subnet을 함께 쓰세요. 예: 10.5.0.0/24",
    "{subnet} is IPv6: add --ipv6": "IPv6 서브넷입니다. --ipv6를 함께 쓰세요: {subnet}",
    "the subnet {subnet} overlaps {other}, which another network has": (
        "다른 네트워크의 서브넷과 겹칩니다: {subnet}, {other}"
    ),
    "choose another --subnet; `onggi network inspect` shows theirs": (
        "다른 --subnet을 고르세요. 다른 네트워크의 것은 `onggi network inspect`로 볼 수 있습니다"
    ),
    "{address} is not in the subnet {subnet}": "서브넷 밖의 주소입니다: {address}, {subnet}",
    "not a subnet: {text!r}": "서브넷이 아닙니다: {text!r}",
    "write an address and its fixed bits, such as 10.5.0.0/24": (
        "주소와 고정 비트 수를 쓰세요. 예: 10.5.0.0/24"
    ),
    "the subnet {subnet} has no room for a container": (
        "컨테이너가 들어갈 자리가 없는 서브넷입니다: {subnet}"
    ),
    "not an IP address: {text!r}": "IP 주소가 아닙니다: {text!r}",
    "such as 10.5.0.9": "예: 10.5.0.9",
    "no address is free in {range}": "남은 주소가 없습니다: {range}",
    "disconnect or stop a container, or make a network with a larger subnet": (
        "컨테이너의 연결을 끊거나 멈추거나, 더 큰 서브넷으로 네트워크를 만드세요"
    ),
    "the address {address} is in use": "이미 쓰고 있는 주소입니다: {address}",
    "not a MAC address: {text!r}": "MAC 주소가 아닙니다: {text!r}",
    "such as 92:d0:c6:0a:29:33": "예: 92:d0:c6:0a:29:33",
    "not a pair: {text!r}": "이름=값 형식이 아닙니다: {text!r}",
    "write name=value": "이름=값 형식으로 쓰세요",
    "invalid label: its name is empty": "라벨의 이름이 비어 있습니다",
    "image {image} was found but is for another platform: {found}, not {wanted}": (
        "이미지는 있지만 다른 플랫폼용입니다: {image} (있는 것: {found}, 요청: {wanted})"
    ),
    "leave --platform out, or build an image for it": (
        "--platform을 빼거나 그 플랫폼용 이미지를 빌드하세요"
    ),
    "no such signal: {signal}": "그런 시그널은 없습니다: {signal}",
    "for example: SIGTERM, KILL, 9": "예: SIGTERM, KILL, 9",
    "not a size: {text!r}": "크기로 해석할 수 없습니다: {text!r}",
    "for example: 64m, 1.5g": "예: 64m, 1.5g",
    "the command cannot be split into words: {command}: {reason}": (
        "명령을 단어로 나눌 수 없습니다: {command}: {reason}"
    ),
    "close the quotation, or give a list of words": "따옴표를 닫거나 단어의 목록으로 주세요",
    "not an environment variable: {entry!r}": "환경 변수 형식이 아닙니다: {entry!r}",
    "write NAME=value": "이름=값 형식으로 쓰세요",
    "there is no recipe for the image {name}": "만드는 방법이 정해지지 않은 이미지입니다: {name}",
    "the Python that runs Onggi has no package {name}": (
        "옹기를 실행하는 Python에 패키지가 없습니다: {name}"
    ),
    "install Onggi with its dependencies: pip install {name}": (
        "옹기를 의존 패키지와 함께 설치하세요: pip install {name}"
    ),
    "the Python that runs Onggi has no pip": "Onggi를 실행하는 파이썬에 pip가 없습니다",
    "install python3-venv, or pip into Onggi's environment": (
        "python3-venv를 설치하거나 Onggi의 환경에 pip를 설치하세요"
    ),
    # ── Containers ─────────────────────────────────────────────────────────────────────────────
    "no command was given, and image {image} has none": (
        "실행할 명령이 없습니다. 명령을 주지 않았고 이미지에도 명령이 없습니다: {image}"
    ),
    "write the command after the image's name": "이미지 이름 뒤에 명령을 쓰세요",
    "the smallest memory limit is 6 MB": "메모리 제한은 6MB 이상이어야 합니다",
    "for example: --memory 64m": "예: --memory 64m",
    "the smallest memory reservation is 6 MB": "메모리 예약량은 6MB 이상이어야 합니다",
    "for example: --memory-reservation 32m": "예: --memory-reservation 32m",
    "there is no limit for the kernel's memory any more": (
        "커널 메모리만 따로 제한하는 기능은 이제 없습니다"
    ),
    "Linux counts it with the container's own: use --memory": (
        "리눅스는 커널 메모리를 컨테이너의 메모리에 함께 셉니다. --memory를 쓰세요"
    ),
    "a limit for memory and swap together needs one for memory": (
        "메모리와 스왑을 합친 제한에는 메모리 제한도 필요합니다"
    ),
    "for example: --memory 64m --memory-swap 128m": "예: --memory 64m --memory-swap 128m",
    "the limit for memory and swap together is below the one for memory": (
        "메모리와 스왑을 합친 제한이 메모리 제한보다 작습니다"
    ),
    "it counts both; the same number means no swap, -1 as much as there is": (
        "둘을 합친 값입니다. 메모리 제한과 같으면 스왑을 쓰지 않고, -1이면 스왑에 제한이 없습니다"
    ),
    "the memory reservation is above the memory limit": ("메모리 예약량이 메모리 제한보다 큽니다"),
    "a reservation is what stays with the container when the host runs short": (
        "예약량은 호스트의 메모리가 모자랄 때도 컨테이너에 남겨 두는 양입니다"
    ),
    "memory swappiness is a number from 0 to 100": (
        "메모리 스왑 성향(swappiness)은 0에서 100 사이의 숫자입니다"
    ),
    "a number of CPUs and a CPU quota or period say the same: choose one": (
        "CPU 개수와 CPU 할당량·주기는 같은 것을 정합니다. 하나만 쓰세요"
    ),
    "--cpus 0.5 is --cpu-period 100000 --cpu-quota 50000": (
        "--cpus 0.5는 --cpu-period 100000 --cpu-quota 50000과 같습니다"
    ),
    "the CPU period must be between 1000 and 1000000 µs": (
        "CPU 주기는 1000에서 1000000µs 사이여야 합니다"
    ),
    "the smallest CPU quota is 1000 µs": "CPU 할당량은 1000µs 이상이어야 합니다",
    "-1 takes the limit away": "-1은 제한 없음입니다",
    "CPUs {asked} are not all there: this host has {available}": (
        "이 호스트에 없는 CPU가 있습니다: {asked} (있는 CPU: {available})"
    ),
    "for example: --cpuset-cpus 0": "예: --cpuset-cpus 0",
    "memory nodes {asked} are not all there: this host has {available}": (
        "이 호스트에 없는 메모리 노드가 있습니다: {asked} (있는 노드: {available})"
    ),
    "for example: --cpuset-mems 0": "예: --cpuset-mems 0",
    "not a list of numbers: {text!r}": "번호 목록이 아닙니다: {text!r}",
    "for example: 0-2,7": "예: 0-2,7",
    "the block I/O weight is a number from 10 to 1000, or 0": (
        "블록 입출력 가중치는 10에서 1000 사이의 숫자이거나 0입니다"
    ),
    "for example: --blkio-weight 500": "예: --blkio-weight 500",
    "this host has no ps, so only the default columns can be shown": (
        "이 호스트에는 ps가 없어 기본 열만 보여 줄 수 있습니다"
    ),
    "leave the options out, or install procps ({evidence})": (
        "옵션을 빼거나 procps를 설치하세요 ({evidence})"
    ),
    "ps does not take these options: {reason}": "ps가 받지 않는 옵션입니다: {reason}",
    "there is no PID among the columns of ps": "ps가 보여 주는 열에 PID가 없습니다",
    "let it show one, as in: -o pid,comm": "PID 열을 넣으세요. 예: -o pid,comm",
    "not a device and its rate: {text!r}": "장치와 속도의 형식이 아닙니다: {text!r}",
    "write DEVICE:RATE, such as /dev/sda:1mb": "장치:속도 형식으로 쓰세요. 예: /dev/sda:1mb",
    "not a device and its weight: {text!r}": "장치와 가중치의 형식이 아닙니다: {text!r}",
    "write DEVICE:WEIGHT, such as /dev/sda:200": "장치:가중치 형식으로 쓰세요. 예: /dev/sda:200",
    "not a whole disk: {device}": "디스크 전체를 가리키는 장치가 아닙니다: {device}",
    "`lsblk -dp` lists them": "`lsblk -dp`로 목록을 볼 수 있습니다",
    "the disk {path} does not share its time by weight: its scheduler is {evidence}": (
        "가중치에 따라 시간을 나누지 않는 디스크입니다: {path} (입출력 스케줄러: {evidence})"
    ),
    "write bfq into its queue/scheduler below /sys/block, or leave {feature} out": (
        "/sys/block 아래 이 디스크의 queue/scheduler에 bfq를 쓰거나, 빼고 실행하세요: {feature}"
    ),
    "the new memory limit is above the limit for memory and swap together": (
        "새 메모리 제한이 메모리와 스왑을 합친 제한보다 큽니다"
    ),
    "change both at the same time, with --memory and --memory-swap": (
        "--memory와 --memory-swap으로 둘을 함께 바꾸세요"
    ),
    "not a block device: {path}": "블록 장치가 아닙니다: {path}",
    "`lsblk -p` lists this host's": "이 호스트의 블록 장치 목록: `lsblk -p`",
    "this kernel does not count swap: memory is limited, swap is not": (
        "이 커널은 스왑을 세지 않습니다. 메모리만 제한하고 스왑은 제한하지 않습니다"
    ),
    "no process of this container is killed when memory runs out, and there is no memory "
    "limit: it may take all of the host's": (
        "메모리가 바닥나도 이 컨테이너의 프로세스는 죽지 않는데 메모리 제한이 없습니다. "
        "호스트의 메모리를 모두 쓸 수 있습니다"
    ),
    "the block I/O weight has no effect on {device}: its scheduler, {scheduler}, does not weigh": (
        "블록 입출력 가중치가 통하지 않는 장치입니다: {device} "
        "(입출력 스케줄러 {scheduler}: 가중치 기능 없음)"
    ),
    "the CPU limit must be between 0.01 and {available}, this host's number of CPUs": (
        "CPU 제한은 0.01에서 {available}(이 호스트의 CPU 개수) 사이여야 합니다"
    ),
    "for example: --cpus 0.5": "예: --cpus 0.5",
    "command cannot be executed in the container: {command}: {reason}": (
        "컨테이너에서 명령을 실행할 수 없습니다: {command}: {reason}"
    ),
    "is it a program, with its execute permission set, for this machine?": (
        "실행 권한이 있는 프로그램인지, 이 기계의 아키텍처에 맞는지 확인하세요"
    ),
    "command not found in the container: {command}": (
        "컨테이너 안에 그런 명령이 없습니다: {command}"
    ),
    "check the spelling, or whether the image has that program": (
        "철자가 맞는지, 이미지에 그 프로그램이 들어 있는지 확인하세요"
    ),
    "there is no capability {name}": "그런 권한 조각(capability)은 없습니다: {name}",
    "man 7 capabilities lists them; for example: NET_ADMIN, or ALL": (
        "전체 목록은 man 7 capabilities에 있습니다. 예: NET_ADMIN, ALL"
    ),
    "this host cannot give the capability {feature} to anybody": (
        "이 호스트에서는 누구에게도 줄 수 없는 권한 조각입니다: {feature}"
    ),
    "leave it out: it is missing here in the bounding set of root itself": (
        "이 옵션을 빼세요. 이 호스트에서는 root의 bounding set에도 이 권한 조각이 없습니다"
    ),
    "this host does not give these capabilities to anybody, so the container goes without them: "
    "{names}": ("이 호스트가 누구에게도 주지 않는 권한 조각이라 컨테이너에도 없습니다: {names}"),
    "not a security option: {text!r}": "보안 옵션 형식이 아닙니다: {text!r}",
    "for example: no-new-privileges, seccomp=unconfined, seccomp=FILE, systempaths=unconfined": (
        "예: no-new-privileges, seccomp=unconfined, seccomp=파일, systempaths=unconfined"
    ),
    "this engine does not load profiles of {feature}": (
        "이 엔진은 다음 보안 모듈의 프로필을 적용하지 않습니다: {feature}"
    ),
    "leave the option out; seccomp and capabilities are there": (
        "이 옵션을 빼세요. seccomp 필터와 권한 조각 제한은 그대로 적용됩니다"
    ),
    "the OOM score must be between {lowest} and {highest}: {score}": (
        "OOM 점수는 {lowest} 이상 {highest} 이하여야 합니다: {score}"
    ),
    "not a mode of the {kind} namespace: {mode!r}": (
        "네임스페이스에 쓸 수 없는 값입니다: {kind}, {mode!r}"
    ),
    "write {modes}": "쓸 수 있는 값: {modes}",
    "a host name cannot be given to a container that shares the names of another: --uts {mode}": (
        "호스트 이름을 다른 곳과 함께 쓰는 컨테이너에는 이름을 따로 줄 수 없습니다: --uts {mode}"
    ),
    "leave out --hostname and --domainname, or --uts": (
        "--hostname과 --domainname을 빼거나 --uts를 빼세요"
    ),
    "sysctl {name} cannot be set for a world that is shared: --{kind} {mode}": (
        "함께 쓰는 네임스페이스의 sysctl은 바꿀 수 없습니다: {name}, --{kind} {mode}"
    ),
    "leave out one of them": "둘 중 하나를 빼세요",
    "a tmpfs cannot be mounted there: {path}": "그곳에는 tmpfs를 마운트할 수 없습니다: {path}",
    "/proc and /sys are the kernel's; .. leads nowhere": (
        "/proc과 /sys는 커널의 것이고, 경로에 ..을 쓸 수 없습니다"
    ),
    "not an option of a tmpfs: {option!r}": "tmpfs 옵션이 아닙니다: {option!r}",
    "for example: size=64m, mode=1777, uid=1000, exec": "예: size=64m, mode=1777, uid=1000, exec",
    "cannot share the {kind} namespace of container {name}: it is not running": (
        "실행 중이 아닌 컨테이너의 네임스페이스는 함께 쓸 수 없습니다: {name}, {kind}"
    ),
    "start it first": "그 컨테이너를 먼저 시작하세요",
    "container {name} does not share its IPC namespace": (
        "IPC 네임스페이스를 함께 쓰도록 허용하지 않은 컨테이너입니다: {name}"
    ),
    "start that one with --ipc shareable": "그 컨테이너를 --ipc shareable 옵션으로 시작하세요",
    "not a device rule: {text!r}": "장치 규칙 형식이 아닙니다: {text!r}",
    "write type, numbers and access, such as: c 10:200 rwm, or b 8:* r": (
        "종류, 번호, 허용할 동작을 쓰세요. 예: c 10:200 rwm, b 8:* r"
    ),
    "no such device on this host: {path}: {reason}": (
        "이 호스트에 그런 장치가 없습니다: {path}: {reason}"
    ),
    "`ls -l` shows a c or a b for one": "장치는 `ls -l` 출력에서 c나 b로 시작합니다",
    "this host has no control groups for devices, so the rules for them cannot be kept": (
        "이 호스트에는 장치용 컨트롤 그룹이 없어 장치 규칙을 지킬 수 없습니다"
    ),
    "leave out --device-cgroup-rule": "--device-cgroup-rule 옵션을 빼세요",
    "sysctl {name} cannot be set to {value!r}: {reason}": (
        "sysctl 값을 바꿀 수 없습니다: {name} = {value!r}: {reason}"
    ),
    "{path} of the image is a symbolic link": "이미지의 경로가 심볼릭 링크입니다: {path}",
    "this host does not permit a resource limit this high: {limit}": (
        "이 호스트에서는 자원 한도를 이렇게 높게 둘 수 없습니다: {limit}"
    ),
    "ask for less: the host's own is {available}": (
        "더 낮은 값을 쓰세요. 이 호스트의 한도: {available}"
    ),
    "this host does not permit an OOM score this low: {score}": (
        "이 호스트에서는 OOM 점수를 이렇게 낮게 둘 수 없습니다: {score}"
    ),
    "it takes CAP_SYS_RESOURCE, which this host does not give to root": (
        "CAP_SYS_RESOURCE 권한이 필요한데, 이 호스트의 root에는 그 권한이 없습니다"
    ),
    "the system calls of {machine} are not known here, so they cannot be filtered": (
        "이 아키텍처의 시스템 콜 번호표가 없어 필터를 만들 수 없습니다: {machine}"
    ),
    "use --security-opt seccomp=unconfined, if you trust the container": (
        "믿을 수 있는 컨테이너라면 --security-opt seccomp=unconfined 옵션을 쓰세요"
    ),
    "cannot enter the working directory {path}: {reason}": (
        "작업 디렉터리로 들어갈 수 없습니다: {path}: {reason}"
    ),
    "the container could not be set up: {reason}": "컨테이너를 준비하지 못했습니다: {reason}",
    "no such user in the container: {name}": "컨테이너 안에 그런 사용자가 없습니다: {name}",
    "no such group in the container: {name}": "컨테이너 안에 그런 그룹이 없습니다: {name}",
    "a null character cannot be part of a command, variable, path or user": (
        "명령, 변수, 경로, 사용자에는 널 문자를 쓸 수 없습니다"
    ),
    "the working directory must be an absolute path: {path}": (
        "작업 디렉터리는 절대 경로여야 합니다: {path}"
    ),
    "begin it with /": "/로 시작하게 쓰세요",
    "not a host name: {name!r}": "호스트 이름으로 쓸 수 없습니다: {name!r}",
    "use up to 64 of a-z A-Z 0-9 _ . - and begin with a letter or digit": (
        "a-z A-Z 0-9 _ . - 가운데 64자까지 쓰고, 글자나 숫자로 시작하세요"
    ),
    "the largest memory limit is 1 EiB": "메모리 제한은 1EiB를 넘을 수 없습니다",
    "the largest limit of processes is {largest}": ("프로세스 수 제한의 최댓값: {largest}"),
    "for example: --pids-limit 100": "예: --pids-limit 100",
    "the command and its variables are too long": "명령과 변수가 너무 깁니다",
    "put the text into a file of the container, or through standard input": (
        "긴 글은 컨테이너 안의 파일이나 표준 입력으로 넣으세요"
    ),
    "a user or group number is larger than {largest}: {text}": (
        "사용자나 그룹 번호가 {largest}보다 큽니다: {text}"
    ),
    "create it in the Dockerfile, or give a number": "Dockerfile에서 만들거나 숫자로 쓰세요",
    "the {resident} of the state directory does not answer: {root}": (
        "상태 디렉터리의 상주 프로세스가 응답하지 않습니다: {resident}, {root}"
    ),
    "nobody saw how the command ended: the process between was killed": (
        "명령이 어떻게 끝났는지 알 수 없습니다: 중간에서 지켜보던 프로세스가 강제로 끝났습니다"
    ),
    "see run/{resident}.log there": "그 디렉터리의 run/{resident}.log를 확인하세요",
    "the container's monitor ended before the container started": (
        "컨테이너가 시작되기 전에 모니터가 끝났습니다"
    ),
    "see run/launcher.log in the state directory": (
        "상태 디렉터리의 run/launcher.log를 확인하세요"
    ),
    "the monitor of a build step was killed": "빌드 단계를 맡은 모니터가 강제 종료되었습니다",
    "build again": "다시 빌드하세요",
    # ── Layers ─────────────────────────────────────────────────────────────────────────────────
    "the layer has more than {limit} {what}: this looks like a bomb": (
        "레이어가 한도를 넘습니다: {what} {limit} 초과. 압축 폭탄으로 보입니다"
    ),
    "the {format} data is damaged: {cause}": "{format} 데이터가 손상되었습니다: {cause}",
    "{taken} compressed bytes unfold to more than {given}: this looks like a bomb": (
        "압축된 {taken}바이트를 풀면 {given}바이트가 넘습니다. 압축 폭탄으로 보입니다"
    ),
    # ── Archives of images ─────────────────────────────────────────────────────────────────────
    "there is no {path} in the container": "컨테이너에 그런 파일이 없습니다: {path}",
    "{path} is no directory in the container": "컨테이너에서 디렉터리가 아닙니다: {path}",
    "{path} cannot be written in the container: it is read-only there": (
        "컨테이너 안의 이 위치에는 쓸 수 없습니다. 읽기 전용입니다: {path}"
    ),
    "the container was made with --read-only, or it is a read-only mount": (
        "컨테이너를 --read-only로 만들었거나 읽기 전용 마운트입니다"
    ),
    "a directory cannot be copied onto a file: {path}": (
        "디렉터리를 파일 위에 복사할 수 없습니다: {path}"
    ),
    "a directory does not replace a file: {name}": (
        "같은 이름의 파일이 있어 디렉터리로 바꾸지 않습니다: {name}"
    ),
    "a file does not replace a directory: {name}": (
        "같은 이름의 디렉터리가 있어 파일로 바꾸지 않습니다: {name}"
    ),
    "without the slash at its end it would become a file of that name": (
        "끝의 슬래시를 빼면 그 이름의 파일로 복사합니다"
    ),
    "the archive writes through {name!r}, which is no directory": (
        "아카이브가 디렉터리가 아닌 것을 거쳐 쓰려고 합니다: {name!r}"
    ),
    "one of the two must be in a container, and only one": (
        "둘 중 하나만, 반드시 컨테이너 안의 경로여야 합니다"
    ),
    "write a path in a container as CONTAINER:PATH": (
        "컨테이너 안의 경로는 CONTAINER:PATH로 쓰세요"
    ),
    "Successfully copied {size} to {target}": "복사했습니다: {size}, 대상: {target}",
    "the archive has more than {limit} files: this looks like a bomb": (
        "아카이브에 파일이 {limit}개 넘게 들어 있습니다. 압축 폭탄으로 보입니다"
    ),
    "no OCI image layout in {path}: there is no file oci-layout": (
        "OCI 이미지 레이아웃이 아닙니다. oci-layout 파일이 없습니다: {path}"
    ),
    "give an archive, or a directory such as `skopeo copy … oci:DIRECTORY` writes": (
        "아카이브 파일이나, `skopeo copy … oci:DIRECTORY`로 만든 것과 같은 디렉터리를 지정하세요"
    ),
    "the archive has no file {name}": "아카이브에 이 파일이 없습니다: {name}",
    "the archive is not complete: it has no {digest}": (
        "아카이브가 완전하지 않습니다. 빠진 것: {digest}"
    ),
    "{digest} has another size than its descriptor says: {actual}, not {expected}": (
        "{digest}: 크기가 디스크립터와 다릅니다. 실제 {actual}, 디스크립터 {expected}"
    ),
    "the archive holds {name}, which is no plain file": (
        "아카이브에 일반 파일이 아닌 것이 들어 있습니다: {name}"
    ),
    "the archive holds {name} twice": "아카이브에 같은 파일이 두 번 들어 있습니다: {name}",
    "the archive names {name!r}, which leads outside of it": (
        "아카이브에 바깥으로 나가는 이름이 들어 있습니다: {name!r}"
    ),
    "do not use this archive: it was made to attack its host, or is damaged": (
        "이 아카이브를 쓰지 마세요. 호스트를 공격하려고 만들었거나 손상된 파일입니다"
    ),
    "{where}: version {version} is not supported": ("{where}: 지원하지 않는 버전입니다: {version}"),
    "the archive has no image for {platform}, only for: {others}": (
        "아카이브에 이 플랫폼용 이미지가 없습니다: {platform}. 들어 있는 플랫폼: {others}"
    ),
    "an image has at most {limit} layers, this one has {count}": (
        "이미지의 레이어는 {limit}개까지만 쓸 수 있는데 {count}개가 들어 있습니다"
    ),
    "{where}: {count} layers, but the config lists {listed}": (
        "{where}: 레이어는 {count}개인데 이미지 설정에는 {listed}개로 적혀 있습니다"
    ),
    "a layer cannot be compressed with {compression}": (
        "레이어에 쓸 수 없는 압축 형식입니다: {compression}"
    ),
    "gzip, zstd and no compression are what the OCI knows": (
        "OCI 이미지에서는 gzip, zstd, 압축하지 않은 형식만 쓸 수 있습니다"
    ),
    "the archive holds no image": "아카이브에 이미지가 없습니다",
    "a root file system becomes an image with `onggi import`": (
        "루트 파일 시스템을 이미지로 만들려면 `onggi import` 명령을 쓰세요"
    ),
    "the archive is empty": "아카이브가 비어 있습니다",
    "give a tar of a root file system": "루트 파일 시스템을 담은 tar를 지정하세요",
    "the image has no such name: {name}": "이미지에 그런 이름이 없습니다: {name}",
    "no such file: {path}": "그런 파일이 없습니다: {path}",
    "no such directory: {path}": "그런 디렉터리가 없습니다: {path}",
    "there is no archive on standard input: it is a terminal": (
        "표준 입력으로 들어온 아카이브가 없습니다. 표준 입력이 터미널입니다"
    ),
    "give a file with -i, or redirect one: onggi load < images.tar": (
        "-i로 파일을 지정하거나 입력을 연결하세요: onggi load < images.tar"
    ),
    "give a file, or redirect one: onggi import - < files.tar": (
        "파일을 지정하거나 입력을 연결하세요: onggi import - < files.tar"
    ),
    "an archive is not written to a terminal": "아카이브를 터미널에 출력하지 않습니다",
    "write to a file with -o, or redirect the output": (
        "-o로 파일에 쓰거나 출력을 다른 곳으로 연결하세요"
    ),
    # ── Registries ─────────────────────────────────────────────────────────────────────────────
    "{code}: {text!r}": "{code}: {text!r}",
    "{host} sends its content packed ({encoding}), which nobody asked for": (
        "요청하지 않았는데 내용을 압축해서 보냈습니다({encoding}): {host}"
    ),
    "{host} sends more than {limit} bytes where a short answer is expected": (
        "짧은 응답이어야 하는데 {limit}바이트를 넘게 보냅니다: {host}"
    ),
    "{host} sends too slowly: {count} bytes in {seconds} seconds": (
        "너무 느리게 보냅니다({seconds}초 동안 {count}바이트): {host}"
    ),
    "{host} leads to {address}, which is no address of the web": (
        "웹 주소가 아닌 곳으로 보냅니다: {host} → {address}"
    ),
    "{host} leads from https to {address}, where everybody can listen": (
        "https에서 누구나 엿볼 수 있는 곳으로 보냅니다: {host} → {address}"
    ),
    "{host} leads from one place to the next without an end": (
        "리디렉션이 끝없이 이어집니다: {host}"
    ),
    "a public registry leads to {host}, an address of this host or a private network": (
        "공개 레지스트리가 이 호스트나 사설망의 주소로 보냅니다: {host}"
    ),
    "it was cancelled": "취소되었습니다",
    "there is no host {host}: {reason}": "그런 호스트가 없습니다: {host} ({reason})",
    "is the name right, and is there a network?": (
        "이름이 맞는지, 네트워크에 연결되어 있는지 확인하세요"
    ),
    "{host} does not answer as HTTP has it: {reason}": (
        "HTTP에 맞지 않는 응답입니다: {host} ({reason})"
    ),
    "the connection to {host} failed: {reason}": "연결하지 못했습니다: {host} ({reason})",
    "{host} speaks plain HTTP, which anybody on the way can read and change": (
        "암호화하지 않는 HTTP만 씁니다. 중간에서 누구나 읽고 바꿀 수 있습니다: {host}"
    ),
    "if that is meant, say so: ONGGI_INSECURE_REGISTRIES={host}": (
        "그래도 쓰려면 이렇게 허용하세요: ONGGI_INSECURE_REGISTRIES={host}"
    ),
    "the certificate of {host} cannot be trusted: {reason}": (
        "인증서를 신뢰할 수 없습니다: {host} ({reason})"
    ),
    "put the certificate of who signed it into {directory}/ca.crt": (
        "서명한 인증 기관(CA)의 인증서를 여기에 두세요: {directory}/ca.crt"
    ),
    "a certificate in {directory} cannot be read: {reason}": (
        "인증서를 읽을 수 없습니다: {directory} ({reason})"
    ),
    "{file} is not understood: {reason}": "파일 내용을 이해할 수 없습니다: {file} ({reason})",
    'write {{"insecure-registries": ["registry.lan:5000"]}}': (
        '이렇게 쓰세요: {{"insecure-registries": ["registry.lan:5000"]}}'
    ),
    "{file} cannot be read: {reason}": "파일을 읽을 수 없습니다: {file} ({reason})",
    "this is no name of a credential helper: {name!r}": (
        "자격 증명 도우미의 이름이 아닙니다: {name!r}"
    ),
    "the credential helper {program} failed: {reason}": (
        "자격 증명 도우미가 실패했습니다: {program} ({reason})"
    ),
    "the token server {host} answers {status}": "토큰 서버의 응답 상태: {status} ({host})",
    "the token server {host} gives no token: status {status}": (
        "토큰 서버가 토큰을 주지 않습니다(상태 {status}): {host}"
    ),
    "is the name or the password wrong? `onggi login {registry}` keeps new ones": (
        "사용자 이름이나 암호가 틀렸나요? 다시 로그인하려면: onggi login {registry}"
    ),
    "the token server {host} sends what is no token": "토큰이 아닌 것을 보냈습니다: {host}",
    "{host} cannot answer now: status {status} {reason}": (
        "지금은 응답할 수 없다고 합니다: {host} (상태 {status} {reason})"
    ),
    "{host} does not take this name with this password: status {status}": (
        "사용자 이름이나 암호가 맞지 않습니다: {host} (상태 {status})"
    ),
    "{host} refuses access to {what}": "접근이 거부되었습니다: {host}의 {what}",
    "log in, or with another name: onggi login {host}": (
        "로그인하거나 다른 이름으로 로그인하세요: onggi login {host}"
    ),
    "{host} answers {method} {what} with status {status} {reason}": (
        "{method} {what} 요청이 거부되었습니다: {host} (상태 {status} {reason})"
    ),
    "{host} wants to know who is there": "누구인지 다시 묻습니다: {host}",
    "{host} has no repository {name}": "그런 저장소가 없습니다: {host}의 {name}",
    "{host} offers other bytes of {digest} than those that were asked for": (
        "{digest}에서 요청한 것과 다른 부분을 보냅니다: {host}"
    ),
    "manifest for {name} not found: {host} does not know it": (
        "매니페스트가 없습니다: {name} ({host}에 없음)"
    ),
    "{host} sends {media_type!r} where a manifest of an image is expected": (
        "이미지의 매니페스트가 아닌 것을 보냈습니다({media_type!r}): {host}"
    ),
    "{host} does not say where to send a blob to": (
        "블롭을 어디로 보낼지 알려 주지 않습니다: {host}"
    ),
    "{host} has lost an upload": "진행 중이던 업로드를 잃어버렸습니다: {host}",
    "{host} had more of an upload than it said": (
        "업로드가 알려 준 것보다 더 많이 도착해 있었습니다: {host}"
    ),
    "no matching manifest for {platform}; there are: {others}": (
        "플랫폼에 맞는 매니페스트가 없습니다: {platform} (있는 것: {others})"
    ),
    "{where}: indexes within indexes within indexes": (
        "{where}: 인덱스가 너무 깊이 중첩되어 있습니다"
    ),
    "{where}: {media_type!r} is not what an image consists of": (
        "{where}: 이미지를 이루는 종류가 아닙니다: {media_type!r}"
    ),
    "{where}: it was sent as {media_type} and says that it is something else": (
        "{where}: 보낸 종류({media_type})와 문서에 적힌 종류가 다릅니다"
    ),
    # ── The registry's server ───────────────────────────────────────────────────────────────────
    "another registry server is using this directory: {path}": (
        "다른 레지스트리 서버가 이 디렉터리를 쓰고 있습니다: {path}"
    ),
    "certificate and key cannot be used: {path}: {reason}": (
        "인증서와 키를 쓸 수 없습니다: {path}: {reason}"
    ),
    "not a user name: {user!r}": "사용자 이름으로 쓸 수 없습니다: {user!r}",
    "a password has 1 to {limit} bytes": "비밀번호는 1~{limit}바이트여야 합니다",
    "{path}:{line}: not a user with a bcrypt hash": (
        "{path}:{line}: bcrypt 해시가 있는 사용자 줄이 아닙니다"
    ),
    "`onggi registry htpasswd USER` prints such a line": (
        "`onggi registry htpasswd USER` 명령이 그런 줄을 출력합니다"
    ),
    "{path}: there is no user in this file": "{path}: 이 파일에는 사용자가 없습니다",
    "a tag and all tags cannot be pulled at once": (
        "태그 하나와 모든 태그를 함께 요청할 수 없습니다"
    ),
    "an image does not exist locally with the tag: {name}": (
        "이 태그의 이미지가 여기에 없습니다: {name}"
    ),
    "give it that name first: onggi tag IMAGE {name}": (
        "먼저 이 이름을 붙이세요: onggi tag IMAGE {name}"
    ),
    "it is not here, and cannot be pulled: {reason}": (
        "여기에 없고, 가져올 수도 없습니다: {reason}"
    ),
    "a user name cannot have a colon: {name}": "사용자 이름에는 쌍점을 쓸 수 없습니다: {name}",
    "this is no registry: {text}": "레지스트리가 아닙니다: {text}",
    "a registry is host[:port], such as registry.example:5000 or localhost:5000": (
        "레지스트리는 호스트[:포트]로 씁니다. 예: registry.example:5000, localhost:5000"
    ),
    "this is no registry mirror: {text}": "레지스트리 미러 주소가 아닙니다: {text}",
    "write https://HOST[:PORT], or http:// for one that you trust on the whole way": (
        "https://호스트[:포트]로 쓰세요. 중간 경로까지 모두 믿을 수 있다면 http://도 됩니다"
    ),
    "this is no platform: {text!r}": "플랫폼이 아닙니다: {text!r}",
    "for example linux/amd64 or linux/arm64": "예: linux/amd64, linux/arm64",
    "cannot push a digest reference: {name}": "다이제스트로는 올릴 수 없습니다: {name}",
    "give the image a tag, and push that": "이미지에 태그를 붙여 그 태그를 올리세요",
    "tag can't be used with --all-tags/-a": "태그와 --all-tags/-a는 함께 쓸 수 없습니다",
    "--password and --password-stdin contradict each other": (
        "--password와 --password-stdin은 함께 쓸 수 없습니다"
    ),
    "--password-stdin needs --username": "--password-stdin에는 --username이 필요합니다",
    "nobody can be asked for a name and a password: standard input is no terminal": (
        "표준 입력이 터미널이 아니어서 사용자 이름과 암호를 물을 수 없습니다"
    ),
    "onggi login --username NAME --password-stdin {host} < FILE": (
        "onggi login --username NAME --password-stdin {host} < FILE"
    ),
    "name and password are needed": "사용자 이름과 암호가 필요합니다",
    # What is said while an image travels
    "Pulling fs layer": "레이어 대기 중",
    "Downloading": "내려받는 중",
    "Pull complete": "받기 완료",
    "Already exists": "이미 있음",
    "Preparing": "준비 중",
    "Compressing": "압축하는 중",
    "Pushing": "올리는 중",
    "Pushed": "올림",
    "Layer already exists": "레이어가 이미 있음",
    "Using default tag: {tag}": "기본 태그를 씁니다: {tag}",
    "The push refers to repository [{name}]": "올릴 저장소: [{name}]",
    "Authenticating with existing credentials...": "저장된 자격 증명으로 로그인합니다...",
    "Login Succeeded": "로그인했습니다",
    "WARNING! The password is stored unencrypted in '{file}'": (
        "경고! 암호가 암호화되지 않은 채 저장됩니다: '{file}'"
    ),
    "WARNING! Using --password via the CLI is insecure. Use --password-stdin.": (
        "경고! 명령줄의 --password는 안전하지 않습니다. --password-stdin을 쓰세요."
    ),
    "Removing login credentials for {host}": "로그인 정보를 지웁니다: {host}",
    "Not logged in to {host}": "로그인되어 있지 않습니다: {host}",
    # ── Layers and tars ────────────────────────────────────────────────────────────────────────
    "a tar header has a wrong checksum": "tar 헤더의 체크섬이 맞지 않습니다",
    "{name!r}: a tar entry of type {typeflag!r} is not supported": (
        "{name!r}: 지원하지 않는 tar 항목 종류입니다: {typeflag!r}"
    ),
    "sparse files and multi-volume archives cannot be in a layer": (
        "희소 파일(sparse file)과 여러 볼륨으로 나뉜 아카이브는 레이어에 넣을 수 없습니다"
    ),
    "a tar header has an impossible {field}": "tar 헤더에 있을 수 없는 값이 있습니다: {field}",
    "a tar's PAX header is damaged": "tar의 PAX 헤더가 손상되었습니다",
    "the tar archive ends too early": "tar 아카이브가 중간에 끊겼습니다",
    "the layer is damaged: get it again": "레이어가 손상되었습니다. 다시 받으세요",
    "a tar's PAX header has {size} bytes: too large": "tar의 PAX 헤더가 너무 큽니다: {size}바이트",
    "{path}: a name that begins with .wh. cannot be stored in a layer": (
        "{path}: .wh.로 시작하는 이름은 레이어에 넣을 수 없습니다"
    ),
    "{path} is not all there: overlayfs has left the rest in a lower layer": (
        "파일의 일부만 있습니다. 나머지는 overlayfs가 아래 레이어에 남겨 두었습니다: {path}"
    ),
    "mount the overlay with redirect_dir=off,metacopy=off": (
        "오버레이를 redirect_dir=off,metacopy=off 옵션으로 마운트하세요"
    ),
    "{path} was replaced while it was read": "{path}: 읽는 동안 다른 파일로 바뀌었습니다",
    "{path} became shorter while it was read": "읽는 동안 파일이 짧아졌습니다: {path}",
    "the layer links {name!r} to {target!r}, which is no file of this layer": (
        "레이어의 하드 링크가 이 레이어에 없는 파일을 가리킵니다: {name!r} → {target!r}"
    ),
    "the layer names {name!r}, which leads outside of it": (
        "레이어 밖으로 나가는 경로가 레이어에 있습니다: {name!r}"
    ),
    "do not use this image: it was made to attack its host, or is damaged": (
        "이 이미지를 쓰지 마세요. 호스트를 공격하려고 만들었거나 손상된 이미지입니다"
    ),
    "the layer names a file {depth} levels deep by {length} bytes: too much": (
        "레이어에 있는 경로가 너무 깊거나 깁니다: {depth}단계, {length}바이트"
    ),
    "the layer links {name!r} to {target!r}, which is behind a symbolic link": (
        "레이어의 하드 링크가 심볼릭 링크 너머를 가리킵니다: {name!r} → {target!r}"
    ),
    "the attribute {name!r} cannot be stored in a layer": (
        "레이어에 넣을 수 없는 확장 속성입니다: {name!r}"
    ),
    "the layer replaces its own root by a file": "레이어가 자신의 루트를 파일로 바꾸려 합니다",
    "the layer writes through {name!r}, which is not a directory": (
        "레이어가 디렉터리가 아닌 것을 거쳐 쓰려고 합니다: {name!r}"
    ),
    "the whiteout {mark!r} would delete a directory it is in": (
        "자신이 들어 있는 디렉터리를 지우는 화이트아웃입니다: {mark!r}"
    ),
    # ── Snapshots, content, database ───────────────────────────────────────────────────────────
    "two layers have the same short name: {expected} and {actual}": (
        "두 레이어의 짧은 이름이 같습니다: {expected}, {actual}"
    ),
    "no such snapshot: {key}": "그런 스냅샷이 없습니다: {key}",
    "its image was removed or never unpacked; get or build the image again": (
        "이미지가 삭제되었거나 풀린 적이 없습니다. 이미지를 다시 받거나 빌드하세요"
    ),
    "a snapshot has this name already: {key}": "같은 이름의 스냅샷이 이미 있습니다: {key}",
    "no such blob: {digest}": "그런 블롭(blob)이 없습니다: {digest}",
    "expected {expected} bytes, received {actual}": (
        "받아야 할 크기는 {expected}바이트인데 {actual}바이트를 받았습니다"
    ),
    "{digest} has {size} bytes: too large for a document": (
        "문서라고 하기에는 너무 큽니다: {digest} ({size}바이트)"
    ),
    "the bytes received are not those of {expected}: they are {actual}": (
        "받은 내용의 다이제스트가 다릅니다. 기대한 값: {expected}, 실제 값: {actual}"
    ),
    "a blob on this disk is damaged: {expected} holds {actual}": (
        "디스크에 있는 블롭이 손상되었습니다. 이름: {expected}, 실제 내용: {actual}"
    ),
    "the state directory was made by another version of Onggi: {path}": (
        "다른 버전의 Onggi가 만든 상태 디렉터리입니다: {path}"
    ),
    "use the version that made it, or set ONGGI_ROOT to another directory": (
        "그 버전을 쓰거나 ONGGI_ROOT에 다른 디렉터리를 지정하세요"
    ),
    "the state database cannot be used: {path}: {reason}": (
        "상태 데이터베이스를 쓸 수 없습니다: {path}: {reason}"
    ),
    "if the file is damaged, move it away; images and containers are then forgotten": (
        "파일이 손상되었다면 다른 곳으로 옮기세요. 이미지와 컨테이너 목록은 사라집니다"
    ),
    "no space left on the disk of the state directory: {path}": (
        "상태 디렉터리가 있는 디스크에 남은 공간이 없습니다: {path}"
    ),
    "free some space, for example with `onggi system prune`": (
        "공간을 비우세요. 예: `onggi system prune`"
    ),
    "start as the user who owns it, or set ONGGI_ROOT to another directory": (
        "그 디렉터리의 소유자로 실행하거나 ONGGI_ROOT에 다른 디렉터리를 지정하세요"
    ),
    # ── Build ──────────────────────────────────────────────────────────────────────────────────
    "there is no file {name} in the build context: {path}": (
        "빌드 컨텍스트에 그런 파일이 없습니다: {name} (컨텍스트: {path})"
    ),
    "cannot locate specified Dockerfile: {name}": (
        "보내온 빌드 컨텍스트에 Dockerfile이 없습니다: {name}"
    ),
    "building from a repository needs git on this host": (
        "저장소에서 빌드하려면 이 호스트에 git이 있어야 합니다"
    ),
    "install it: apt install git": "설치하세요: apt install git",
    "git {verb} failed: {reason}": "git 명령이 실패했습니다: git {verb}: {reason}",
    "no branch, tag or commit: {text}": "브랜치, 태그, 커밋이 아닙니다: {text}",
    "the repository has no directory {path}": "저장소에 그런 디렉터리가 없습니다: {path}",
    "{address} cannot be downloaded: {reason}": "내려받을 수 없습니다: {address}: {reason}",
    "write one there, or name another one with -f": (
        "그 자리에 만들거나, -f로 다른 파일을 지정하세요"
    ),
    "the build context is not a directory: {path}": "빌드 컨텍스트가 디렉터리가 아닙니다: {path}",
    "name the directory that holds the Dockerfile": "Dockerfile이 있는 디렉터리를 지정하세요",
    "{file}:{line}: a NUL character: this is no text file": (
        "{file}:{line}: NUL 문자가 있습니다. 텍스트 파일이 아닙니다"
    ),
    "{file}:{line}: not UTF-8 text": "{file}:{line}: UTF-8 텍스트가 아닙니다",
    "save the file as UTF-8": "파일을 UTF-8로 저장하세요",
    "{file}:{line}:{column}: {path} is a socket, a pipe or a device": (
        "{file}:{line}:{column}: 소켓, 파이프 또는 장치 파일입니다: {path}"
    ),
    "only files, directories and links can be copied; name it in .dockerignore": (
        "파일, 디렉터리, 링크만 복사할 수 있습니다. .dockerignore에 적어 제외하세요"
    ),
    "{file}:{line}:{column}: {path} is outside of the build context": (
        "{file}:{line}:{column}: 빌드 컨텍스트 밖의 경로입니다: {path}"
    ),
    "copy it into the context, or build from a directory above: -f DOCKERFILE DIRECTORY": (
        "컨텍스트 안으로 옮기거나, 상위 디렉터리에서 빌드하세요: -f DOCKERFILE DIRECTORY"
    ),
    "{file}:{line}:{column}: {path} is a link that leads to nothing in the build context": (
        "{file}:{line}:{column}: 링크가 가리키는 것이 빌드 컨텍스트 안에 없습니다: {path}"
    ),
    "links may lead to files of the context only: put the file itself there": (
        "링크는 컨텍스트 안의 파일만 가리킬 수 있습니다. 파일을 직접 넣으세요"
    ),
    "{file}:{line}:{column}: {path} is kept out of the build by .dockerignore": (
        "{file}:{line}:{column}: .dockerignore 때문에 빌드에서 제외된 경로입니다: {path}"
    ),
    "except it there, with a last line !{path}": (
        ".dockerignore의 마지막 줄에 예외를 추가하세요: !{path}"
    ),
    "{file}:{line}:{column}: no such file in the build context: {path}": (
        "{file}:{line}:{column}: 빌드 컨텍스트에 그런 파일이 없습니다: {path}"
    ),
    "{file}:{line}:{column}: nothing in the build context matches {pattern}": (
        "{file}:{line}:{column}: 빌드 컨텍스트에 패턴과 맞는 파일이 없습니다: {pattern}"
    ),
    "the build context that came in is not an archive": (
        "들어온 빌드 컨텍스트가 아카이브가 아닙니다"
    ),
    "tar -c . | onggi build -   or, a Dockerfile alone:   onggi build - < Dockerfile": (
        "tar -c . | onggi build -   또는 Dockerfile만 있다면   onggi build - < Dockerfile"
    ),
    "the build context cannot be unpacked: {cause}": ("빌드 컨텍스트를 풀 수 없습니다: {cause}"),
    "it is a tar, plain or compressed with gzip, bzip2, xz or zstd": (
        "tar여야 하고, gzip, bzip2, xz, zstd로 압축해도 됩니다"
    ),
    "there is nothing to build from": "무엇으로 빌드할지 주지 않았습니다",
    "give a directory with a Dockerfile: path=…": ("Dockerfile이 있는 디렉터리를 주세요: path=…"),
    "this host runs {host} only, not {wanted}": (
        "이 호스트에서 돌릴 수 없는 플랫폼입니다: {wanted} (호스트: {host})"
    ),
    "standard input cannot be both the build context and the Dockerfile": (
        "표준 입력은 빌드 컨텍스트와 Dockerfile을 겸할 수 없습니다"
    ),
    "--progress is auto, plain, tty, quiet or rawjson, not {kind}": (
        "--progress 값은 auto, plain, tty, quiet, rawjson 중 하나입니다 (받은 값: {kind})"
    ),
    "Show detailed information on space usage": "디스크 사용량을 항목별로 표시",
    "Images space usage:": "이미지가 쓰는 공간:",
    "Containers space usage:": "컨테이너가 쓰는 공간:",
    "Local Volumes space usage:": "로컬 볼륨이 쓰는 공간:",
    "Build cache usage: {size}": "빌드 캐시가 쓰는 공간: {size}",
    "Remove what a build leaves: always done": "빌드가 남긴 것을 지움 (항상 지웁니다)",
    "The same when it fails: always done": "실패했을 때도 지움 (항상 지웁니다)",
    "Not supported yet": "아직 지원하지 않음",
    "Write the image ID to a file": "이미지 ID를 파일에 씀",
    "Do not cache specified stages": "지정한 스테이지에는 캐시를 쓰지 않음",
    "Set the target platform: this host's, if any": "대상 플랫폼 지정 (이 호스트의 것만)",
    "Set type of progress output (auto, plain, tty, quiet, rawjson)": (
        "진행 상황을 보이는 방법 (auto, plain, tty, quiet, rawjson)"
    ),
    "did you mean {meant}?": "혹시 이것을 찾으셨나요: {meant}",
    "paths are relative to the build context": "경로는 빌드 컨텍스트를 기준으로 씁니다",
    "{file}:{line}:{column}: several sources need a directory to go into": (
        "{file}:{line}:{column}: 원본이 여러 개면 대상은 디렉터리여야 합니다"
    ),
    "write it with a slash at its end: {path}/": "끝에 슬래시를 붙여 쓰세요: {path}/",
    "{file}:{line}:{column}: {path} is there in the image, and is no directory": (
        "{file}:{line}:{column}: 이미지에 이미 있고 디렉터리가 아닌 경로입니다: {path}"
    ),
    "{file}:{line}:{column}: {path} is a directory in the image, and cannot become a file": (
        "{file}:{line}:{column}: 이미지의 디렉터리를 파일로 바꿀 수 없습니다: {path}"
    ),
    "{file}:{line}:{column}: {path} was changed while it was copied": (
        "{file}:{line}:{column}: 복사하는 동안 내용이 바뀐 파일입니다: {path}"
    ),
    "build again when nothing writes to it": "쓰는 프로그램이 없을 때 다시 빌드하세요",
    "{file}:{line}:{column}: the image knows no user {name}": (
        "{file}:{line}:{column}: 이미지에 그런 사용자가 없습니다: {name}"
    ),
    "{file}:{line}:{column}: the image knows no group {name}": (
        "{file}:{line}:{column}: 이미지에 그런 그룹이 없습니다: {name}"
    ),
    "create it with RUN before this line, or give a number": (
        "이 줄보다 앞에서 RUN으로 만들거나 숫자로 쓰세요"
    ),
    "{file}:{line}:{column}: the command ended with exit code {exit_status}: {command}": (
        "{file}:{line}:{column}: 명령이 실패했습니다 (종료 코드: {exit_status}): {command}"
    ),
    "the program is there, but may not be executed": "프로그램은 있지만 실행 권한이 없습니다",
    "there is no such program in the image, or not in its PATH": (
        "이미지에 그런 프로그램이 없거나 PATH에 없습니다"
    ),
    "it was killed (SIGKILL), maybe because memory ran out": (
        "강제 종료(SIGKILL)되었습니다. 메모리가 부족했을 수 있습니다"
    ),
    "a layer is not the one that its image lists: {expected} holds {actual}": (
        "레이어가 이미지에 적힌 것과 다릅니다. 적힌 값: {expected}, 실제 값: {actual}"
    ),
    "{file}:{line}:{column}: {word} is empty here: there is no image to build on": (
        "{file}:{line}:{column}: 여기서 값이 비어 있어 베이스 이미지를 알 수 없습니다: {word}"
    ),
    "declare it before FROM, with a default: ARG name=image": (
        "FROM 앞에서 기본값과 함께 선언하세요: ARG 이름=이미지"
    ),
    "{file}:{line}:{column}: not a signal: {text}": (
        "{file}:{line}:{column}: 시그널이 아닙니다: {text}"
    ),
    "write its name or number, such as SIGTERM or 15": "SIGTERM, 15처럼 이름이나 번호로 쓰세요",
    "{file}:{line}:{column}: not a mode: {text}": (
        "{file}:{line}:{column}: 권한 모드가 아닙니다: {text}"
    ),
    "write it in octal or in letters, such as --chmod=755 or --chmod=u=rwX,go=rX": (
        "--chmod=755처럼 8진수로, 또는 --chmod=u=rwX,go=rX처럼 문자로 쓰세요"
    ),
    "{file}:{line}:{column}: a name before a = is empty here": (
        "{file}:{line}:{column}: = 앞의 이름이 비어 있습니다"
    ),
    "does it come from a variable that is not set?": "값이 없는 변수를 쓰지 않았는지 확인하세요",
    "{file}:{line}:{column}: not a port: {text}": "{file}:{line}:{column}: 포트가 아닙니다: {text}",
    "a port is a number from 0 to 65535, maybe with /tcp or /udp": (
        "포트는 0에서 65535 사이의 숫자이고 /tcp나 /udp를 붙일 수 있습니다"
    ),
    "there is no stage {name} in {file}": "{file} 안에 그런 스테이지가 없습니다: {name}",
    "a stage gets its name from FROM image AS name": "이름을 붙이는 형식: FROM 이미지 AS 이름",
    "{file}:{line}:{column}: there is no image {name} on this machine": (
        "{file}:{line}:{column}: 이 기계에 그런 이미지가 없습니다: {name}"
    ),
    "`onggi images` lists those there are; FROM onggi/base works on any host": (
        "있는 이미지는 `onggi images`로 확인하세요. FROM onggi/base는 어느 호스트에서나 됩니다"
    ),
    "{file}:{line}:{column}: this is no name of an image: {name}": (
        "{file}:{line}:{column}: 이미지 이름이 아닙니다: {name}"
    ),
    "a name is in lower case, with a tag after a colon: onggi/base:latest": (
        "이름은 소문자로 쓰고 태그는 콜론 뒤에 붙입니다: onggi/base:latest"
    ),
    # ── Dockerfile ─────────────────────────────────────────────────────────────────────────────
    "{file}:{line}:{column}: a quote is opened and not closed: {word}": (
        "{file}:{line}:{column}: 따옴표를 닫지 않았습니다: {word}"
    ),
    "close it with {quote}, or write {escape}{quote} for the character itself": (
        "{quote} 문자로 닫거나, 문자 자체를 쓰려면 {escape}{quote} 형태로 쓰세요"
    ),
    "{file}:{line}:{column}: not a variable: {word}": (
        "{file}:{line}:{column}: 변수로 해석할 수 없습니다: {word}"
    ),
    "write ${{name}} or ${{name:-default}}, with a closing brace": (
        "${{name}} 또는 ${{name:-기본값}} 형태로 쓰고 중괄호를 닫으세요"
    ),
    "{file}:{line}:{column}: {name}: {text}": "{file}:{line}:{column}: {name}: {text}",
    "{file}:{line}: not a pattern: {pattern}": (
        "{file}:{line}: 패턴으로 해석할 수 없습니다: {pattern}"
    ),
    "a [ needs its ], and something between them": "[ 뒤에 내용을 쓰고 ] 문자로 닫으세요",
    "{file}:{line}:{column}: the directive {name} stands here a second time": (
        "{file}:{line}:{column}: 같은 지시자(directive)를 두 번 썼습니다: {name}"
    ),
    "keep one of the two": "둘 중 하나만 남기세요",
    "{file}:{line}:{column}: the escape character cannot be {value}": (
        "{file}:{line}:{column}: 이스케이프 문자로 쓸 수 없습니다: {value}"
    ),
    "it is either \\ or `": "\\ 또는 ` 중 하나여야 합니다",
    "{file}:{line}:{column}: unknown instruction: {name}": (
        "{file}:{line}:{column}: 알 수 없는 인스트럭션입니다: {name}"
    ),
    "a line that goes on needs a \\ at its end": "다음 줄로 이어지는 줄은 \\ 문자로 끝나야 합니다",
    "{file}:{line}:{column}: FROM takes an image, and maybe AS and a name": (
        "{file}:{line}:{column}: FROM 뒤에는 이미지와, 필요하면 AS와 이름을 씁니다"
    ),
    "FROM image  or  FROM image AS name": "FROM 이미지  또는  FROM 이미지 AS 이름",
    "{file}:{line}:{column}: not a name for a stage: {name}": (
        "{file}:{line}:{column}: 스테이지 이름으로 쓸 수 없습니다: {name}"
    ),
    "it begins with a letter; letters, digits, - _ and . may follow": (
        "영문자로 시작하고, 그 뒤에는 영문자, 숫자, - _ . 문자를 쓸 수 있습니다"
    ),
    "{file}:{line}:{column}: SHELL takes a list of strings and nothing else": (
        "{file}:{line}:{column}: SHELL 뒤에는 문자열 목록만 쓸 수 있습니다"
    ),
    'SHELL ["/bin/sh", "-c"]': 'SHELL ["/bin/sh", "-c"]',
    "{file}:{line}:{column}: {name} takes at least a source and a destination": (
        "{file}:{line}:{column}: {name} 뒤에는 원본과 대상이 모두 있어야 합니다"
    ),
    "{name} source… destination": "{name} 원본… 대상",
    "{file}:{line}:{column}: a here-document cannot be the destination: {word}": (
        "{file}:{line}:{column}: 여기 문서(here-document)는 대상이 될 수 없습니다: {word}"
    ),
    "{name} {word} /path": "{name} {word} /경로",
    "{file}:{line}:{column}: RUN --mount=type=ssh is not supported yet": (
        "{file}:{line}:{column}: RUN --mount=type=ssh는 아직 지원하지 않습니다"
    ),
    "give the key as a secret: --mount=type=secret": (
        "키는 시크릿으로 넘기세요: --mount=type=secret"
    ),
    "{file}:{line}:{column}: the option {key} does not go with --mount=type={kind}": (
        "{file}:{line}:{column}: --mount=type={kind}에는 쓸 수 없는 옵션입니다: {key}"
    ),
    "{file}:{line}:{column}: --mount is not a line of options: {cause}": (
        "{file}:{line}:{column}: --mount의 옵션 목록을 해석할 수 없습니다: {cause}"
    ),
    "separate them by commas: --mount=type=cache,target=/path": (
        "쉼표로 구분하세요: --mount=type=cache,target=/path"
    ),
    "{file}:{line}:{column}: --mount=type={kind} needs the option {key}": (
        "{file}:{line}:{column}: --mount=type={kind}에 빠진 옵션이 있습니다: {key}"
    ),
    "for example: {key}={example}": "예: {key}={example}",
    "{file}:{line}:{column}: a secret has either an id or a source: they mean the same": (
        "{file}:{line}:{column}: 시크릿의 id와 source는 같은 뜻이므로 하나만 쓰세요"
    ),
    "{file}:{line}:{column}: the option {key} of --mount cannot be {value!r}": (
        "{file}:{line}:{column}: --mount 옵션 {key}에 쓸 수 없는 값입니다: {value!r}"
    ),
    "{file}:{line}:{column}: --mount has no option {key!r}": (
        "{file}:{line}:{column}: --mount에 없는 옵션입니다: {key!r}"
    ),
    "{file}:{line}:{column}: nothing can be mounted at {path}: {cause}": (
        "{file}:{line}:{column}: 여기에는 마운트할 수 없습니다: {path}: {cause}"
    ),
    "a directory goes over a directory, a file over a file": (
        "디렉터리는 디렉터리 위에, 파일은 파일 위에 마운트합니다"
    ),
    "{file}:{line}:{column}: nothing can be mounted over /": (
        "{file}:{line}:{column}: / 위에는 마운트할 수 없습니다"
    ),
    "name a directory in it: target=/src": "그 안의 디렉터리를 지정하세요: target=/src",
    "{file}:{line}:{column}: the build was given no secret {id}": (
        "{file}:{line}:{column}: 빌드에 넘기지 않은 시크릿입니다: {id}"
    ),
    "--secret id={id},src=FILE  or  --secret id={id},env=NAME": (
        "--secret id={id},src=파일 또는 --secret id={id},env=변수"
    ),
    "{file}:{line}:{column}: {name} --{flag}={value} is not supported": (
        "{file}:{line}:{column}: 지원하지 않는 값입니다: {name} --{flag}={value}"
    ),
    "it can be: {values}": "쓸 수 있는 값: {values}",
    "--secret is not understood: {text}": "--secret 값을 해석할 수 없습니다: {text}",
    "--secret id=NAME,src=FILE  or  --secret id=NAME,env=VARIABLE": (
        "--secret id=이름,src=파일 또는 --secret id=이름,env=변수"
    ),
    "--secret {id}: there is no environment variable {variable}": (
        "--secret {id}: 환경 변수가 없습니다: {variable}"
    ),
    "Secret to expose to the build (id=mysecret,src=/local/secret)": (
        "빌드에 보여 줄 시크릿 (id=mysecret,src=/local/secret)"
    ),
    "{file}:{line}:{column}: --from takes no variable: {word}": (
        "{file}:{line}:{column}: --from에는 변수를 쓸 수 없습니다: {word}"
    ),
    "name the image in a stage of its own: FROM {word} AS name": (
        "그 이미지를 따로 스테이지로 만드세요: FROM {word} AS 이름"
    ),
    "{file}:{line}:{column}: this cannot stand after ONBUILD: {what}": (
        "{file}:{line}:{column}: ONBUILD 뒤에는 쓸 수 없습니다: {what}"
    ),
    "{file}:{line}:{column}: the flag --{flag} is either true or false, not {value}": (
        "{file}:{line}:{column}: --{flag} 옵션에는 true 또는 false만 씁니다 (받은 값: {value})"
    ),
    "{file}:{line}:{column}: HEALTHCHECK takes CMD and a command, or NONE alone": (
        "{file}:{line}:{column}: HEALTHCHECK 뒤에는 CMD와 명령, 또는 NONE만 씁니다"
    ),
    "HEALTHCHECK CMD command": "HEALTHCHECK CMD 명령",
    "{file}:{line}:{column}: not a duration: {text}": (
        "{file}:{line}:{column}: 시간 길이가 아닙니다: {text}"
    ),
    "write it with a unit, such as 30s or 1m30s; the shortest is 1ms": (
        "30s, 1m30s처럼 단위를 붙여 쓰세요. 가장 짧은 값은 1ms입니다"
    ),
    "{file}:{line}:{column}: the number of retries cannot be {text}": (
        "{file}:{line}:{column}: 재시도 횟수로 쓸 수 없습니다: {text}"
    ),
    "it is a whole number from 0 upwards": "0 이상의 정수를 쓰세요",
    "{file}:{line}:{column}: the here-document {word} does not end": (
        "{file}:{line}:{column}: 여기 문서(here-document)가 끝나지 않습니다: {word}"
    ),
    "a line with {name} and nothing else ends it": "{name} 하나만 있는 줄로 끝내세요",
    "{file}:{line}:{column}: ADD of a git repository is not supported yet: {address}": (
        "{file}:{line}:{column}: git 저장소를 ADD하는 것은 아직 지원하지 않습니다: {address}"
    ),
    "clone it into the build context and COPY it": ("빌드 컨텍스트에 클론한 다음 COPY로 넣으세요"),
    "{file}:{line}:{column}: {address} cannot be downloaded: {reason}": (
        "{file}:{line}:{column}: 내려받지 못했습니다: {address}: {reason}"
    ),
    "more than {limit} bytes": "{limit}바이트를 넘습니다",
    "it ends after {count} of {promised} bytes": (
        "{promised}바이트 중 {count}바이트에서 끊겼습니다"
    ),
    "its checksum is {actual}, not {expected}": (
        "체크섬이 다릅니다 (예상 {expected}, 실제 {actual})"
    ),
    "{file}:{line}:{column}: not a checksum: {text}": (
        "{file}:{line}:{column}: 체크섬이 아닙니다: {text}"
    ),
    "sha256: and 64 hex digits: `sha256sum FILE` prints them": (
        "sha256: 뒤에 16진수 64자리를 씁니다. `sha256sum 파일`로 구할 수 있습니다"
    ),
    "{file}:{line}:{column}: --checksum is for one source, which is an address": (
        "{file}:{line}:{column}: --checksum은 주소인 원본 하나에만 쓸 수 있습니다"
    ),
    "ADD --checksum=sha256:… https://… destination": ("ADD --checksum=sha256:… https://… 대상"),
    "{file}:{line}:{column}: not a pattern: {pattern}": (
        "{file}:{line}:{column}: 패턴이 아닙니다: {pattern}"
    ),
    "{file}:{line}:{column}: the archive {path} cannot be unpacked: {cause}": (
        "{file}:{line}:{column}: 아카이브를 풀 수 없습니다: {path} ({cause})"
    ),
    "COPY takes it as the file it is": "COPY를 쓰면 파일 그대로 들어갑니다",
    "{file}:{line}:{column}: a VOLUME needs a path, and {word} is empty here": (
        "{file}:{line}:{column}: VOLUME에는 경로가 필요한데 비어 있습니다: {word}"
    ),
    "{file}:{line}:{column}: this host runs {host} only, not {wanted}": (
        "{file}:{line}:{column}: 이 호스트는 {host}만 실행할 수 있습니다 (요청: {wanted})"
    ),
    "leave --platform out": "--platform을 빼세요",
    "{file}:{line}:{column}: there is no {path} in {origin}": (
        "{file}:{line}:{column}: {origin} 안에 없는 경로입니다: {path}"
    ),
    "paths are those of the image: they begin at its /": (
        "경로는 그 이미지의 것이며 이미지의 /에서 시작합니다"
    ),
    "only files, directories and links can be copied": (
        "파일, 디렉터리, 링크만 복사할 수 있습니다"
    ),
    "{file}:{line}:{column}: there is no stage {name} above this one": (
        "{file}:{line}:{column}: 이 위에 없는 스테이지입니다: {name}"
    ),
    "stages are counted from 0; a name is easier to read: FROM image AS name": (
        "스테이지 번호는 0부터입니다. 이름이 읽기 쉽습니다: FROM 이미지 AS 이름"
    ),
    "{file}:{line}:{column}: there is no FROM in this file": (
        "{file}:{line}:{column}: 이 파일에는 FROM이 없습니다"
    ),
    "begin with FROM and the image to build on, or FROM scratch": (
        "FROM과 베이스 이미지로 시작하거나 FROM scratch로 시작하세요"
    ),
    "{file}:{line}:{column}: before the first FROM only ARG may stand": (
        "{file}:{line}:{column}: 첫 FROM 앞에는 ARG만 올 수 있습니다"
    ),
    "{file}:{line}:{column}: {name} has no flag --{flag}": (
        "{file}:{line}:{column}: {name} 인스트럭션에는 --{flag} 옵션이 없습니다"
    ),
    "did you mean --{meant}?": "혹시 이것을 찾으셨나요: --{meant}",
    "{file}:{line}:{column}: {name} needs at least one string in its list": (
        "{file}:{line}:{column}: {name} 뒤의 목록에는 문자열이 하나 이상 있어야 합니다"
    ),
    "{file}:{line}:{column}: {name} --{flag} is not supported yet": (
        "{file}:{line}:{column}: 아직 지원하지 않는 옵션입니다: {name} --{flag}"
    ),
    "{file}:{line}:{column}: a list here may hold strings only": (
        "{file}:{line}:{column}: 이 목록에는 문자열만 쓸 수 있습니다"
    ),
    'put every item in double quotes: ["sleep", "10"]': (
        '모든 항목을 큰따옴표로 묶으세요: ["sleep", "10"]'
    ),
    "{file}:{line}:{column}: {name} needs a value for {variable}": (
        "{file}:{line}:{column}: {name} 인스트럭션에 값이 빠졌습니다: {variable}"
    ),
    "{name} {variable}=value": "{name} {variable}=값",
    "{file}:{line}:{column}: there is no = in {word}": (
        "{file}:{line}:{column}: = 기호가 없습니다: {word}"
    ),
    "write name=value, and put quotes around a value with blanks": (
        "이름=값 형식으로 쓰고, 빈칸이 든 값은 따옴표로 묶으세요"
    ),
    "{file}:{line}:{column}: {name} needs a name before the =": (
        "{file}:{line}:{column}: {name} 인스트럭션에서 = 앞에 이름이 빠졌습니다"
    ),
    "{file}:{line}:{column}: {name} says nothing else": (
        "{file}:{line}:{column}: {name} 뒤에 내용이 없습니다"
    ),
    "write it so: {usage}": "이렇게 쓰세요: {usage}",
    "{file}:{line}:{column}: the directories are nested too deeply: {path}": (
        "{file}:{line}:{column}: 디렉터리가 너무 깊이 겹쳐 있습니다: {path}"
    ),
    "{path} leads through too many symbolic links in the image": (
        "이미지 안에서 심볼릭 링크를 너무 많이 거치는 경로입니다: {path}"
    ),
    "{file}:{line}:{column}: the flag --{flag} has no value": (
        "{file}:{line}:{column}: 값이 없는 옵션입니다: --{flag}"
    ),
    "write --{flag}=value, with nothing around the =": (
        "= 앞뒤에 빈칸 없이 --{flag}=값 형태로 쓰세요"
    ),
    "{file}:{line}:{column}: the flag --{flag} stands here a second time": (
        "{file}:{line}:{column}: 같은 옵션을 두 번 썼습니다: --{flag}"
    ),
    # ── OCI documents and names ────────────────────────────────────────────────────────────────
    "not a digest: {text!r}": "다이제스트가 아닙니다: {text!r}",
    "a digest looks like sha256: and 64 characters from 0-9 a-f": (
        "다이제스트는 sha256: 뒤에 0-9 a-f 문자 64개가 오는 형태입니다"
    ),
    "{where}: expected JSON type {expected}, found {found}": (
        "{where}: JSON 타입이 다릅니다. 필요한 타입: {expected}, 실제 타입: {found}"
    ),
    "text that is not UTF-8 cannot be written to an image: {text!r}": (
        "UTF-8이 아닌 텍스트는 이미지에 쓸 수 없습니다: {text!r}"
    ),
    "{where}: {value} is out of range": "{where}: 범위를 벗어난 값입니다: {value}",
    "{where}: this engine does not do that": "{where}: 이 엔진이 지원하지 않는 설정입니다",
    "{where}: not known here: {value}": "{where}: 알 수 없는 값입니다: {value}",
    "{where}: {cause}": "{where}: {cause}",
    "{where}: this member is missing": "{where}: 이 항목이 빠졌습니다",
    "{where}: not a digest: {text!r}": "{where}: 다이제스트가 아닙니다: {text!r}",
    "{where}: not JSON: {cause}": "{where}: JSON이 아닙니다: {cause}",
    "{where}: only schemaVersion 2 is supported": "{where}: schemaVersion 2만 지원합니다",
    '{where}: must be "layers"': '{where}: 값이 "layers"여야 합니다',
    "invalid tag {tag!r}": "태그로 쓸 수 없습니다: {tag!r}",
    "a tag has 1 to 128 letters, digits, dots, dashes and underscores, and starts with neither "
    "a dot nor a dash": (
        "태그는 영문자, 숫자, . - _ 문자 1~128개로 쓰고, 점이나 붙임표로 시작할 수 없습니다"
    ),
    "invalid image name {text!r}: 64 hex digits are an image ID, not a name": (
        "이미지 이름으로 쓸 수 없습니다: {text!r} (16진수 64자리는 이름이 아니라 이미지 ID입니다)"
    ),
    "invalid image name {text!r}: repository names are lowercase": (
        "이미지 이름으로 쓸 수 없습니다: {text!r} (저장소 이름은 소문자로 씁니다)"
    ),
    "try {lower}": "이렇게 써 보세요: {lower}",
    "invalid image name {text!r}": "이미지 이름으로 쓸 수 없습니다: {text!r}",
    "a name is [registry/]path[:tag], such as alpine, team/app:1.0 or registry.example:5000/app": (
        "이름은 [레지스트리/]경로[:태그] 형태입니다. "
        "예: alpine, team/app:1.0, registry.example:5000/app"
    ),
    "invalid image name: it is longer than {limit} characters": (
        "이미지 이름으로 쓸 수 없습니다: {limit}자를 넘습니다"
    ),
    "invalid image name {text!r}: what follows @ is not a digest": (
        "이미지 이름으로 쓸 수 없습니다: {text!r} (@ 뒤가 다이제스트가 아닙니다)"
    ),
    # ── Linux ──────────────────────────────────────────────────────────────────────────────────
    "{call}({arguments}) failed: {reason}": "{call}({arguments}) 호출이 실패했습니다: {reason}",
    "this host has no cgroup controller for {feature}, so the limit cannot be kept": (
        "이 호스트에는 해당 cgroup 컨트롤러가 없어 제한을 지킬 수 없습니다: {feature}"
    ),
    "this host's kernel cannot keep the limit {feature}": (
        "이 호스트의 커널은 이 제한을 지킬 수 없습니다: {feature}"
    ),
    "leave the limit out ({evidence})": "제한을 빼세요 ({evidence})",
    "leave the limit out, or enable the controller ({evidence})": (
        "제한을 빼거나 컨트롤러를 켜세요 ({evidence})"
    ),
    "this kernel cannot open files safely below a directory": (
        "이 커널에는 디렉터리 밖으로 나가지 않고 파일을 여는 기능이 없습니다"
    ),
    "use Linux 5.6 or newer; sandboxes such as gVisor do not have this call": (
        "리눅스 5.6 이상을 쓰세요. gVisor 같은 샌드박스에는 이 시스템 콜이 없습니다"
    ),
    "needs root (CAP_SYS_ADMIN) and a host that does not forbid it": (
        "root 권한(CAP_SYS_ADMIN)과 이를 막지 않는 호스트가 필요합니다"
    ),
    "keep the state directory on ext4, xfs, btrfs or tmpfs": (
        "상태 디렉터리를 ext4, xfs, btrfs, tmpfs 중 하나에 두세요"
    ),
    "making images and containers needs root on this host": (
        "이 호스트에서 이미지와 컨테이너를 만들려면 root 권한이 필요합니다"
    ),
    "start it with sudo ({evidence})": "sudo로 실행하세요 ({evidence})",
    "needs root": "root 권한이 필요합니다",
    "limits on it cannot be set here": "여기서는 이 제한을 걸 수 없습니다",
    "virtual machines are emulated, which is slower": (
        "가상 머신을 에뮬레이션으로 실행하므로 느립니다"
    ),
    "start with sudo; containers without root are a later chapter": (
        "sudo로 실행하세요. root 없는 컨테이너는 뒤에서 다룹니다"
    ),
    "the others still work": "나머지는 그대로 쓸 수 있습니다",
    "limits above the host's own cannot be given to a container": (
        "호스트의 제한보다 높은 값을 컨테이너에 줄 수 없습니다"
    ),
}
