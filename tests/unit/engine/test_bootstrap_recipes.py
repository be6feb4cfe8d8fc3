"""The base images as file systems: entered with chroot, their programs run there.

Every kind that this host can make is tried: with busybox and without, with the Python that runs
the tests and with the system's own, with pip installed and with pip's wheel.
"""

from __future__ import annotations

import functools
import os
import stat
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path, PurePosixPath

import pytest

from runtime.engine.bootstrap.busybox import find_busybox
from runtime.engine.bootstrap.host_programs import find_web_client
from runtime.engine.bootstrap.interpreter import describe_interpreter, running_interpreter
from runtime.engine.bootstrap.recipes import ENVIRONMENT, ImageRecipe, base_recipe, python_recipe
from runtime.engine.bootstrap.tree import File, Link, Tree, write_tree
from runtime.engine.bootstrap.worldwide import CERTIFICATES, find_certificates

REPOSITORY = Path(__file__).parents[3]
SYSTEM_PYTHON = Path("/usr/bin/python3")

Run = Callable[..., str]


def whole(recipe: ImageRecipe) -> Tree:
    """All layers as one tree."""
    return Tree.of(chain.from_iterable(layer.tree.entries.values() for layer in recipe.layers))


def inside(root: Path) -> Run:
    """A function that runs a program in `root` as its own root directory."""

    def run(*argv: str, user: int = 0, check: bool = True) -> str:
        answer = subprocess.run(
            ["/usr/sbin/chroot", f"--userspec={user}:{user}", root, *argv],
            env=dict(variable.split("=", 1) for variable in ENVIRONMENT),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert answer.returncode == 0 or not check, answer.stdout + answer.stderr
        return answer.stdout + answer.stderr

    return run


@pytest.fixture(scope="module", params=["busybox", "host programs"])
def base(request: pytest.FixtureRequest) -> Iterator[Run]:
    """onggi/base, made both ways."""
    if request.param == "busybox" and find_busybox() is None:
        pytest.skip("this host has no static busybox")
    with tempfile.TemporaryDirectory() as folder:
        busybox = find_busybox() if request.param == "busybox" else None
        write_tree(whole(base_recipe(busybox)), Path(folder), epoch=1_767_225_600)
        Path(folder).chmod(0o755)
        yield inside(Path(folder))


@pytest.mark.needs("root")
class TestBase:
    def test_the_usual_small_tools_are_there_and_start(self, base: Run) -> None:
        base(
            "sh", "-c", "for t in cat cp grep sed awk tar gzip find ps id sleep; do which $t; done"
        )
        script = "printf 'b\\na\\n' | sort | gzip | zcat | sed s/a/x/ | awk '{print NR $1}'"
        assert base("sh", "-c", script) == "1x\n2b\n"

    def test_hangul_is_shown_as_hangul(self, base: Run) -> None:
        assert (
            base("sh", "-c", "cd /tmp && echo 안녕 > 한글.txt && ls && cat *") == "한글.txt\n안녕\n"
        )

    def test_time_zones_are_known(self, base: Run) -> None:
        if not Path("/usr/share/zoneinfo/Asia/Seoul").exists():
            pytest.skip("this host has no time zones")
        assert base("sh", "-c", "TZ=Asia/Seoul date -d @0 +%H:%M") == "09:00\n"

    def test_a_user_without_privileges_can_work_at_home_only(self, base: Run) -> None:
        assert base("sh", "-c", "whoami; cd; cd /home/student; echo x > y; rm y", user=1000) == (
            "student\n"
        )
        assert "ermission denied" in base("sh", "-c", "cat /root/x", user=1000, check=False)
        assert "ermission denied" in base("sh", "-c", "echo > /etc/passwd", user=1000, check=False)

    def test_the_web_client_fetches_a_page(self, base: Run, page: str) -> None:
        assert base(*fetch(page)) == "hello\n"

    def test_it_speaks_tls_and_can_read_its_certificates(self, base: Run, page: str) -> None:
        if find_web_client() != "curl" or find_certificates() is None:
            pytest.skip("this host has no curl, or no certificates")
        script = f"curl -s {page.replace('http', 'https')}; echo $?"
        # 35: there was nobody to shake hands with. 77: the certificates could not be read.
        assert base("sh", "-c", script) == "35\n"
        assert base("sh", "-c", "head -c 20 $SSL_CERT_FILE; test -s $SSL_CERT_FILE")

    def test_nobody_of_the_host_is_a_user(self, base: Run) -> None:
        users = base("sh", "-c", "cut -d: -f1 /etc/passwd").split()
        assert users == ["root", "student", "nobody"]
        assert base("sh", "-c", "id -un student; id -gn student") == "student\nstudent\n"


def fetch(page: str) -> tuple[str, ...]:
    return ("curl", "-s", page) if find_web_client() == "curl" else ("wget", "-qO-", page)


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    """The address of a page that says hello."""

    class Hello(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"hello\n")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@functools.cache
def system_python_is_another_one() -> bool:
    """Whether the system has a Python that Onggi runs on, besides the one of the tests."""
    question = "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))"
    if not SYSTEM_PYTHON.exists() or sys.base_prefix == "/usr":
        return False
    asked = subprocess.run([SYSTEM_PYTHON, "-c", question], check=False, capture_output=True)
    return asked.returncode == 0


def pythons() -> list[str]:
    """The Pythons of this host to make an image of; `wheel` is this one without its pip."""
    return ["own", "wheel", *(["system"] if system_python_is_another_one() else [])]


WRITE = """
import sys
from pathlib import Path
from runtime.engine.bootstrap.recipes import recipes
from runtime.engine.bootstrap.tree import Tree, write_tree
layers = recipes(["onggi/python"])[-1].layers
tree = Tree.of(entry for layer in layers for entry in layer.tree.entries.values())
write_tree(tree, Path(sys.argv[1]), epoch=1_767_225_600)
"""


@pytest.fixture(scope="module", params=pythons())
def python(request: pytest.FixtureRequest) -> Iterator[tuple[Run, Path]]:
    """onggi/python, made by each Python; and its root."""
    with tempfile.TemporaryDirectory() as folder:
        environment, root = Path(folder, "venv"), Path(folder, "root")
        program = sys.executable
        if request.param != "own":
            creator = SYSTEM_PYTHON if request.param == "system" else program
            subprocess.run([creator, "-m", "venv", "--without-pip", environment], check=True)
            program = str(environment / "bin/python")
        root.mkdir()
        subprocess.run(
            [program, "-c", WRITE, root],
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"},
            check=True,
        )
        yield inside(root), root


def make_wheel(folder: Path) -> None:
    """A package that says hello, by hand: a wheel is a zip file."""
    about = "greeting-1.0.dist-info"
    with zipfile.ZipFile(folder / "greeting-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("greeting.py", "print('안녕하세요')\n")
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n")
        wheel.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{about}/RECORD", f"greeting.py,,\n{about}/METADATA,,\n{about}/WHEEL,,\n")


@pytest.mark.needs("root")
class TestPython:
    def test_the_standard_library_loads_with_its_extension_modules(
        self, python: tuple[Run, Path]
    ) -> None:
        run, _ = python
        modules = "ssl,sqlite3,ctypes,zlib,hashlib,json,asyncio,http.server,decimal,venv"
        assert run("python3", "-c", f"import {modules}; print('✓')") == "✓\n"
        assert run("python", "-c", "import sys; print(sys.stdout.encoding)") == "utf-8\n"

    def test_every_extension_module_that_came_along_can_be_loaded(
        self, python: tuple[Run, Path]
    ) -> None:
        run, root = python
        found = sorted({p.name.partition(".")[0] for p in root.rglob("lib-dynload/*.so")})
        script = f"import importlib\nfor name in {found}: importlib.import_module(name)"
        assert run("python3", "-c", script) == ""

    def test_pip_installs_a_wheel_without_a_network(self, python: tuple[Run, Path]) -> None:
        run, root = python
        (root / "wheels").mkdir(exist_ok=True)
        make_wheel(root / "wheels")
        said = run("pip", "install", "--no-index", "--find-links", "/wheels", "greeting")
        assert "Successfully installed greeting-1.0" in said
        assert run("python3", "-c", "import greeting") == "안녕하세요\n"
        assert "greeting" in run("python3", "-m", "pip", "list")
        run("pip", "uninstall", "-y", "greeting")

    def test_pip_leaves_nothing_but_what_it_installs(self, python: tuple[Run, Path]) -> None:
        """What Python writes on its way would end up in the layer of a RUN."""
        run, root = python
        (root / "wheels").mkdir(exist_ok=True)
        make_wheel(root / "wheels")
        before = set(root.rglob("*"))
        run("pip", "install", "--no-index", "--find-links", "/wheels", "--no-compile", "greeting")
        new = {path.relative_to(root).as_posix() for path in set(root.rglob("*")) - before}
        run("pip", "uninstall", "-y", "greeting")
        assert {path for path in new if "greeting" not in path} == set()

    def test_a_virtual_environment_can_be_made(self, python: tuple[Run, Path]) -> None:
        run, root = python
        if not list(root.rglob("ensurepip")):
            pytest.skip("this host's Python has no ensurepip")
        run("python3", "-m", "venv", "--without-pip", "/opt/venv")
        assert run("/opt/venv/bin/python", "-m", "ensurepip", "--version").startswith("pip ")

    def test_only_pip_is_in_site_packages(self, python: tuple[Run, Path]) -> None:
        run, _ = python
        script = "import importlib.metadata as m; print(*sorted(d.name for d in m.distributions()))"
        assert run("python3", "-c", script) == "pip\n"

    def test_nothing_points_back_to_where_the_interpreter_came_from(
        self, python: tuple[Run, Path]
    ) -> None:
        run, root = python
        script = "import sys, sysconfig; print(sys.path, sys.prefix, sysconfig.get_config_vars())"
        said = run("python3", "-c", script)
        assert "/usr" in said
        assert sys.base_prefix == "/usr" or sys.base_prefix not in said
        assert str(root) not in said


@pytest.fixture(scope="module")
def recipe() -> ImageRecipe:
    return python_recipe(base_recipe(find_busybox()), running_interpreter())


def test_there_are_layers_to_look_at(recipe: ImageRecipe) -> None:
    assert len(recipe.layers) == 4
    assert all(layer.tree.entries and layer.created_by for layer in recipe.layers)
    assert len({layer.title for layer in recipe.layers}) == 4


def test_a_layer_repeats_nothing_of_those_below(recipe: ImageRecipe) -> None:
    below: dict[PurePosixPath, object] = {}
    for layer in recipe.layers:
        files = {path: e for path, e in layer.tree.entries.items() if isinstance(e, File)}
        assert [path for path, entry in files.items() if below.get(path) == entry] == []
        below |= files


def test_no_private_file_of_the_host_gets_in(recipe: ImageRecipe) -> None:
    sources = {
        entry.source
        for entry in whole(recipe).entries.values()
        if isinstance(entry, File) and isinstance(entry.source, Path)
    }
    etc = {source for source in sources if source.is_relative_to("/etc")}
    assert etc <= {find_certificates()}
    homes = [source for source in sources if source.is_relative_to(Path.home())]
    package = running_interpreter()
    allowed = (package.prefix, Path(sys.prefix) / "lib")
    assert [source for source in homes if not any(map(source.is_relative_to, allowed))] == []
    keys = {source.name for source in sources if source.suffix in {".pem", ".key"}}
    assert keys <= {"cacert.pem"}, "pip's own list of public certificates, and no other"


def test_only_pip_comes_from_any_site_packages(recipe: ImageRecipe) -> None:
    for path in whole(recipe).entries:
        for folder in ("site-packages", "dist-packages"):
            _, found, rest = str(path).partition(f"/{folder}/")
            assert not found or rest.startswith("pip")


def test_no_file_has_a_bit_that_gives_privileges(recipe: ImageRecipe) -> None:
    modes = [e.mode for e in whole(recipe).entries.values() if isinstance(e, File)]
    assert [mode for mode in modes if mode & (stat.S_ISUID | stat.S_ISGID)] == []


def test_every_link_leads_somewhere(recipe: ImageRecipe) -> None:
    entries = whole(recipe).entries
    outside = {"/proc/self/mounts"}
    for entry in entries.values():
        if isinstance(entry, Link) and entry.target not in outside:
            target = Path(os.path.normpath(Path(entry.path.parent, entry.target)))
            assert PurePosixPath(target) in entries, entry


def test_certificates_have_one_place_and_the_environment_names_it(recipe: ImageRecipe) -> None:
    assert f"SSL_CERT_FILE={CERTIFICATES}" in recipe.config.env
    if find_certificates():
        assert CERTIFICATES in whole(recipe).entries


def test_what_belongs_to_the_system_keeps_its_place_and_the_rest_moves() -> None:
    own = running_interpreter()
    assert str(own.placed(own.stdlib)).startswith("/usr/")
    if system_python_is_another_one():
        system = describe_interpreter(SYSTEM_PYTHON)
        assert system.placed(system.stdlib) == PurePosixPath(system.stdlib)
    if own.prefix != Path("/usr"):
        assert own.placed(own.prefix / "bin/python3") == PurePosixPath("/usr/local/bin/python3")
