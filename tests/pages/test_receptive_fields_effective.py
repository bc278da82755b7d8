"""The effective field of a unit, trained and untrained."""

import numpy as np
from screen import captions, markdown, problems


def test_effective_fields_of_trained_and_untrained_weights(open_page):
    app = open_page("receptive_fields", maps_tab="Effective field")
    radii = [float(element.value.split()[0]) for element in app.metric]
    assert len(radii) == 6
    assert radii[:3] == sorted(radii[:3])
    assert radii[3:] == sorted(radii[3:])
    assert radii[2] < radii[5]  # training gathers the influence in the middle
    assert markdown(app).count("of the 19 × 19 box") == 2


def test_noise_counts_and_channels(open_page):
    app = open_page("receptive_fields", maps_tab="Effective field", maps_effective_over="noise")
    before = [element.value for element in app.metric]
    app.number_input(key="maps_pictures_typed").set_value(12).run()
    assert [button.label for button in app.button if "Average" in button.label] == ["Average over 12 pictures"] * 2
    app.button(key="start effective pretrained").click().run()
    after = [element.value for element in app.metric]
    assert after[:3] != before[:3]
    assert after[3:] == before[3:]  # of the other weights, from the previous settings
    app.segmented_control(key="maps_effective_unit").set_value("one channel").run()
    app.number_input(key="maps_channel_typed").set_value(3).run()
    assert "channel 3" in captions(app)
    assert [
        element.value for element in app.metric
    ] == after  # what was computed stays, and is said to be of another unit
    assert "from your previous settings" in markdown(app)
    assert "Of unit (28, 28) of" in captions(app)
    assert [button.label for button in app.button if "Average" in button.label] == ["Average over 12 pictures"] * 2


def test_a_dead_unit_is_a_sentence(open_page, monkeypatch):
    from cnnlab_core.ui.receptive_fields import effective

    def nothing(*args, **options):
        yield effective.Progress(1, 1, np.zeros((224, 224)))
        return np.zeros((224, 224))

    monkeypatch.setattr(effective, "effective_field_steps", nothing)
    app = open_page("receptive_fields", maps_tab="Effective field", maps_depth="middle", maps_row="1")
    assert len(problems(app)) == 2
    assert "dead ReLU" in problems(app)[0]
