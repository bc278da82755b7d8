"""Exercises as a package of QTI 2.1, which many learning platforms import: items, and a test that draws from them.

The format: IMS Question and Test Interoperability, Assessment Test, Section and Item Information Model, version 2.1.
"""

import re
import zipfile
from collections.abc import Generator, Iterable
from html import escape
from io import BytesIO

import numpy as np

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError
from cnnlab_core.exercises.exercise import Choice, Exercise, Numbers, points_of_cells, written
from cnnlab_core.exercises.kinds import KINDS
from cnnlab_core.exercises.markup import block, inline
from cnnlab_core.exercises.sheet import Sheet
from cnnlab_core.runtime.jobs import plainly

_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_PLACE = (
    'xmlns="http://www.imsglobal.org/xsd/{0}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://www.imsglobal.org/xsd/{0} http://www.imsglobal.org/xsd/{1}.xsd"'
)
_QTI = _PLACE.format("imsqti_v2p1", "qti/qtiv2p1/imsqti_v2p1")
_FLOAT = 'cardinality="single" baseType="float"'
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The first that a zip can tell: the same exercises are the same bytes whenever they are packed."""


@by_annotation
def qti_package_steps(sheets: Iterable[Sheet]) -> Generator[Sheet, None, bytes]:
    """The exercises of ``sheets`` as a zip: a manifest, an item each, and a test. A step is a sheet.

    The test has a section for each kind of exercise, which gives everybody one of its items, drawn at random. All parts
    of an exercise count the same, with the lab's tolerances; an item's score is between 0 and 1. The solution is shown
    as feedback, where the platform shows feedback. The same sheets give the same bytes.

    Raises:
        InputError: there are no sheets.
    """
    sections: dict[str, list[str]] = {}
    files: dict[str, str] = {}
    for sheet in sheets:
        for exercise in sheet.exercises:
            name = f"{exercise.kind}-{exercise.level}-{exercise.seed}"
            sections.setdefault(exercise.kind, []).append(name)
            files[f"items/{name}.xml"] = _item(name, exercise)
        yield sheet
    if not files:
        raise InputError("There are no exercises to hand over: give at least one sheet.")
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as package:
        for path, content in {"imsmanifest.xml": _manifest(files), "test.xml": _test(sections), **files}.items():
            entry = zipfile.ZipInfo(path, _FIRST_DAY)
            entry.create_system, entry.compress_type = 3, zipfile.ZIP_DEFLATED
            package.writestr(entry, content.encode())
    return packed.getvalue()


qti_package = plainly(qti_package_steps)


def _manifest(items: Iterable[str]) -> str:
    names = [path.removeprefix("items/").removesuffix(".xml") for path in items]
    needs = "".join(f'<dependency identifierref="{name}"/>\n' for name in names)
    resources = "".join(_resource(name, "imsqti_item_xmlv2p1", f"items/{name}.xml") for name in names)
    return (
        f'{_HEAD}<manifest {_PLACE.format("imscp_v1p1", "imscp_v1p1")} identifier="cnnlab">\n'
        "<metadata><schema>QTIv2.1 Package</schema><schemaversion>1.0.0</schemaversion></metadata>\n"
        f"<organizations/>\n<resources>\n{_resource('test', 'imsqti_test_xmlv2p1', 'test.xml', needs)}{resources}"
        "</resources>\n</manifest>\n"
    )


def _resource(name: str, kind: str, path: str, needs: str = "") -> str:
    return f'<resource identifier="{name}" type="{kind}" href="{path}">\n<file href="{path}"/>\n{needs}</resource>\n'


def _test(sections: dict[str, list[str]]) -> str:
    found = "".join(
        f'<assessmentSection identifier="{kind}" title="{escape(KINDS[kind].title)}" visible="true">\n'
        f'<selection select="1"/>\n'
        + "".join(f'<assessmentItemRef identifier="{name}" href="items/{name}.xml"/>\n' for name in names)
        + "</assessmentSection>\n"
        for kind, names in sections.items()
    )
    total = '<sum><testVariables variableIdentifier="SCORE"/></sum>'
    return (
        f'{_HEAD}<assessmentTest {_QTI} identifier="test" title="Exercises">\n'
        f'<outcomeDeclaration identifier="SCORE" {_FLOAT}/>\n'
        f'<testPart identifier="part" navigationMode="nonlinear" submissionMode="individual">\n{found}</testPart>\n'
        f"<outcomeProcessing>{_set('SCORE', total)}</outcomeProcessing>\n</assessmentTest>\n"
    )


def _item(name: str, exercise: Exercise) -> str:
    points = points_of_cells(exercise.parts)
    most = sum(np.size(part.answer) * worth for part, worth in zip(exercise.parts, points, strict=True))
    parts = [
        _numbers(f"R{number}", part, worth) if isinstance(part, Numbers) else _choice(f"R{number}", part, worth)
        for number, (part, worth) in enumerate(zip(exercise.parts, points, strict=True), 1)
    ]
    declared, asked, rules = ("".join(texts) for texts in zip(*parts, strict=True))
    score = f'<divide><variable identifier="POINTS"/>{_value("float", most)}</divide>'
    return (
        f'{_HEAD}<assessmentItem {_QTI} identifier="{name}" title="{escape(KINDS[exercise.kind].title)}" '
        f'adaptive="false" timeDependent="false">\n{declared}'
        f'<outcomeDeclaration identifier="POINTS" {_FLOAT}>{_default(0)}</outcomeDeclaration>\n'
        f'<outcomeDeclaration identifier="SCORE" {_FLOAT} normalMaximum="1">{_default(0)}</outcomeDeclaration>\n'
        '<outcomeDeclaration identifier="FEEDBACK" cardinality="single" baseType="identifier"/>\n'
        f"<itemBody>\n{_block(exercise.prompt)}{asked}</itemBody>\n<responseProcessing>\n{rules}"
        f"{_set('SCORE', score)}{_set('FEEDBACK', _value('identifier', 'solution'))}</responseProcessing>\n"
        '<modalFeedback outcomeIdentifier="FEEDBACK" identifier="solution" showHide="show">\n'
        f"{''.join(map(_block, exercise.solution))}</modalFeedback>\n</assessmentItem>\n"
    )


def _numbers(name: str, part: Numbers, worth: int) -> tuple[str, str, str]:
    """What is declared, asked and scored: a gap for each number."""
    declared = asked = rules = ""
    for row, cells in enumerate(np.atleast_2d(part.answer)):
        asked += "<tr>"
        for column, cell in enumerate(cells):
            gap = f"{name}_{row}_{column}"
            declared += _declaration(gap, "float", written(cell))
            asked += f'<td><textEntryInteraction responseIdentifier="{gap}" expectedLength="8"/></td>'
            rules += _rule(gap, "equal", worth, f' toleranceMode="absolute" tolerance="{written(part.tolerance)}"')
        asked += "</tr>"
    question = f"<p>{inline(part.question)}</p>\n" if part.question else ""
    return declared, f"{question}<table><tbody>{asked}</tbody></table>\n", rules


def _choice(name: str, part: Choice, worth: int) -> tuple[str, str, str]:
    """The same of a choice."""
    options = "".join(
        f'<simpleChoice identifier="C{place}">{escape(option)}</simpleChoice>'
        for place, option in enumerate(part.options)
    )
    asked = (
        f'<choiceInteraction responseIdentifier="{name}" shuffle="false" maxChoices="1">'
        f"<prompt>{inline(part.question)}</prompt>{options}</choiceInteraction>\n"
    )
    right = f"C{part.options.index(part.answer)}"
    return _declaration(name, "identifier", right), asked, _rule(name, "match", worth)


def _declaration(name: str, base: str, right: str) -> str:
    return (
        f'<responseDeclaration identifier="{name}" cardinality="single" baseType="{base}">'
        f"<correctResponse><value>{right}</value></correctResponse></responseDeclaration>\n"
    )


def _rule(name: str, compare: str, worth: int, how: str = "") -> str:
    """Points for what compares well with the right answer."""
    more = f'<sum><variable identifier="POINTS"/>{_value("float", worth)}</sum>'
    return (
        f'<responseCondition><responseIf><{compare}{how}><variable identifier="{name}"/><correct identifier="{name}"/>'
        f"</{compare}>{_set('POINTS', more)}</responseIf></responseCondition>\n"
    )


def _set(name: str, value: str) -> str:
    return f'<setOutcomeValue identifier="{name}">{value}</setOutcomeValue>'


def _value(base: str, value: object) -> str:
    return f'<baseValue baseType="{base}">{value}</baseValue>'


def _default(value: object) -> str:
    return f"<defaultValue><value>{value}</value></defaultValue>"


def _block(text: str) -> str:
    """Without the columns' alignment: QTI knows no styles."""
    return re.sub(r' style="text-align:\w+"', "", block(text))
