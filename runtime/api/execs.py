"""Commands in containers that run. Docker Engine API 1.47, "Exec"."""

from __future__ import annotations

from functools import partial

from runtime.api.answers import Answer, Document, Empty, Hijacked
from runtime.api.call import Call
from runtime.api.containers import window
from runtime.api.errors import document_of
from runtime.api.listening import kind_of
from runtime.api.routes import route
from runtime.container.messages import STREAMS
from runtime.engine.attachment import frame
from runtime.engine.execs import ExecFollower, Said
from runtime.engine.keys import parse_keys
from runtime.errors import CommandNotStarted, InvalidInput


@route("POST", "/containers/{name}/exec")
def create(call: Call) -> Answer:
    """Prepare a command."""
    body = call.document()
    streams = zip(STREAMS, ("AttachStdout", "AttachStderr"), strict=True)
    size = body.integers("ConsoleSize")
    exec_id = call.engine.execs.create(
        call["name"].removeprefix("/"),
        body.texts("Cmd") or (),
        environment=body.texts("Env") or (),
        workdir=body.text("WorkingDir", ""),
        user=body.text("User", ""),
        tty=body.flag("Tty"),
        privileged=body.flag("Privileged"),
        stdin=body.flag("AttachStdin"),
        wanted=tuple(name for name, member in streams if body.flag(member)),
        detach_keys=body.text("DetachKeys", ""),
        window=(size[0], size[1]) if len(size) == 2 and any(size) else None,
    )
    return Document({"Id": exec_id}, 201)


@route("POST", "/exec/{id}/start", long=True)
def start(call: Call) -> Answer:
    """Begin it, and listen to it unless it is to be left alone."""
    body, execs, exec_id = call.document(), call.engine.execs, call["id"]
    detach = body.flag("Detach")
    prepared = execs.get(exec_id)
    size = body.integers("ConsoleSize")
    if len(size) not in (0, 2):
        raise InvalidInput("a window has a height (h) and a width (w)")
    encode = (lambda stream, data: data) if prepared.tty else frame
    try:
        execution = execs.start(exec_id, detach=detach)
    except CommandNotStarted as error:
        if detach:
            raise
        words = encode("stdout", f"{document_of(error)['message']}\r\n".encode())
        return Hijacked(Said(words), kind_of(call, prepared.tty))
    if detach:
        execs.end(exec_id)
        return Empty(200)
    if any(size):
        execution.resize(size[0], size[1])
    conversation = ExecFollower(execs, exec_id, execution, partial(encode))
    keys = parse_keys(prepared.detach_keys) if prepared.tty else None
    return Hijacked(conversation, kind_of(call, prepared.tty), keys)


@route("POST", "/exec/{id}/resize")
def resize(call: Call) -> Answer:
    """Tell its terminal how large the window is."""
    call.engine.execs.resize(call["id"], *window(call))
    return Empty(200)


@route("GET", "/exec/{id}/json")
def inspect(call: Call) -> Answer:
    """Whether it runs, and how it ended."""
    return Document(call.engine.execs.inspect(call["id"]))
