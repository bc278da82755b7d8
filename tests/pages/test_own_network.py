"""“Your network”: brought, understood, checked, on every page, in its owner's session alone, and gone after it."""

import pytest
import timm
from own_files import FILES, digits_file, resnet_file, seeded, session_with, torch_saved
from screen import captions, markdown, press, problems, run_code, texts
from torch import nn

from cnnlab_core.models.own import Pixels, network
from cnnlab_core.models.own.kept import Asked
from cnnlab_core.models.own.table import bytes_in_memory
from cnnlab_core.models.registry import load_model, registry
from cnnlab_core.recipes.own import with_own
from cnnlab_core.runtime.files import cache_folder
from cnnlab_core.training.storage import things
from cnnlab_core.ui import own_network, tries
from cnnlab_core.ui.mine import files_of_all
from cnnlab_core.ui.warmup import collect_all

TEN = "\n".join(f"number {k}" for k in range(10))
IMAGENET, PLAIN = "0..1, mean and deviation of ImageNet", "0..1"


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    for name in ("RUNS", "CACHE", "DATA"):
        monkeypatch.setenv(f"CNNLAB_{name}", str(tmp_path / name))
    monkeypatch.setattr(own_network, "_ON_TRIAL", 2)


def bring(app, file, content):
    """Open the dialog and bring a file."""
    if not app.session_state["own networks"].is_open:
        press(app, "Your network")
    key = f"own_network_file_{app.session_state['own networks'].brought}"
    app.file_uploader(key=key).set_value((file, content, "application/octet-stream")).run()
    assert not app.exception
    return app


def quick_page(open_page):
    """A page that computes little beside the dialog."""
    return open_page("deepdream", dream_tab="Atlas")


def brought(open_page, file, content):
    return bring(quick_page(open_page), file, content)


def asked_for(app):
    """The network in the address."""
    (name,) = app.query_params["model"] if isinstance(app.query_params["model"], list) else [app.query_params["model"]]
    return name


def ways(app):
    """What the table of the dialog says would be named, by how pixels come."""
    (table,) = [words.value for words in app.markdown if words.value.startswith("| its pixels come as")]
    rows = [row.strip("| ").split(" | ") for row in table.replace("\\", "").splitlines()[2:]]
    return dict(rows)


def setting(app, kind, name):
    """A control of the dialog."""
    return next(one for one in getattr(app, kind) if (one.key or "").startswith(f"own_network_{name}_"))


def test_another_projects_resnet_is_understood_checked_and_used_on_the_next_page(open_page, monkeypatch):
    app = brought(open_page, "their *net*.pt", resnet_file())
    name = asked_for(app)
    assert name.startswith("own:")
    said = texts(app)
    assert "cifar_resnet** · 10 classes" in said
    for note in ("The weights lie under “state_dict”", "The prefix “module.” was taken off", "“shortcut”"):
        assert note in captions(app)
    assert "Self-test on 2 photos: its answers are finite and the same twice" in captions(app)
    assert "sees “Chelsea the cat”: 32 × 32 pixels" in said
    assert next(iter(ways(app))) == f"→ {PLAIN}"
    other = ways(app)[IMAGENET]
    with monkeypatch.context() as patch:
        patch.setattr(network, "apart", None)  # the file isn't read again
        setting(app, "selectbox", "pixels").set_value(IMAGENET).run()
    assert asked_for(app) != name
    assert ways(app)[f"→ {IMAGENET}"] == other
    setting(app, "text_area", "names").set_value("\n".join("abcdefghij")).run()
    setting(app, "text_input", "mean").set_value("0.5, 0.5").run()
    assert "Give one number, or three with commas" in problems(app)[0]
    setting(app, "text_input", "mean").set_value("0.5").run()
    assert not problems(app)
    assert "→ 0..1 less 0.5, divided by 0.229, 0.224, 0.225, RGB" in ways(app)
    name, named = asked_for(app), next(iter(ways(app).values()))
    assert named[0] in "abcdefghij"
    app.switch_page("pages/classifier.py").run()
    assert f"## {named[0]} · " in markdown(app)
    assert asked_for(app) == name
    assert not problems(app)
    assert "their *net*" in app.selectbox(key="model_choice").options
    press(app, "Put it away")
    assert asked_for(app) == "efficientnet_lite0"
    assert bytes_in_memory() == 0


def test_what_cannot_be_read_is_a_sentence_and_can_be_tried_with_another_setting(open_page, monkeypatch):
    app = brought(open_page, "words.pt", b"Dear reader")
    assert "This file holds no weights" in problems(app)[0]
    assert asked_for(app) == "efficientnet_lite0"
    bring(app, "odd.pt", torch_saved(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()).state_dict()))
    assert "none of torchvision's classifiers" in problems(app)[0]
    assert files_of_all() > 0, "what is refused takes memory, too"
    with monkeypatch.context() as patch:
        patch.setattr(network, "apart", None)  # for another setting the file isn't read again
        setting(app, "selectbox", "architecture").set_value("resnet18").run()
    assert "These weights aren't all of resnet18" in problems(app)[0]
    bring(app, "theirs.pt", resnet_file())
    assert not problems(app)
    assert asked_for(app).startswith("own:")


def test_weights_of_timms_are_known_by_the_name_that_is_chosen(open_page):
    content = torch_saved(seeded(timm.create_model("test_resnet", num_classes=3)).state_dict())
    app = brought(open_page, "tiny.pt", content)
    assert "If they are of one of timm's networks, name it" in problems(app)[0]
    setting(app, "selectbox", "architecture").set_value("timm/test_resnet").run()
    assert not problems(app)
    assert asked_for(app).startswith("own:")
    assert "timm/test_resnet** · 3 classes" in texts(app)
    assert "→ 0..1 less 0.5, divided by 0.5, RGB" in ways(app)


def test_what_a_session_has_is_bounded(open_page, monkeypatch):
    monkeypatch.setenv("CNNLAB_SESSION_NETWORKS", "1")
    app = quick_page(open_page)
    for seed in range(2):
        bring(app, "net.pt", resnet_file(seed))
    assert "Only the last 1 of your networks stays in memory; put away: net." in problems(app)
    offered = [title for title in app.selectbox(key="model_choice").options if title.startswith("net")]
    assert offered == ["net (2)"]
    monkeypatch.setenv("CNNLAB_SESSION_NETWORKS_MB", "1")
    bring(app, "large.onnx", digits_file(side=200))
    assert "This network and its file take 3 MB, more than the 1" in problems(app)[0]


def test_nobody_else_opens_it_and_nothing_stays_of_it(open_page):
    collect_all()
    before = bytes_in_memory(), files_of_all()
    apps = [brought(open_page, "net.pt", resnet_file(seed)) for seed in (1, 2)]  # two visitors, networks of one name
    names = [asked_for(app) for app in apps]
    assert names[0] != names[1]
    assert ways(apps[0]) != ways(apps[1])
    for app in apps:
        assert [title for title in app.selectbox(key="model_choice").options if title.startswith("net")] == ["net"]
    apps[0].query_params["model"] = names[1]
    apps[0].run()
    assert "somebody's own network" in apps[0].info[0].value
    assert asked_for(apps[0]) == names[0]
    for page, query in (("network", {"model": names[0]}), ("report_card", {"report_network": names[0]})):
        stranger = open_page(page, **query)
        assert "own network" in texts(stranger) or "isn't possible" in texts(stranger)
        assert not stranger.exception
    load_model(names[0], "random")
    assert any(key.model == names[0] for key in registry().loaded())
    kept = cache_folder() / "features" / names[0].replace(":", "-")
    kept.mkdir(parents=True)
    assert bytes_in_memory() > before[0]
    del app, apps, stranger
    collect_all()  # the first session of a process is there when its garbage collector is told what to leave alone
    assert (bytes_in_memory(), files_of_all()) == before
    assert not any(key.model in names for key in registry().loaded())
    assert not kept.exists()


def test_its_owner_has_it_kept_and_opens_it_by_a_code(open_page, monkeypatch):
    monkeypatch.setattr(tries, "PAUSE_SECONDS", 0.0)
    app = brought(open_page, "digits.onnx", digits_file())
    setting(app, "selectbox", "pixels").set_value("-1..1").run()
    named = ways(app)
    press(app, "Keep it on this server")
    (said,) = [done.value for done in app.success]
    own_code = said.split("**")[1]
    (thing,) = things()
    assert (thing.kind, thing.title, thing.bytes > 10_000) == ("own", "digits.onnx", True)
    other = press(quick_page(open_page), "Your network")
    assert "kept on this server" not in markdown(other)
    other.text_input(key="own_network_code").set_value(own_code.lower())
    press(other, "Get my networks back")
    other.run()
    press(other, "Open")
    assert ways(other) == named
    assert next(iter(named)) == "→ -1..1"
    assert "kept on this server" not in markdown(app.run())
    press(other, "Delete")
    assert not things()
    assert not list(thing.main.parent.iterdir())


CODES = (
    ("network", {}, "found"),
    ("classifier", {"classifier_tab": "Take it away"}, "model"),
    ("feature_maps", {}, "model"),
)


@pytest.mark.parametrize(("page", "query", "found"), CODES, ids=[page for page, *_ in CODES])
def test_the_code_of_a_view_reads_the_file(open_page, page, query, found):
    kept, name = session_with("digits.onnx", digits_file(), pixels=Pixels("-1..1", order="grey"), names=TEN)
    app = open_page(page, kept, model=name, **query)
    names = run_code(app, digits_onnx=digits_file(), classes_txt=TEN.encode())
    assert names["mine"].spec.name == name
    assert names[found]


def test_code_about_two_networks_reads_two_files():
    files = {f"own:{one * 16}": (one, Asked(f"{one}.pt", b"", side=32, part="ema")) for one in "abc"}
    code = with_own('import math\n\none = f("own:aaaaaaaaaaaaaaaa")\ntwo = f("own:bbbbbbbbbbbbbbbb")\n', files)
    for line in ("mine_1 = own_from_file(", 'Path("a.pt").read_bytes(),', 'title="a",', 'part="ema",', "side=32,"):
        assert line in code
    assert "one = f(mine_1.spec.name)\ntwo = f(mine_2.spec.name)" in code
    assert "c.pt" not in code
    assert with_own("x = 1\n", files) == "x = 1\n"


@pytest.mark.usefixtures("short_jobs")
@pytest.mark.parametrize("page", ["network", "feature_maps", "adversarial", "deepdream"])
def test_every_page_takes_a_network_of_one_channel(open_page, page):
    kept, name = session_with("digits.onnx", digits_file())
    app = open_page(page, kept, model=name)
    assert asked_for(app) == name
    assert not [said for said in problems(app) if "takes too long" not in said]


@pytest.mark.wide
@pytest.mark.usefixtures("short_jobs")
@pytest.mark.parametrize(
    "page",
    ["classifier", "network", "feature_maps", "receptive_fields", "adversarial", "deepdream", "transfer_learning",
     "report_card"],
)  # fmt: skip
@pytest.mark.parametrize("file", FILES)
def test_every_view_takes_it_or_says_what_it_cannot(open_page, addresses, page, file):
    content = FILES[file]()
    for where in addresses(page):
        kept, name = session_with(file, content)
        chosen = {"report_network": name, "report_beside": "none"} if page == "report_card" else {"model": name}
        app = open_page(page, kept, **chosen, **where)
        said = [said for said in problems(app) if "takes too long" not in said]
        assert all(any(known in one for known in KNOWN) for one in said), (where, said)


KNOWN = (
    "doesn't know what", "doesn't know which pictures", "so no map belongs to a weight", "torch.fx can't trace this",
    "features each",
)  # fmt: skip
"""What a view says that can't take a network."""
