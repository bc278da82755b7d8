"""Text as data: what is read and what is refused, the alphabet, the parts, and what counting alone reaches."""

import itertools
import math
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlab_core.data import delete_text, entropies, find_data, import_text, list_texts, open_data, open_text
from cnnlab_core.data.text import (
    FEWEST_CHARACTERS,
    MOST_CHARACTERS,
    OTHER,
    make_text,
    names,
    read_text,
    text_path,
)
from cnnlab_core.errors import DataError, InputError

POEM = "Die Blätter fallen, fallen wie von weit,\n" * 8


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNLAB_DATA", str(tmp_path))
    return tmp_path / "texts"


def made(content):
    return make_text("text:x", "x", content)


def whole(text):
    return text.written(np.concatenate([text.train, text.test]))


# --- reading ---


@pytest.mark.parametrize(
    "content",
    [
        POEM.encode(),
        POEM.encode("utf-8-sig"),
        POEM.encode("utf-16"),
        b"\xff\xfe" + POEM.encode("utf-16-le"),
        b"\xfe\xff" + POEM.encode("utf-16-be"),
        POEM.encode("utf-32"),
        bytearray(POEM.encode()),
        POEM.replace("\n", "\r\n").encode(),
        POEM.replace("\n", "\r").encode(),
        unicodedata.normalize("NFD", POEM).encode(),
        POEM,
        "\ufeff" + POEM,
    ],
)
def test_the_same_text_however_it_is_encoded(content):
    assert read_text(content) == (POEM, ())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x89PNG\r\n\x1a\n" * 100, "isn't text in UTF-8: byte 1 can't be"),
        (bytes(range(1, 256)) * 10, "isn't text in UTF-8"),
        (("é" * 300).encode("latin-1"), "isn't text in UTF-8"),
        (b"\xff\xfea" + b"bc" * 300, "isn't text in UTF-16"),
        (POEM.encode("utf-16-le"), "isn't text|NUL"),
        ("ab\0" * 300, "NUL bytes"),
        ("ab\ud800" * 300, "lone surrogates"),
        (b"x" * 5_000_000, "longer than 4 MB"),
        ("x" * 5_000_000, "longer than 4 MB"),
        ("é" * (4_000_000 // 2 + 1), "longer than 4 MB"),
        (None, "not NoneType"),
        (3, "not int"),
    ],
)
def test_what_is_no_text_is_a_sentence(content, says):
    with pytest.raises(DataError, match=says) as error:
        read_text(content)
    assert str(error.value).endswith(".")


def test_the_longest_text_is_read():
    assert len(read_text(b"ab" * (4_000_000 // 2))[0]) == 4_000_000


def test_control_characters_are_left_out_and_that_is_said():
    content, notes = read_text("a\tb\x07\x1bc\x0cd" * 50)
    assert content == "a\tbc\nd" * 50
    assert notes == ("100 control characters were left out",)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=FEWEST_CHARACTERS, max_size=300))
def test_any_text_comes_back_as_it_was(content):
    content, _ = read_text(content)
    if len(content) < FEWEST_CHARACTERS or len(set(content)) < 2:
        with pytest.raises(DataError):
            made(content)
        return
    assert whole(made(content)) == content


# --- the alphabet and the parts ---


@pytest.mark.parametrize("content", ["", "a", "ab" * 99, "a" * 10_000, "😀" * 300])
def test_too_little_is_a_sentence(content):
    with pytest.raises(DataError, match=r"too short|again and again"):
        made(content)


def test_any_script_is_an_alphabet():
    arabic = made("السَّلامُ عليكم\n" * 20)
    assert set(arabic.characters) == set(unicodedata.normalize("NFC", "السَّلامُ عليكم\n"))
    assert any("several characters in a row" in note for note in arabic.notes)
    emoji = made("👨‍👩‍👧 🇫🇷 😀\n" * 30)
    assert "\u200d" in emoji.characters
    assert "several characters in a row" in emoji.summary
    assert whole(emoji) == "👨‍👩‍👧 🇫🇷 😀\n" * 30
    assert made("ab" * 200).notes == ()


def test_rare_characters_become_one_and_that_is_said():
    usual = "".join(map(chr, range(0x4E00, 0x4E00 + MOST_CHARACTERS))) * 3
    assert OTHER not in made(usual).characters
    text = made(usual + "é" + "x")
    assert len(text.characters) == MOST_CHARACTERS
    assert OTHER in text.characters
    assert "é" not in text.characters
    assert whole(text).endswith(OTHER)
    assert "the 3 rarest characters" in text.summary
    assert text.characters == tuple(sorted(text.characters))


def test_parts_are_cut_by_position():
    text = made("abcdefghij" * 100)
    learned, held = text.split(0.1)
    assert [len(part) for part in (learned, held, text.test)] == [810, 90, 100]
    assert text.written(learned) + text.written(held) + text.written(text.test) == "abcdefghij" * 100
    assert [len(part) for part in text.split(0.0)] == [900, 0]
    assert text.digest() != made("abcdefghik" * 100).digest()


# --- kept texts ---


def test_an_own_text_is_kept_listed_opened_and_deleted(own_folder):
    text = import_text(POEM.encode("utf-16"), "poem")
    assert open_text("text:poem").characters == text.characters
    assert open_text("text:poem").digest() == text.digest()
    assert [source.name for source in list_texts()] == ["names", "text:poem"]
    assert find_data("text:poem").kind == "text"
    with pytest.raises(InputError, match="is a text"):
        open_data("text:poem")
    with pytest.raises(DataError, match="already"):
        import_text(POEM, "poem")
    assert [path.name for path in own_folder.iterdir()] == ["poem.txt"]
    delete_text("poem")
    with pytest.raises(InputError, match="no text called"):
        delete_text("poem")
    with pytest.raises(InputError, match=r"no text called “text:poem”\. Choose one of: names"):
        open_text("text:poem")


@pytest.mark.parametrize("name", ["", "..", "../x", "A", "a b", "x.txt", "é", None, "a" * 41])
def test_a_name_that_cannot_be_a_file_is_a_sentence(name):
    for way in (lambda: import_text(POEM, name), lambda: text_path(name), lambda: delete_text(name)):
        with pytest.raises(InputError, match=r"can't be called|is None"):
            way()


def test_what_is_damaged_and_what_is_too_much_are_sentences(own_folder, monkeypatch):
    import_text(POEM, "poem")
    (own_folder / "poem.txt").write_bytes(b"\xff" * 300)
    with pytest.raises(DataError, match="damaged"):
        open_text("text:poem")
    monkeypatch.setenv("CNNLAB_TEXTS", "1")
    with pytest.raises(DataError, match="1 texts are kept already"):
        import_text(POEM, "other")


def test_nothing_is_kept_of_what_is_refused(own_folder):
    for content in (b"\xff" * 300, "a" * 300, ""):
        with pytest.raises(DataError):
            import_text(content, "poem")
    assert not own_folder.exists()


def test_the_names_are_one_a_line_each_once_in_small_letters():
    text = names()
    lines = whole(text).splitlines()
    assert len(lines) == len(set(lines)) > 90_000
    assert {"mary", "james", "smith"} <= set(lines)
    assert text.characters == ("\n", *"abcdefghijklmnopqrstuvwxyz")
    assert lines[:3] != sorted(lines[:3])  # shuffled
    assert names() is text


# --- what counting alone reaches ---


def test_entropies_of_coins_and_cycles_are_the_closed_form():
    pairs = np.array(list(itertools.product(range(2), repeat=10)) * 2).ravel()
    fair = entropies(pairs, pairs, 2)
    assert fair.uniform == 1
    assert fair.single_in_training == pytest.approx(1)
    assert fair.pairs_in_training == pytest.approx(1, abs=1e-2)
    cycle = np.arange(3000) % 3
    found = entropies(cycle, cycle, 3)
    assert found.single == pytest.approx(math.log2(3), abs=1e-5)
    assert found.pairs_in_training == pytest.approx(0, abs=1e-9)
    assert 0 < found.pairs < 0.002


@given(st.lists(st.integers(0, 3), min_size=3, max_size=40), st.lists(st.integers(0, 3), min_size=2, max_size=20))
def test_entropies_are_those_of_plain_counting(train, test):
    found = entropies(np.array(train), np.array(test), 4)
    likely = [(train.count(c) + 1) / (len(train) + 4) for c in range(4)]
    assert sum(likely) == pytest.approx(1)
    assert found.single == pytest.approx(-np.mean([math.log2(likely[c]) for c in test[1:]]))
    seen = list(itertools.pairwise(train))

    def follows(a, b):
        return (seen.count((a, b)) + likely[b]) / (sum(first == a for first, _ in seen) + 1)

    assert all(sum(follows(a, b) for b in range(4)) == pytest.approx(1) for a in range(4))
    assert found.pairs == pytest.approx(-np.mean([math.log2(follows(*pair)) for pair in itertools.pairwise(test)]))
    shares = [train.count(c) / len(train) for c in set(train)]
    assert found.single_in_training == pytest.approx(-sum(p * math.log2(p) for p in shares))
    assert -1e-9 <= found.pairs_in_training <= math.log2(4) + 1e-9
