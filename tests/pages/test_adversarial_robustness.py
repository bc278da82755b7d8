"""The Robustness tab: what the cards and curves say is the core's; the attack made through transforms."""

import re

from screen import guess_at, press, texts

from cnnlab_core.attacks import fgsm
from cnnlab_core.attacks.transforms import TRANSFORMS, find_transform
from cnnlab_core.images import open_image, sample_images, to_picture, to_tensor
from cnnlab_core.models import load_model

FGSM = {"adversarial_attack": "FGSM", "adversarial_eps": "8", "adversarial_target": "3 · cat"}


def opened(open_page, **query):
    place = {"adversarial_tab": "Does it survive?", "adversarial_tab_survive": "Robustness"}
    return open_page("adversarial", model="cifar10_standard", **place, **query)


def test_nonsense_in_the_address_is_left_aside(open_page):
    query = {"world_jpeg": "-5", "world_blur": "nan", "views": "9999", "through": "Melt", "sweep_of": "<b>"}
    query["zoom"] = "perhaps"
    assert not opened(open_page, **FGSM, **{f"adversarial_{key}": value for key, value in query.items()}).error


def test_a_card_says_what_the_network_says_of_the_transformed_picture(open_page):
    app = opened(open_page, adversarial_world_jpeg="30", **FGSM)
    model = load_model("cifar10_standard", device="cpu")
    x = model.prepare(open_image(sample_images()["chelsea"].content))
    result = fgsm(model, x, target=3, eps=8 / 255)
    shown = texts(app)
    for picture in (to_picture(result.x), to_picture(result.rounded.x_adv)):
        for name, strength in (("jpeg", 30), ("rotate", 30), ("noise", 16)):
            best = model.top_k(to_tensor(find_transform(name).on_picture(picture, strength)), 1)[0]
            assert f"**{best.label}** {best.probability:.1%}" in shown
    assert "**JPEG: quality 30**" in shown
    assert re.search(rf"survives \*\*\d+ of {len(TRANSFORMS)}\*\*", shown)
    strengths = {name: one.default for name, one in TRANSFORMS.items()} | {"jpeg": 30}
    y, clean = result.goal.single[0], to_picture(result.x)
    turned = [
        TRANSFORMS[name].title.lower()
        for name, strength in strengths.items()
        if model.top_k(to_tensor(find_transform(name).on_picture(clean, strength)), 1)[0].index != y
    ]
    right, told = guess_at(app, "robustness")
    assert right == ("under 2" if len(turned) < 2 else "2 to 4" if len(turned) <= 4 else "over 4")
    assert told.startswith(f"{len(turned)}: {', '.join(turned)}.")


def test_a_strength_moves_its_card_and_the_curve_follows(open_page):
    app = opened(open_page, **FGSM)
    app.slider(key="adversarial_world_rotate").set_value(-10).run()
    assert "**Rotate: -10°**" in texts(app)
    assert '"rotate": -10' in app.code[-1].value
    app.selectbox(key="adversarial_sweep_of").set_value("Blur").run()
    app.toggle(key="adversarial_zoom").set_value(False).run()
    app.slider(key="adversarial_world_blur").set_value(0.0).run()
    assert "**Blur: 0 px**" in texts(app)
    assert not app.exception


def test_the_attack_through_transforms_stands_beside_the_plain_one(open_page):
    query = {"adversarial_through": "Rotate", "adversarial_views": "4", **FGSM}
    app = opened(open_page, **query)
    before = len(app.get("image"))
    press(app, "Attack through 1 transform (")
    assert len(app.get("image")) == before + len(TRANSFORMS) + 1
    assert "Made through transforms, it survives" in texts(app)
    assert '(find_transform("rotate"), 30),\n]' in app.code[-1].value
    app.slider(key="adversarial_views").set_value(6).run()
    assert "from your previous settings" in texts(app)
    assert len(app.get("image")) == before + len(TRANSFORMS) + 1, "they stay"


def test_an_attack_that_fails_has_nothing_to_survive(open_page):
    app = opened(open_page, **(FGSM | {"adversarial_eps": "0"}))
    assert "doesn't fool the network even without a transform" in texts(app)


def test_an_expensive_attack_waits(open_page):
    app = opened(open_page, adversarial_steps="7")
    assert any(button.label == "Attack (PGD, up to 7 steps)" for button in app.button)
    assert not app.get("download_button")
