"""The catalog as a page for a person with a browser: repositories, tags, sizes. Plain HTML.

Every word on it was chosen by whoever pushed, so every word is escaped, and the page itself
forbids scripts, pictures and frames (Content-Security-Policy). It loads nothing.
"""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from runtime.registry.server.answers import Answer, Asked
from runtime.registry.server.inventory import Inventory

MOST = 100
"""Repositories on one page, and tags of each."""

_TEXTS = {
    "en": {
        "title": "Onggi registry",
        "empty": "Nothing has been pushed here yet.",
        "try": "Push something:",
        "tag": "Tag",
        "digest": "Digest",
        "size": "Size of the manifest's layers",
        "more": "more",
        "count": "{count} repositories on this page",
    },
    "ko": {
        "title": "옹기 레지스트리",
        "empty": "아직 푸시된 이미지가 없습니다.",
        "try": "이렇게 푸시해 보세요:",
        "tag": "태그",
        "digest": "다이제스트",
        "size": "레이어 크기",
        "more": "더 보기",
        "count": "이 페이지의 저장소: {count}개",
    },
}
_STYLE = """
body{font:16px/1.6 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.6rem}h2{font-size:1.1rem;margin:1.6rem 0 .3rem;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .8rem .25rem 0;
border-bottom:1px solid #e5ddd3;overflow-wrap:anywhere}td:last-child,th:last-child{text-align:right}
code{font-size:.9em}th{font-weight:600;color:#7a5c43}
"""
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "Vary": "Accept-Language",
    "Cache-Control": "no-store",
}


def catalog_page(inventory: Inventory, asked: Asked) -> Answer:
    """The page, in the language that the browser prefers, from the repository `last` on."""
    language = preferred_language(asked.headers.get("Accept-Language", ""))
    text = _TEXTS[language]
    names = inventory.repositories(asked.query.get("last", ""), MOST + 1)
    shown = names[:MOST]
    parts = [_section(inventory, name, text) for name in shown]
    if not shown:
        host = escape(asked.headers.get("Host", "localhost:5000"))
        parts.append(
            f"<p>{text['empty']}</p><p>{text['try']} <code>onggi push {host}/app</code></p>"
        )
    if len(names) > MOST:
        parts.append(f'<p><a href="/?last={quote(shown[-1], safe="")}">{text["more"]} →</a></p>')
    count = escape(text["count"].format(count=len(shown)))
    body = (
        f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{text["title"]}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{text['title']}</h1><p>{count}</p>"
        f"{''.join(parts)}</body></html>\n"
    )
    return Answer(200, {**HEADERS, "Content-Language": language}, body.encode())


def preferred_language(header: str) -> str:
    """ "ko" or "en", by the weights of an Accept-Language header. RFC 9110, 12.5.4"""
    best, weight = "en", 0.0
    for offer in header.split(","):
        name, _, parameter = offer.partition(";")
        language = name.strip().lower().partition("-")[0]
        try:
            q = float(parameter.strip().removeprefix("q=")) if parameter.strip() else 1.0
        except ValueError:
            continue
        if language in _TEXTS and q > weight:
            best, weight = language, q
    return best


def _section(inventory: Inventory, name: str, text: dict[str, str]) -> str:
    rows = "".join(_row(inventory, name, tag) for tag in inventory.tags(name, "", MOST))
    head = f"<tr><th>{text['tag']}</th><th>{text['digest']}</th><th>{text['size']}</th></tr>"
    return f"<h2>{escape(name)}</h2><table>{head}{rows}</table>"


def _row(inventory: Inventory, name: str, tag: str) -> str:
    digest = inventory.tagged(name, tag)
    if digest is None:  # deleted a moment ago
        return ""
    size = readable(inventory.image_size(name, digest))
    return (
        f"<tr><td>{escape(tag)}</td><td><code>{escape(digest.algorithm)}:{escape(digest.short)}"
        f"</code></td><td>{size}</td></tr>"
    )


def readable(size: int) -> str:
    """A size as docker writes it: 12.3MB."""
    value, units = float(size), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.3g}{units[0]}"
