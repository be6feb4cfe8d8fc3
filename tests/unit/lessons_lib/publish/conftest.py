"""A tiny lesson that needs no engine: the shape of all lessons."""

from __future__ import annotations

from pathlib import Path

import pytest

from lessons_lib.publish.__main__ import main
from lessons_lib.publish.shelf import Shelf

SAMPLE = """\
<!-- prose: question -->
<!-- ko -->
# 덧셈

둘에 둘을 더하면 얼마일까요? `sum` 함수로 확인해 봅시다. [영어로](../en/01-sums.ipynb)
<!-- en -->
# Sums

What is two and two? Let us ask the function `sum`. [In Korean](../ko/01-sums.ipynb)

<!-- code: language -->
```python
from lessons_lib.language import current

current()
```

<!-- code: meant-to-fail tags=raises-exception -->
```python
raise ValueError("four, not five")
```

<!-- exercise: four -->
```python
four = None  # a number
### BEGIN SOLUTION
four = 2 + 2
### END SOLUTION
```

<!-- grade: four-grade exercise=four points=2 -->
```python
from IPython.display import display

right = four == 4
mistake = "none" if four is None else "more" if four > 4 else "less"
hint = None if right else f"sums.four.{mistake}"
score = 2.0 if right else 0.0
verdict = {"exercise": "four", "score": score, "points": 2.0, "hint": hint}
display({"application/vnd.onggi.verdict+json": verdict, "text/plain": str(hint)}, raw=True)
score
```

<!-- answer: too-small exercise=four kind=wrong hint=sums.four.less -->
```python
four = 2
```

<!-- answer: too-big exercise=four kind=wrong hint=sums.four.more -->
```python
four = 22
```

<!-- answer: much-too-big exercise=four kind=wrong hint=sums.four.more -->
```python
four = 2222
```

<!-- answer: by-product exercise=four kind=right -->
```python
four = 2 * 2
```
"""


@pytest.fixture
def sample() -> str:
    """The text of a whole, correct source."""
    return SAMPLE


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A shelf with the sample as its only lesson."""
    return shelf_in(tmp_path)


def shelf_in(home: Path) -> Shelf:
    """A folder that becomes such a shelf."""
    shelf = Shelf(home)
    source = shelf.source("01-sums")
    source.parent.mkdir(parents=True)
    source.write_text(SAMPLE, "utf-8")
    return shelf


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a shelf whose lesson is published, once: a kernel takes long to start."""
    shelf = shelf_in(tmp_path_factory.mktemp("printed"))
    assert main(["bless", "01"], shelf) == 0
    assert main(["build"], shelf) == 0
    return shelf.home
