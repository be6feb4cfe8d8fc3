"""Go templates for `--format`: what docker's documentation writes, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.cli.template import Template, render
from runtime.cli.template_actions import TemplateError

DATA: dict[str, Any] = {
    "Id": "sha256:0123456789abcdef",
    "Name": "/web",
    "State": {"Status": "running", "Running": True, "ExitCode": 0},
    "Config": {
        "Env": ["PATH=/bin", "LANG=C.UTF-8"],
        "Labels": {"a.b": "c", "z": "<&한글>"},
        "Entrypoint": None,
    },
    "Mounts": [],
    "Label": lambda name: {"a.b": "c"}.get(name, ""),
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{.Name}}", "/web"),
        ("{{ .State.Status }}!", "running!"),
        ("{{.State.ExitCode}} {{.State.Running}}", "0 true"),
        ("{{json .State}}", '{"Status":"running","Running":true,"ExitCode":0}'),
        ("{{json .Config.Labels}}", '{"a.b":"c","z":"<&한글>"}'),
        ("{{json .Name}}{{json .Mounts}}", '"/web"[]'),
        ('{{index .Config.Labels "a.b"}}', "c"),
        ('{{index .Config.Labels "none"}}', ""),
        ('{{index .State "none"}}', "<no value>"),
        ("{{pad .Name 1 2}}|{{truncate .Id 6}}|{{slice .Id 7 11}}", " /web  |sha256|0123"),
        ('{{printf "%t %q" .State.Running "한글"}}', 'true "한글"'),
        ("{{$s := .State}}{{$s.Status}} {{with .Name}}{{$s.ExitCode}}{{end}}", "running 0"),
        (
            '{{range $k, $v := .Config.Labels}}{{if ne $k "z"}}{{println $k $v}}{{end}}{{end}}',
            "a.b c\n",
        ),
        (
            "{{range $i, $e := .Config.Env}}{{if $i}}, {{end}}{{(split $e `=`) | json}}{{end}}",
            '["PATH","/bin"], ["LANG","C.UTF-8"]',
        ),
        ("{{with .Mounts}}x{{else with .Name}}{{.}}{{end}}", "/web"),
        (
            "{{if and (eq .State.ExitCode 0) (ne .Name `/db`)}}{{title .State.Status}}{{end}}",
            "Running",
        ),
        ("{{index .Config.Env 0}}", "PATH=/bin"),
        ("{{(index .Config.Env 0)}}", "PATH=/bin"),
        ("{{(index . `State`).Status}}", "running"),
        ("{{.Label `a.b`}}{{.Label `x`}}", "c"),
        ("{{.Name | upper}}", "/WEB"),
        (
            '{{printf "%.12s|%4d|%v|%q" .Id .State.ExitCode .State.Running .Name}}',
            'sha256:01234|   0|true|"/web"',
        ),
        ('{{join .Config.Env ", "}}', "PATH=/bin, LANG=C.UTF-8"),
        ('{{index (split .Name "/") 1}}', "web"),
        ("{{len .Config.Env}}", "2"),
        ("{{.Config.Env}}", "[PATH=/bin LANG=C.UTF-8]"),
        ("{{.Config.Labels}}", "map[a.b:c z:<&한글>]"),
        ("{{.Config.Entrypoint}}", "<no value>"),
        ("{{range .Config.Env}}{{.}};{{end}}", "PATH=/bin;LANG=C.UTF-8;"),
        ("{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}", "a.b=c z=<&한글> "),
        ("{{range $v := .Config.Env}}{{$v}}{{$.Name}}{{end}}", "PATH=/bin/webLANG=C.UTF-8/web"),
        ("{{range .Mounts}}x{{else}}none{{end}}", "none"),
        ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
        ('{{if eq .State.Status "exited"}}a{{else if .Mounts}}b{{else}}c{{end}}', "c"),
        ("{{if and .State.Running (not .Mounts)}}yes{{end}}", "yes"),
        ("{{if or .Mounts .Name}}yes{{end}}", "yes"),
        ("{{with .State}}{{.Status}}{{end}}", "running"),
        ("{{with $s := .State}}{{$s.Status}}{{end}}", "running"),
        ("a  {{- .Name -}}  b", "a/webb"),
        ("a{{/* note */}}b", "ab"),
        ("{{println .Name}}", "/web\n"),
        ('{{"quoted \\"text\\""}} {{true}} {{-3}}', 'quoted "text" true -3'),
        ("}} alone", "}} alone"),
    ],
)
def test_what_go_prints(template: str, text: str) -> None:
    assert render(template, DATA) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.Nmae}}", "the format asks for .Nmae, which is not there"),
        ("{{.Name.First}}", "the format asks for .First of /web"),
        ("{{.Name", "in the format, an opening {{ has no closing }}"),
        ("{{}}", "cannot read {{}} in the format"),
        ("{{.Name .Id}}", "the format gives arguments to /web"),
        ("{{.Name ]}}", "cannot read {{]}} in the format"),
        ("{{bogus .Name}}", "the format calls bogus, which is no function here"),
        ("{{range .Mounts}}", "in the format, range has no end"),
        ("{{end}}", "in the format, nothing is open for end"),
        ("{{range .Name}}{{end}}", "the format ranges over /web"),
        ("{{$x}}", "the format uses $x before it has a value"),
        ("{{index .Config.Env 9}}", None),
        ("{{len}}", None),
        ("{{upper .State}}", None),
        ('{{printf "%d" .Name}}', None),
        ("{{.Name |}}", "cannot read {{.Name |}} in the format"),
        ("{{(.Name}}", "cannot read {{(.Name}} in the format"),
        ("{{if}}{{end}}", None),
        ('{{"open}}', None),
    ],
)
def test_what_cannot_be_understood_is_named(template: str, message: str | None) -> None:
    with pytest.raises(TemplateError) as caught:
        render(template, DATA)
    assert message is None or caught.value.message == message
    assert caught.value.message


def test_known_fields_are_named() -> None:
    with pytest.raises(TemplateError) as caught:
        render("{{.State.Statu}}", DATA)
    assert caught.value.hint == "known fields: .Status, .Running, .ExitCode"


def test_a_template_is_read_once_and_written_often() -> None:
    template = Template("{{.N}}{{range .L}}.{{end}}")
    assert [template.render({"N": n, "L": range_}) for n, range_ in ((1, [1]), (2, []))] == [
        "1.",
        "2",
    ]


@given(st.text(st.sampled_from('{}.|()"`$:=-AName range if end json 0')))
def test_any_template_is_written_or_refused(template: str) -> None:
    try:
        render(template, DATA)
    except TemplateError as error:
        assert error.message
