"""The Universal tab: how often one noise fools the network on the pictures it was made on, and on others."""

import re

from screen import guess_at, metrics, press, texts


def opened(open_page, **query):
    return open_page("adversarial", adversarial_tab="Does it survive?", adversarial_tab_survive="Universal", **query)


def test_it_opens_finished_with_the_rates_of_those_it_was_made_on_and_of_the_others(open_page):
    app = opened(open_page)
    assert not app.error
    assert "load_model" in app.code[-1].value
    assert app.get("download_button")
    assert app.get("image")
    found = metrics(app)
    assert re.fullmatch(r"\d of 6 fooled", found["Pictures it was made on"])
    assert re.fullmatch(r"\d of 2 fooled", found["Unseen pictures"])
    assert found["Epsilon (L∞)"] == "4/255"
    badges = [element.value for element in app.markdown if "-badge[" in element.value]
    fooled = sum("badge[fooled]" in badge for badge in badges)
    assert fooled == sum(int(found[name][0]) for name in ("Pictures it was made on", "Unseen pictures"))
    unseen = {
        card.value.split("→ ")[1].rsplit(" ", 1)[0] for card in [one for one in app.caption if "→ " in one.value][-2:]
    }
    right, told = guess_at(app, "universal")
    assert right == ("one class" if len(unseen) == 1 else "several")
    assert f"are given {len(unseen)} different" in told


def test_nonsense_is_left_aside_and_the_noise_towards_the_target_waits_for_its_button(open_page):
    query = {"adversarial_universal_on": "nobody", "adversarial_universal_epochs": "1e9", "adversarial_eps": "16"}
    app = opened(open_page, model="cifar10_standard", adversarial_target="2 · bird", **query)
    assert not app.error
    app.multiselect(key="adversarial_universal_on").set_value(["Chelsea the cat"])
    app.slider(key="adversarial_universal_epochs").set_value(5).run()
    assert metrics(app)["Unseen pictures"].endswith("of 7 fooled")
    app.multiselect(key="adversarial_universal_on").set_value(["Chelsea the cat", "A rocket"])
    app.segmented_control(key="adversarial_universal_goal").set_value("the target above")
    app.slider(key="adversarial_universal_epochs").set_value(16).run()
    press(app, "Make the noise (32 gradients)")
    assert metrics(app)["Pictures it was made on"].endswith("of 2 fooled")
    assert "target=2" in app.code[-1].value
    app.multiselect(key="adversarial_universal_on").set_value([]).run()
    assert "at least one picture" in texts(app)
