"""From one source to two notebooks: `python -m lessons_lib.publish` (docs/CONTRIBUTING.md).

source.py    text → Lesson: units with keys, prose twice, code once
seals.py     which prose has been looked at since its other language changed
notebook.py  Lesson → one language's notebook, without outputs
execute.py   notebook → the same with outputs that are the same everywhere
parity.py    what has to be equal in both languages
prove.py     every grader against right, wrong and untouched answers
"""
