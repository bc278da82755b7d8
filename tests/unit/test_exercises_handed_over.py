"""Exercises for schools' own systems: files that their schemas know, read back and graded as Moodle and QTI grade."""

import io
import re
import zipfile
from fractions import Fraction
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from places import ROOT

from cnnlab_core.errors import InputError
from cnnlab_core.exercises import KINDS, LEVELS, Choice, Numbers, Sheet, make_exercise, make_sheets
from cnnlab_core.exercises.kinds import MOST_SEED
from cnnlab_core.exercises.moodle import _cloze, moodle_xml
from cnnlab_core.exercises.qti import qti_package

SCHEMAS = {name: etree.RelaxNG(etree.parse(ROOT / "tests" / "schemas" / f"{name}.rng")) for name in ("moodle", "qti")}
EXERCISES = st.builds(make_exercise, st.sampled_from(list(KINDS)), st.integers(0, MOST_SEED), st.sampled_from(LEVELS))
FEW = settings(max_examples=60, deadline=None, derandomize=True)


def valid(schema, text):
    SCHEMAS[schema].assertValid(etree.fromstring(text.encode() if isinstance(text, str) else text))
    return ElementTree.fromstring(text)


def sheet(*exercises):
    return [Sheet(1, exercises)]


# --- Moodle, as its reader and its graders go about it -------------------------------------------------------------

GAP = re.compile(r"\{(\d+):(NUMERICAL|MULTICHOICE):((?:=|%\d+%)?.+?(?:(?<!\\)~.+?)*?)(?<!\\)\}")
NUMBER = r"-?(?:[0-9]+[.,]?[0-9]*|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?"


def numerical(answer, tolerance):
    """The grader of a number: ``qtype_numerical_answer::get_tolerance_interval``, nominal, with PHP's 14 digits."""
    right, tolerance = float(answer), float(tolerance)
    slack = tolerance + 1e-14 * max(abs(tolerance), abs(right), 1e-14)
    return lambda given: float(re.fullmatch(NUMBER, given)[0]) >= right - slack and float(given) <= right + slack


def choice(options):
    """The grader of a choice: the option with ``=`` counts, and only what is offered can be chosen."""
    offered = {re.sub(r"\\([}#~])", r"\1", option.removeprefix("=")): option.startswith("=") for option in options}
    return lambda given: offered[given]


def moodle_gaps(question):
    """(points, grader) of each place to answer."""
    if question.get("type") == "numerical":
        (answer,) = question.findall("answer")
        assert answer.get("fraction") == "100"
        return [(1, numerical(answer.findtext("text"), answer.findtext("tolerance")))]
    gaps = []
    for points, kind, inside in GAP.findall("".join(html(question.findtext("questiontext/text")).itertext())):
        if kind == "NUMERICAL":
            gaps.append((int(points), numerical(*re.fullmatch(rf"=({NUMBER}):({NUMBER})", inside).groups())))
        else:
            gaps.append((int(points), choice(re.split(r"(?<!\\)~", inside))))
    return gaps


def html(text):
    return ElementTree.fromstring(f"<div>{text}</div>")


def in_moodle(exercise, answers):
    """What share of its points the answers get there."""
    read = valid("moodle", moodle_xml(sheet(exercise)))
    category, question = read.findall("question")
    assert category.findtext("category/text") == f"$course$/top/cnnlab/{KINDS[exercise.kind].title}, level " + str(
        exercise.level
    )
    gaps = moodle_gaps(question)
    right = sum(points * fits(given) for (points, fits), given in zip(gaps, answers, strict=True))
    return Fraction(right, sum(points for points, _ in gaps))


# --- QTI, as its information model says that rules are processed ----------------------------------------------------

Q = "{http://www.imsglobal.org/xsd/imsqti_v2p1}"


def evaluate(rule, known, right):
    name, inside = rule.tag.removeprefix(Q), [evaluate(one, known, right) for one in rule]
    if name == "variable":
        return known[rule.get("identifier")]
    if name == "correct":
        return right[rule.get("identifier")]
    if name == "baseValue":
        return float(rule.text) if rule.get("baseType") == "float" else rule.text
    if name == "match":
        return inside[0] == inside[1]
    if name == "equal":
        assert rule.get("toleranceMode") == "absolute"
        first, second = inside  # whether the second is within what is around the first, says the specification
        return abs(second - first) <= float(rule.get("tolerance"))
    return {"sum": sum, "divide": lambda two: two[0] / two[1]}[name](inside)


def in_qti(exercise, answers):
    """The score of an item, and what else its package holds is in order."""
    package = zipfile.ZipFile(io.BytesIO(qti_package(sheet(exercise))))
    read = {name: valid("qti", package.read(name)) for name in package.namelist()}
    (path,) = [name for name in read if name.startswith("items/")]
    item = read[path]
    right, asked = {}, []
    for one in item.iter(f"{Q}responseDeclaration"):
        value = one.find(f"{Q}correctResponse/{Q}value").text
        right[one.get("identifier")] = float(value) if one.get("baseType") == "float" else value
    known = {one.get("identifier"): 0.0 for one in item.iter(f"{Q}outcomeDeclaration")}
    for place in item.iterfind(f"{Q}itemBody//*[@responseIdentifier]"):
        asked.append(place.get("responseIdentifier"))
        options = {one.text: one.get("identifier") for one in place.iter(f"{Q}simpleChoice")}
        given = answers[len(asked) - 1]
        known[asked[-1]] = options[given] if options else float(given)
    assert asked == [*right]
    assert len(asked) == len(answers)
    for rule in item.find(f"{Q}responseProcessing"):
        sets = [rule]
        if rule.tag == f"{Q}responseCondition":
            condition, *sets = rule[0]
            if not evaluate(condition, known, right):
                continue
        for one in sets:
            known[one.get("identifier")] = evaluate(one[0], known, right)
    assert known["FEEDBACK"] == item.find(f"{Q}modalFeedback").get("identifier")
    return known["SCORE"]


@given(EXERCISES, st.data())
@FEW
def test_answers_are_graded_there_as_they_are_here(exercise, data):
    """Parts that are right count, all the same; a number off by less than its tolerance is right, by more is wrong."""
    answers, right = [], []
    for part in exercise.parts:
        if isinstance(part, Choice):
            given = data.draw(st.sampled_from(part.options))
            answers.append(given)
            right.append(Fraction(part.check(given).correct))
            continue
        off = np.array(data.draw(st.lists(st.sampled_from([0, 0, 0.9, -0.9, 1.1, 1e6]), min_size=part.answer.size)))
        given = part.answer + part.tolerance * off[: part.answer.size].reshape(part.answer.shape)
        answers += [f"{cell:.12f}" for cell in given.flat]
        cells = [Numbers("", np.array([cell]), part.tolerance) for cell in part.answer.flat]
        fits = [cell.check([one]).correct for cell, one in zip(cells, given.flat, strict=True)]
        assert all(fits) == part.check(given).correct
        right.append(Fraction(sum(fits), len(fits)))
    share = sum(right) / len(right)
    assert in_moodle(exercise, answers) == share
    assert in_qti(exercise, answers) == pytest.approx(float(share))


@given(EXERCISES)
@FEW
def test_what_is_said_is_said_there(exercise):
    """Every formula of the prompt, the questions and the solution is there for MathJax, and their words around them."""
    question = valid("moodle", moodle_xml(sheet(exercise))).findall("question")[1]
    for name, texts in {
        "questiontext": [exercise.prompt, *(part.question for part in exercise.parts)],
        "generalfeedback": exercise.solution,
        "hint": [exercise.hint],
    }.items():
        shown = "".join(html(question.findtext(f"{name}/text")).itertext())
        said = "\n".join(texts)
        formulas = [one.strip().replace(r"\allowbreak", "") for one in re.findall(r"\$\$?(.+?)\$\$?", said)]
        assert re.findall(r"\\[(\[](.+?)\\[)\]]", shown) == formulas
        words = re.findall(r"[a-z]{3,}", re.sub(r"\$.+?\$|\|:-.*", "", said))
        assert set(words) <= set(re.findall(r"[a-z]{3,}", shown))


def test_files_hold_every_exercise_once_and_are_the_same_again():
    kinds = ["conv2d", "fgsm_step", "true_or_false"]
    sheets = make_sheets(kinds, seed=7, level=2, sheets=4)
    read = valid("moodle", moodle_xml(sheets)).findall("question")
    assert [question.get("type") for question in read].count("category") == 3
    numbers = [question.findtext("idnumber") for question in read if question.get("type") != "category"]
    assert numbers == [f"cnnlab-{kind}-2-{seed}" for kind in kinds for seed in range(7, 11)]
    packed = qti_package(sheets)
    assert (packed, moodle_xml(sheets)) == (qti_package(sheets), moodle_xml(sheets))
    package = zipfile.ZipFile(io.BytesIO(packed))
    manifest, test = (valid("qti", package.read(name)) for name in ("imsmanifest.xml", "test.xml"))
    listed = [resource.get("href") for resource in manifest.iter("{http://www.imsglobal.org/xsd/imscp_v1p1}resource")]
    assert sorted(["imsmanifest.xml", *listed]) == sorted(package.namelist())
    sections = list(test.iter(f"{Q}assessmentSection"))
    assert [section.find(f"{Q}selection").get("select") for section in sections] == ["1"] * 3  # one for everybody
    drawn = [[one.get("href") for one in section.iter(f"{Q}assessmentItemRef")] for section in sections]
    assert drawn == [[f"items/{kind}-2-{seed}.xml" for seed in range(7, 11)] for kind in kinds]
    items = [package.read(name) for names in drawn for name in names]
    assert len(set(items)) == 12
    assert not any(b"seed" in item for item in items)  # students would find the solution in the lab


def test_signs_of_markup_and_of_gaps_are_text():
    part = Choice("Is $a < b$ & <b>c</b>?", ("a~b", "}", "#1 & <i>", "x'y"), "#1 & <i>")
    text = "".join(html(_cloze(part, 3)).itertext())
    assert r"Is \(a < b\) & <b>c</b>?" in text
    ((points, kind, inside),) = GAP.findall(text)
    fits = choice(re.split(r"(?<!\\)~", inside))
    assert (points, kind, [fits(option) for option in part.options]) == (
        "3",
        "MULTICHOICE",
        [False, False, True, False],
    )


@pytest.mark.parametrize("make", [moodle_xml, qti_package])
def test_nothing_to_hand_over_is_a_sentence(make):
    with pytest.raises(InputError, match="at least one sheet"):
        make([])


@pytest.mark.parametrize(
    ("schema", "old", "new"),
    [
        ("moodle", 'format="html"', 'format="wiki"'),
        ("moodle", "<tolerance>", "<tolerance>about "),
        ("moodle", "<quiz>", "<quiz><p>hello</p>"),
        ("qti", "<itemBody>", "<itemBody>hello"),
        ("qti", "<itemBody>", "<itemBody><table style='x'><tbody><tr><td>1</td></tr></tbody></table>"),
        ("qti", "<responseProcessing>", "<responseProcessing><equal/>"),
        ("qti", 'cardinality="single"', 'cardinality="some"'),
    ],
)
def test_the_schemas_refuse_what_is_wrong(schema, old, new):
    made = sheet(make_exercise("output_size", 1))
    if schema == "moodle":
        text = moodle_xml(made)
    else:
        text = zipfile.ZipFile(io.BytesIO(qti_package(made))).read("items/output_size-1-1.xml").decode()
    valid(schema, text)
    assert old in text
    with pytest.raises(etree.DocumentInvalid):
        valid(schema, text.replace(old, new, 1))
