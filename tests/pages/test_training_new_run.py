"""The tab New run: the form, its presets, own pictures, the estimate, and Start."""

import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from screen import code, refused
from training_runs import alone, lab_folders, press, tiny, trained, words  # noqa: F401  a fixture

from cnnlab_core.data.own import own_path
from cnnlab_core.recipes.training import first_batch as recipe
from cnnlab_core.recipes.training import minimal, new_run
from cnnlab_core.runtime.files import signed
from cnnlab_core.training import Config, list_runs
from cnnlab_core.training.config import SETTINGS
from cnnlab_core.training.first_batch import first_batch
from cnnlab_core.training.presets import PRESETS
from cnnlab_core.ui.show import plain
from cnnlab_core.ui.training.first_batch import SHOWN

FORM = {"training_tab": "New run", "data": "own:few"}


def address(values):
    """What a link to the form says with these values."""
    shown = {SETTINGS[name].address: SETTINGS[name].shown(value) for name, value in values.items() if name != "data"}
    titles = {SETTINGS[name].address: SETTINGS[name].text(v) for name, v in values.items() if SETTINGS[name].options}
    return {f"training_{name}": str(value) for name, value in (shown | titles).items()}


# --- every setting --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        *([name] for name, about in SETTINGS.items() if about.of != "text" and about.group != "finer"),
        [name for name, about in SETTINGS.items() if about.group == "finer"],
    ],
    ids=" ".join,
)
def test_a_link_can_say_every_setting(open_page, names):
    values = {key: value for name in names for key, value in alone(name).items()}
    app = open_page("training", **FORM, **address(values))
    assert not app.error
    assert not refused(app)
    assert code(app) == new_run.code(Config(**{"data": "own:few", **values})).strip()


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.title)
@pytest.mark.parametrize("counting", [True, False])
def test_a_preset_sets_the_whole_form_but_the_data(open_page, preset, counting):
    """Also what doesn't count as the form stands, and counts with the preset."""
    mess = {
        name: alone(name)[name]
        for name, about in SETTINGS.items()
        if about.preset and about.of != "text" and name != "net"
    }
    mess |= {"optimizer": "sgd", "attack": "pgd"} if counting else {"optimizer": "adamw", "attack": "none"}
    app = open_page("training", **FORM, **address(mess))
    assert ("momentum=" in code(app)) == ("attack_steps=" in code(app)) == counting
    press(app, preset.title)
    assert code(app) == new_run.code(replace(preset.config, data="own:few")).strip()


def test_the_digits_can_be_learned_and_mirroring_them_is_advised_against(open_page):
    app = open_page("training", **FORM | {"data": "digits"})
    assert "A mirrored digit is seldom a digit" in words(app)
    press(app, "Glass, for digits")
    assert "**5,954** weights, **7,603** training pictures of 28 × 28 in 10 classes" in words(app)
    assert not app.toggle(key="training_flip").value
    assert "seldom a digit" not in words(open_page("training", **FORM))


def test_quick_has_its_own_momentum(open_page):
    app = open_page("training", **FORM, training_optimizer="sgd", training_momentum="0.5")
    assert "momentum=0.5" in code(app)
    press(app, "Quick")
    assert "momentum" not in code(app)
    assert app.number_input(key="training_momentum").value == 0.9


def test_what_does_not_count_is_there_and_is_not_taken(open_page):
    app = open_page("training", **FORM, training_momentum="0.5", training_epsilon="4", training_pgd="3")
    for name in ("momentum", "epsilon", "attack_step", "pgd"):
        assert app.number_input(key=f"training_{name}").disabled
    assert code(app) == new_run.code(Config(data="own:few")).strip()
    app.segmented_control(key="training_attack").set_value("pgd").run()
    assert not app.number_input(key="training_epsilon").disabled
    assert code(app) == new_run.code(Config(data="own:few", attack="pgd", epsilon=4 / 255, attack_steps=3)).strip()


@pytest.mark.parametrize(
    ("name", "asked", "instead"),
    [
        ("rate", "none", "0.01"),
        ("epochs", "-4", "10"),
        ("label_smoothing", "0.95", "0.1"),
        ("optimizer", "adam", "adamw"),
        ("net", "resnet", "homework with batch norm"),
        ("flip", "perhaps", "true"),
        ("epsilon", "300", "8.0"),
    ],
)
def test_a_link_that_asks_for_what_cannot_be_is_told_what_it_got(open_page, name, asked, instead):
    app = open_page("training", **FORM, **{f"training_{name}": asked})
    (said,) = refused(app)
    assert f"“{asked}”" in said
    assert f"It is {instead} instead" in said
    if name == "epochs":
        app.number_input(key="training_epochs").set_value(3).run()
        assert not refused(app)


def test_the_form_shows_the_pictures_of_step_1(open_page):
    app = open_page("training", **FORM, training_mixup="0.4", training_cutout="6", training_first_side="16")
    found = first_batch(Config(data="own:few", mixup=0.4, cutout=6, first_side=16), SHOWN)
    assert len(app.get("image")) == SHOWN
    told = [caption.value for caption in app.caption]
    for classes in found.classes:
        mixed = ", ".join(f"{share:.0%} {name}" for name, share in classes.items())
        assert plain(mixed if len(classes) > 1 else mixed.removeprefix("100% ")) in told
    assert "They begin with 16 × 16 pixels" in words(app)
    assert recipe.code(Config(data="own:few", mixup=0.4, cutout=6, first_side=16), SHOWN).strip() in [
        shown.value.strip() for shown in app.code
    ]
    missing = open_page("training", **FORM | {"data": "cifar10"})
    assert "once the data are on this machine" in words(missing)
    assert not missing.get("image")


def test_start_begins_one_run_however_often_it_is_pressed(open_page, monkeypatch):
    begun = []
    monkeypatch.setattr("cnnlab_core.training.launch.launch", lambda run, **_: begun.append(run.id))
    app = open_page("training", training_tab="New run", data="own:few", training_epochs="3", training_seed="7")
    assert "steps" in words(app)
    assert minimal.code().strip() in [shown.value.strip() for shown in app.code]
    press(app, "Start")
    (run,) = list_runs()
    assert (run.config.data, run.config.epochs, run.config.seed) == ("own:few", 3, 7)
    assert begun == [run.id]
    assert app.query_params["run"] == run.id
    assert app.session_state["training_tab"] == "Watch"


def test_a_stack_is_checked_before_it_starts(open_page):
    form = {"training_tab": "New run", "data": "own:few", "training_net": "my own stack"}
    good = open_page("training", **form, training_stack="c8k3p1,relu,m2s2")
    assert not good.error
    assert "steps" in words(good)
    bad = open_page("training", **form, training_stack="c8k3p1,m40s2")
    assert "Row 2" in bad.error[0].value
    assert "Start" not in {button.label for button in bad.button}
    alone = open_page("training", **form, training_stack="c8k32,norm,relu", training_batch="1")
    assert "Use a batch of 2 or more" in alone.error[0].value
    assert "Start" not in {button.label for button in alone.button}


def test_the_time_is_estimated_before_the_start(open_page):
    form = {"training_tab": "New run", "data": "own:few", "training_batch": "32", "training_precision": "float32"}
    app = open_page("training", **form, training_net="my own stack", training_stack="c4k3s2,norm,relu,m2s2")
    press(app, "Estimate the time")
    assert "pictures/s" in words(app)
    trained(batch=32)
    like = open_page("training", **form, training_net="my own stack", training_stack=tiny().stack)
    assert "judging by the last run like it" in words(like)


@pytest.mark.parametrize("attack", ["clean pictures", "attacked, fast FGSM", "attacked, PGD"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "muon"])
def test_every_way_of_learning_can_be_chosen(open_page, attack, optimizer):
    app = open_page(
        "training", training_tab="New run", data="own:few", training_attack=attack, training_optimizer=optimizer
    )
    assert not app.error
    assert ("attack='" in app.code[-1].value) == (attack != "clean pictures")


def test_ones_own_zip_becomes_a_data_set(open_page):
    packed = io.BytesIO()
    random = np.random.default_rng(0)
    with zipfile.ZipFile(packed, "w") as file:
        for kind in ("*cats*", "dogs"):
            for number in range(8):
                picture = io.BytesIO()
                Image.fromarray(random.integers(0, 255, (20, 20, 3), np.uint8)).save(picture, "PNG")
                file.writestr(f"{kind}/{number}.png", picture.getvalue())
    app = open_page("training", training_tab="New run", data="own:few")
    app.get("file_uploader")[0].set_value(("pets.zip", packed.getvalue(), "application/zip"))
    app.text_input(key="training_zip_name").set_value("pets").run()
    press(app, "Import")
    assert "2 classes" in app.success[0].value
    assert app.query_params["data"] == "own:pets"
    assert "pets (your own)" in app.selectbox(key="data_choice").options
    assert "2 classes, " in words(app)
    assert not app.error
    assert signed(own_path("pets"))
    app.button(key="own_delete_pictures_pets").click().run()
    assert not own_path("pets").exists()
    assert "pets (your own)" not in app.selectbox(key="data_choice").options
    assert not app.exception
