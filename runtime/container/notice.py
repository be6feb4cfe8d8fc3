"""What a person should know although nothing failed: one sentence each, docker's warnings.

Like an error's, a sentence is a template and its facts, so that the edge can say it in the
reader's language (`errors.py`).
"""

from __future__ import annotations

from collections.abc import Callable


class Notice:
    """One such sentence."""

    def __init__(self, template: str, **facts: object) -> None:
        self.template = template
        self.facts = facts

    def told(self, translate: Callable[[str], str]) -> str:
        """The sentence, its template passed through `translate` first."""
        return translate(self.template).format(**self.facts)

    def __str__(self) -> str:
        return self.told(lambda template: template)


class HostWarning(UserWarning):
    """A notice as Python shows it; `notice` is there for an edge that says it otherwise."""

    def __init__(self, notice: Notice) -> None:
        super().__init__(str(notice))
        self.notice = notice
