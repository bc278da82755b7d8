"""A lesson that is being written, as what the form's fields say: plain values by name, one record for each step."""

from contextlib import suppress
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

from cnnlab_core.errors import InputError
from cnnlab_core.lessons import Lesson, Number, Pick, Step, read_lesson, read_link

Draft = dict[str, Any]
HEAD = ("title", "by", "group")


def draft_of(lesson: Lesson) -> Draft:
    """A lesson as the fields of the form."""
    return {name: getattr(lesson, name) for name in HEAD} | {"steps": [_fields(step) for step in lesson.steps]}


def lesson_of(draft: Draft) -> Lesson:
    """The lesson that the fields describe. Raises ``InputError`` for what is missing."""
    steps = [_step(f"Step {number}", fields) for number, fields in enumerate(draft["steps"], 1)]
    return read_lesson({"version": 1, "steps": steps, **{name: draft.get(name, "") for name in HEAD}})


def lines(text: str) -> list[str]:
    """The lines of a text that aren't empty."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _fields(step: Step) -> Draft:
    query = {**step.view} | ({"teach": ",".join(step.away)} if step.away else {})
    fields: Draft = {"link": f"/{step.page}?{urlencode(query, doseq=True)}", "task": step.task, "after": step.after}
    if step.guess:
        fields |= {f"guess_{name}": value for name, value in asdict(step.guess).items()}
        fields["guess_choices"] = "\n".join(step.guess.choices)
    asked = step.question
    if isinstance(asked, Number):
        return fields | {
            "kind": "number", "ask": asked.ask, "answer": _short(asked.answer), "tolerance": _short(asked.tolerance)
        }  # fmt: skip
    if isinstance(asked, Pick):
        return fields | {"kind": "choices", "ask": asked.ask, "choices": "\n".join(asked.choices), "right": asked.right}
    return fields | ({"kind": "exercise", "exercise": asked.kind, "level": asked.level} if asked else {})


def _step(name: str, fields: Draft) -> dict[str, Any]:
    if not fields.get("link"):
        raise InputError(f"{name} has no view yet: paste the link of one.")
    page, view, away = read_link(fields["link"])
    step = {"page": page, "view": view, "away": away, "task": fields.get("task", ""), "after": fields.get("after", "")}
    if fields.get("guess_ask"):
        step["guess"] = _picked(fields, "guess_") | {"because": fields.get("guess_because", "")}
    kind = fields.get("kind")
    if kind == "number":
        answer = _number(name, fields.get("answer", ""))
        step["question"] = {
            "ask": fields.get("ask", ""), "answer": answer, "tolerance": _number(name, fields.get("tolerance") or "0")
        }  # fmt: skip
    elif kind == "choices":
        step["question"] = _picked(fields, "")
    elif kind == "exercise":
        step["question"] = {"kind": fields["exercise"], "level": fields["level"]}
    return step


def _picked(fields: Draft, prefix: str) -> dict[str, Any]:
    choices = lines(fields.get(f"{prefix}choices", ""))
    return {"ask": fields.get(f"{prefix}ask", ""), "choices": choices, "right": fields.get(f"{prefix}right", 0)}


def _short(number: float) -> str:
    return short if float(short := f"{number:g}") == number else repr(number)


def _number(name: str, text: str) -> float:
    with suppress(ValueError):
        return float(text.replace(",", ".").replace("\N{MINUS SIGN}", "-"))
    raise InputError(f"{name}: “{text[:40]}” isn't a number.")
