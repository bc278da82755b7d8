"""Zips and folders of pictures as people have them: names, layouts, and what is left out."""

import re
import struct
import unicodedata
import zipfile
import zlib

import pytest
import torch
from PIL import Image
from zips import class_folders, folders, picture, zipped  # noqa: F401  a fixture

from cnnlab_core.data import import_pictures
from cnnlab_core.data.layouts import _parted
from cnnlab_core.errors import DataError, InputError
from cnnlab_core.images import open_image, sample_images
from cnnlab_core.models import load_model

RED = picture((200, 0, 0))
NAMES = ("Vögel", "Bäume", "Gänseblümchen", "鳥", "кошки", "naïve", "Ωmega")


def imported(files, name="set", side=16):
    return import_pictures(files if isinstance(files, bytes) else zipped(files), name, side=side)


def sizes(dataset):
    return dataset.classes, len(dataset.train), len(dataset.read_test())


def stored(files):
    """A zip whose names are these bytes, without the flag for UTF-8, as macOS makes them."""
    body, listing = b"", b""
    for name, content in files.items():
        rest = struct.pack("<HHHHIIIHH", 0, 0, 0, 0, zlib.crc32(content), len(content), len(content), len(name), 0)
        listing += b"PK\1\2" + struct.pack("<HH", 20, 20) + rest + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name
        body += b"PK\3\4" + struct.pack("<H", 20) + rest + name + content
    end = struct.pack("<HHHHIIH", 0, 0, len(files), len(files), len(listing), len(body), 0)
    return body + listing + b"PK\5\6" + end


# --- names ---


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_in_utf_8_are_read_with_and_without_the_flag(name, form):
    written = unicodedata.normalize(form, name)
    files = {f"{folder}/{n}.png": RED for folder in (written, "zebra") for n in range(6)}
    assert set(imported(files, "flagged").classes) == {name, "zebra"}
    assert set(imported(stored({k.encode(): v for k, v in files.items()}), "bare").classes) == {name, "zebra"}


def test_names_of_old_zips_are_in_code_page_437():
    files = {f"{folder}/{n}.png".encode("cp437"): RED for folder in ("Vögel", "Bäume") for n in range(6)}
    assert imported(stored(files)).classes == ("Bäume", "Vögel")


def test_the_two_ways_of_writing_an_accent_are_one_class():
    forms = [unicodedata.normalize(form, "Vögel") for form in ("NFC", "NFD")]
    files = {f"{folder}/{n}.png": RED for folder in (*forms, "zebra") for n in range(6)}
    assert sizes(imported(files)) == (("Vögel", "zebra"), 15, 3)


@pytest.mark.parametrize(
    "pair",
    [
        ("a" * 61, "a" * 62),
        ("x" * 70 + "1", "x" * 70 + "2"),
        ("می\u200cخواهم", "میخواهم"),
        ("👩\u200d👧", "👩👧"),
        ("soft\u00adhyphen", "softhyphen"),
        ("cats", "cats\ufeff"),
        ("a\u2060b", "ab"),
    ],
)
def test_folders_that_look_alike_stay_apart(pair):
    dataset = imported({f"{folder}/{n}.png": RED for folder in pair for n in range(7)})
    assert sizes(dataset)[1:] == (12, 2)
    assert len(set(dataset.classes)) == 2
    assert all(name.isprintable() and len(name) <= 60 for name in dataset.classes)


# --- layouts that are understood ---


def flat(folder, count=8):
    return {f"{folder}/{n}.png": RED for n in range(count)}


WITH_TEST = (("blue", "green", "red"), 24, 6)
WITHOUT = (("blue", "green", "red"), 21, 3)


@pytest.mark.parametrize(
    ("page", "names", "said"),
    [
        ("gbk", ("猫", "狗"), "GBK"),
        ("gbk", ("苹果", "香蕉", "橙子"), "GBK"),
        ("gbk", ("蝴蝶", "蜻蜓"), "GBK"),
        ("gbk", ("白菜", "豆角", "冬瓜"), "GBK"),
        ("gbk", ("剪刀", "石头", "布"), "GBK"),
        ("gbk", ("正常", "缺陷"), "GBK"),
        ("gbk", ("玫瑰", "荷花", "菊花"), "GBK"),
        ("euc_kr", ("고양이", "강아지"), "EUC-KR"),
        ("euc_kr", ("사과", "바나나", "포도"), "EUC-KR"),
        ("euc_kr", ("가위", "바위", "보"), "EUC-KR"),
        ("euc_kr", ("정상", "불량"), "EUC-KR"),
        ("big5", ("貓", "狗"), "Big5"),
        ("big5", ("蘋果", "香蕉", "橘子"), "Big5"),
        ("big5", ("玫瑰", "向日葵"), "Big5"),
        ("big5", ("汽車", "飛機", "腳踏車"), "Big5"),
        ("shift_jis", ("ネコ", "イヌ"), "Shift-JIS"),
        ("shift_jis", ("鳥", "花", "表"), "Shift-JIS"),
        ("shift_jis", ("りんご", "バナナ"), "Shift-JIS"),
        ("cp1251", ("Берёза", "Дуб"), "Windows-1251"),
        ("cp866", ("кошки", "собаки"), "code page 866"),
        ("koi8_r", ("кошки", "собаки"), "KOI8-R"),
        ("cp437", ("Gänseblümchen", "Löwenzahn"), ""),
        ("cp437", ("pâté", "café"), ""),
    ],
)
def test_names_of_old_zips_are_read_by_what_they_look_like(page, names, said):
    files = {f"{name}/{n}.png".encode(page): RED for name in names for n in range(6)}
    dataset = imported(stored(files))
    assert set(dataset.classes) == set(names)
    assert len(dataset.notes) == bool(said)
    assert not said or f"they are read as {said} (if that is wrong" in dataset.notes[0]


SYSTEM = {"__MACOSX/x/._1.png": b"x", "x/.DS_Store": b"x", "x/red/._1.png": b"x", "x/@eaDir/1.png": RED}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (class_folders("training_set/") | class_folders("test_set/", 2), WITH_TEST),
        (class_folders("dataset/training_set/") | class_folders("dataset/test_set/", 2), WITH_TEST),
        (class_folders("training_set/training_set/") | class_folders("test_set/test_set/", 2), WITH_TEST),
        (class_folders("seg_train/seg_train/") | class_folders("seg_test/seg_test/", 2), WITH_TEST),
        (
            class_folders("seg_train/seg_train/") | class_folders("seg_test/seg_test/", 2) | flat("seg_pred/seg_pred"),
            WITH_TEST,
        ),
        (class_folders("Train/") | class_folders("Test/", 2), WITH_TEST),
        (class_folders("trainset/") | class_folders("testset/", 2), WITH_TEST),
        (class_folders("train_images/") | class_folders("test-images/", 2), WITH_TEST),
        (class_folders("flowers_train/") | class_folders("flowers_test/", 2), WITH_TEST),
        (class_folders("asl_train/asl_train/") | class_folders("asl_test/asl_test/", 2), WITH_TEST),
        (class_folders("train/", 6) | class_folders("valid/", 2) | class_folders("test/", 2), WITH_TEST),
        (class_folders("train/images/") | class_folders("test/images/", 2), WITH_TEST),
        (class_folders("train/") | class_folders("val/", 2), WITH_TEST),
        (class_folders("train/") | class_folders("val/", 2) | flat("test"), WITH_TEST),
        (class_folders("train/") | flat("test1"), WITHOUT),
        (class_folders("train/train/") | flat("test/test"), WITHOUT),
        (class_folders("train/") | class_folders("eval/", 2), WITH_TEST),
        (class_folders("train/") | class_folders("dev/", 2), WITH_TEST),
        (class_folders("a/b/c/"), WITHOUT),
        (class_folders("x/") | SYSTEM, WITHOUT),
        (class_folders() | SYSTEM, WITHOUT),
        ({k.replace("/", "/images/"): v for k, v in class_folders().items()}, WITHOUT),
        (
            {
                k.replace("/", f"/{part}/"): v
                for part, count in (("train", 8), ("test", 2))
                for k, v in class_folders("", count).items()
            },
            WITH_TEST,
        ),
        ({f"{kind}/{n}.png": RED for kind in ("train", "bus") for n in range(8)}, (("bus", "train"), 14, 2)),
        ({f"{kind}/{n}.png": RED for kind in ("steam_train", "bullet_train") for n in range(8)},
         (("bullet_train", "steam_train"), 14, 2)),
    ],
)  # fmt: skip
def test_layouts_that_are_understood(files, expected):
    assert sizes(imported(files)) == expected


def test_tiny_imagenet_as_it_is_downloaded():
    top, files, lines = "tiny-imagenet-200", {}, []
    for wnid, colour in (("n01443537", (200, 0, 0)), ("n01629819", (0, 200, 0))):
        files |= {f"{top}/train/{wnid}/images/{wnid}_{n}.JPEG": picture(colour) for n in range(8)}
        files[f"{top}/train/{wnid}/{wnid}_boxes.txt"] = b"x 0 0 1 1"
        for n in range(3):
            files[f"{top}/val/images/val_{wnid}{n}.JPEG"] = picture(colour)
            lines.append(f"val_{wnid}{n}.JPEG\t{wnid}\t0\t32\t44\t62")
    files |= {f"{top}/test/images/test_{n}.JPEG": RED for n in range(4)}
    files |= {f"{top}/val/val_annotations.txt": "\n".join(lines).encode(), f"{top}/words.txt": b"n01443537\tgoldfish"}
    dataset = imported(files)
    assert sizes(dataset) == (("n01443537", "n01629819"), 16, 6)
    for part in (dataset.train, dataset.read_test()):
        assert torch.equal(part.images.float().mean((1, 2)).argmax(1), part.labels)
    assert dataset.notes == (
        "4 of “test” left out, as nothing tells their classes",
        "the validation pictures are the test",
    )


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("train", "test"), 2),
        (("Training Set", "Test Set", "validation-set"), 3),
        (("train", "bus"), 0),
        (("train", "training"), 0),
        (("crash_test", "train"), 1),
        (("brain_train", "brain_test", "other"), 2),
        (("contest", "trainer"), 0),
        (("test", "pred"), 0),
    ],
)
def test_parts_are_told_from_classes_by_their_names(names, parts):
    assert len(_parted(names)) == (parts if parts > 1 else 0)


def test_folders_inside_class_folders_count_as_their_class():
    files = flat("animals/cats") | flat("animals/dogs") | flat("plants/roses") | flat("plants/ferns")
    dataset = imported(files)
    assert sizes(dataset) == (("animals", "plants"), 28, 4)
    assert dataset.notes == ("the folders inside a class count as that class: “cats” and “dogs”",)


# --- layouts that are refused ---


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (class_folders() | flat("images"), "“images” stands beside class folders"),
        (class_folders() | flat("test"), "“test” stands beside class folders"),
        (class_folders() | flat("val"), "“val” stands beside class folders"),
        (class_folders("PetImages/") | flat("preview"), "“PetImages” has folders of pictures and “preview” has"),
        (class_folders("animals/") | flat("all"), "“all” stands beside class folders"),
        (flat("train") | flat("test"), "isn't in a class folder"),
        (flat("train/images") | flat("valid/images") | flat("test/images"), "isn't in a class folder"),
        (flat("images/train") | flat("images/val"), "isn't in a class folder"),
        (class_folders("train/") | class_folders("test/", 2) | flat("extra"), "“extra” stands beside"),
        (class_folders("train/") | {"train/loose.png": RED}, "“loose.png” isn't in a class folder"),
        (class_folders("train/") | class_folders("test/") | {"test/pink/1.png": RED}, "pink” isn't in the training"),
        (class_folders("fold_0/") | class_folders("fold_1/"), "“fold_0” and “fold_1” all hold folders called"),
        (class_folders("training/") | class_folders("validierung/"), "isn't clear which are the classes"),
        (flat("train/images") | flat("train/masks"), "stands beside class folders"),
    ],
)
def test_layouts_that_could_be_read_in_two_ways_are_sentences(files, says):
    with pytest.raises(DataError, match=says):
        imported(files)


# --- what is left out, and what is read ---


@pytest.mark.parametrize(
    ("ending", "form"),
    [
        (".jfif", "JPEG"), (".jpe", "JPEG"), (".JPG", "JPEG"), ("", "JPEG"), (".dat", "PNG"), (".txt", "PNG"),
        (".jpg_large", "WEBP"), (".png", "GIF"), (".img", "TIFF"), (".jpg!d", "BMP"), (".ico", "ICO"),
    ],
)  # fmt: skip
def test_what_opens_is_read_whatever_its_ending(ending, form):
    files = {f"{kind}/{n}{ending}": picture("red", form=form) for kind in ("a", "b") for n in range(6)}
    dataset = imported(files | {"a/clip.mp4": b"\0\0\0\x18ftypisom", "readme": b"hello", "labels.csv": b"x"})
    assert sizes(dataset) == (("a", "b"), 10, 2)
    assert dataset.notes == ("1 passed over, as no pictures: a/clip.mp4",)


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"red/x.heic": HEIC}, "HEIC photo"),
        ({"red/x.jpg": HEIC}, "HEIC photo"),
        ({"red/x": HEIC}, "HEIC photo"),
        ({"red/x.jpe": RED[:60]}, "damaged or incomplete"),
        ({"red/x.jfif": b"no picture"}, "holds text"),
        ({"red/x.svg": b"<svg xmlns='x'/>"}, "SVG drawing"),
        ({"red/x.png": b""}, "empty"),
        ({"red/x.psd": b"8BPS" + bytes(40)}, "not a picture that the lab can read"),
        ({"red/x.tif": b"II*\0" + bytes(40)}, "damaged|not a picture"),
        ({"red/x.png": picture("red", (4, 4))}, "at least 8 pixels"),
    ],
)
def test_what_is_left_out_is_counted_and_listed(bad, why):
    (name,) = bad
    (note,) = imported(class_folders() | bad, "one").notes
    assert note.startswith(f"1 left out: {name}: ")
    assert re.search(why, note)
    many = {name.replace("x", f"x{n:02}"): content for n in range(30) for name, content in bad.items()}
    notes = imported(class_folders() | many, "many").notes
    assert notes[0].startswith("30 left out: ")
    assert sum("left out: " in note for note in notes) == 20
    assert notes[-1] == "and 10 more left out"


@pytest.mark.parametrize(("size", "side"), [((40, 30), 30), ((300, 400), 256), ((10, 10), 16)])
def test_pictures_keep_their_size_unless_another_is_asked_for(size, side):
    files = {f"{kind}/{n}.png": picture("red", size) for kind in ("a", "b") for n in range(6)}
    assert imported(files, side=None).side == side


@pytest.mark.parametrize("of", ["text", "path", "bytes", "bytearray", "zip by text"])
def test_a_source_is_a_path_in_any_form_or_bytes(tmp_path, of):
    content = zipped(class_folders())
    (tmp_path / "set.zip").write_bytes(content)
    with zipfile.ZipFile(tmp_path / "set.zip") as packed:
        packed.extractall(tmp_path / "set")
    source = {
        "text": str(tmp_path / "set"), "path": tmp_path / "set", "bytes": content, "bytearray": bytearray(content),
        "zip by text": str(tmp_path / "set.zip"),
    }[of]  # fmt: skip
    assert sizes(import_pictures(source, "set")) == WITHOUT


@pytest.mark.parametrize("arguments", [(None, "x"), (5, "x"), (["a"], "x"), ("nowhere", "x"), ("", 5), (b"", None)])
def test_other_sources_and_names_are_sentences(arguments):
    with pytest.raises((InputError, DataError)):
        import_pictures(*arguments)
    with pytest.raises(InputError, match="side is '32'"):
        import_pictures(zipped(class_folders()), "x", side="32")


def test_a_network_sees_about_the_same_in_an_imported_photo_as_in_the_photo():
    photo = sample_images()["chelsea"]
    files = {f"{kind}/{n}.png": photo.content for kind in ("a", "b") for n in range(6)}
    model = load_model("squeezenet1_1", "random")
    wanted = model.prepare(open_image(photo.content))
    kept, small = (
        imported(files, name, side).train.images[0].numpy() for name, side in (("kept", None), ("small", 32))
    )
    near, far = ((model.prepare(Image.fromarray(one)) - wanted).abs().mean() for one in (kept, small))
    assert kept.shape[0] == 256
    assert near < 0.01 < 0.03 < far
