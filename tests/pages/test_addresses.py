"""A link reproduces a view; what it asks for and a page can't take is said, at the top, until that control is moved."""

import random
from urllib.parse import parse_qs, urlsplit

import pytest
from screen import NOTEBOOK, refused
from streamlit.runtime.state.query_params import QueryParams

from cnnlab_core.ui.contents import PAGES

IN_VAIN = {
    "deepdream": {
        "dream_octaves": ("99", "“99” as **Octaves**, which isn't possible (1 to 8). It is 4 instead."),
        "dream_steps": ("2.5", "“2.5” as **Steps per octave**, which isn't possible (1 to 40). It is 2 instead."),
        "dream_step_size": ("nan", "“nan” as **Step size (/255)**"),
        "dream_jitter": ("-inf", "“-inf” as **Jitter (pixels)**"),
        "dream_laplacian": ("1e400", "“1e400” as **Laplacian levels**"),
        "dream_scale": ("wide", "“wide” as **Between octaves (×)**"),
        "dream_seed": ("-1", "“-1” as **Seed**, which isn't possible (0 to 99999)"),
        "dream_trick": ("magic", "“magic” as **Leave a trick out**, which isn't possible. It is every trick instead."),
        "dream_side": ("7", "“7” as **Longest side (pixels)**, which isn't possible. It is 448 instead."),
        "dream_layer": ("**no**", "“**no**” as **Any layer**, which isn't possible. It is Block 8 of 16"),
        "dream_ask": ("everything", "“everything” as **Maximise**, which isn't possible. It is the whole layer"),
        "dream_tab": ("Sleep", "“Sleep” as **the tab**, which isn't possible. It is Dream instead."),
        "picture": ("dodo", "“dodo” as **the picture**"),
        "model": ("brain", "“brain” as **the network**, which isn't possible. It is EfficientNet-Lite0 instead."),
        "weights": ("infinity", "“infinity” as **the weights**, which isn't possible (pretrained or random)"),
    },
    "receptive_fields": {
        "maps_tab": ("Design your own", ""),
        "maps_input": ("inf", "“inf” as **Input**, which isn't possible"),
    },
    "convolution": {
        "conv_2_cell": ("y[99, 0]", "“y[99, 0]” as **the explained cell**"),
        "conv_2_flip": ("perhaps", "“perhaps” as **Flip the kernel**, which isn't possible (true or false)"),
    },
    "exercises": {"exercises_convolution": (["juggling", "chess"], "“juggling, chess” as **Convolution**")},
    "classifier": {"classifier_class": ("unicorn", "“unicorn” as **"), "classifier_tab": ("Softmax, worked out", "")},
    "training": {
        "training_tab": ("New run", ""),
        "training_batch": ("7e9", "“7e9” as **Batch size**, which isn't possible (1 to 8192)"),
        "data": ("own:nothing", "“own:nothing” as **Data"),
    },
    "feature_maps": {
        "maps_channel": ("-1e999", "“-1e999” as **Channel**, which isn't possible (0 to "),
        "maps_order": ("by colour", "“by colour” as **Sorted by**"),
    },
}
"""What addresses ask for, by page and key, and what is said of it."""


@pytest.mark.parametrize("page", IN_VAIN)
def test_what_an_address_asks_for_in_vain_is_said(open_page, page):
    app = open_page(page, **{key: text for key, (text, _) in IN_VAIN[page].items()})
    for _ in ("at once", "and still in the next run"):
        for _, says in IN_VAIN[page].values():
            assert not says or any(says in sentence for sentence in refused(app)), (says, refused(app))
        assert len(refused(app)) == sum(bool(says) for _, says in IN_VAIN[page].values())
        app.run()


def test_runs_that_are_gone_are_said(open_page):
    app = open_page("training", training_tab="Compare", runs="nobody,nothing")
    assert "“nobody,nothing” as **runs**" in refused(app)[0]


def test_the_sentence_goes_when_the_control_is_moved_and_others_stay(open_page):
    app = open_page("deepdream", dream_octaves="99", dream_seed="-1", dream_side="224")
    assert len(refused(app)) == 2
    app.slider(key="dream_octaves").set_value(3).run()
    assert len(refused(app)) == 1
    assert "Seed" in refused(app)[0]


# --- links -------------------------------------------------------------------------------------------------------


def texts(control):
    """What the address says of a control as it stands."""
    if control.type in ("button_group", "multiselect"):
        return [control.options[index] for index in control.indices]
    if control.type in ("selectbox", "select_slider"):
        return [] if control.value is None else [str(control.format_func(control.value))]
    return [str(control.value).lower() if control.type == "toggle" else str(control.value)]


def any_texts(control, draw):
    """What the address says of a control at another value that it can take."""
    if control.type in ("button_group", "multiselect"):
        several = control.type == "multiselect" or not control._is_single_select
        return draw.sample(control.options, draw.randint(1, 2) if several else 1)
    if control.type in ("selectbox", "select_slider"):
        return [draw.choice(control.options)]
    if control.type in ("slider", "number_input"):
        low, high = control.min, control.max
        whole = isinstance(control.value, int)
        return [str(draw.randint(int(low), int(min(high, low + 1000))) if whole else round(draw.uniform(low, high), 3))]
    return [draw.choice(["true", "false"])] if control.type == "toggle" else texts(control)


KINDS = ("slider", "select_slider", "number_input", "selectbox", "toggle", "multiselect", "button_group", "text_input")


@pytest.fixture
def bound(monkeypatch):
    """The keys of all controls that are bound to the address."""
    keys, bind = set(), QueryParams.bind_widget

    def binding(params, *arguments, **named):
        keys.add(named.get("param_key") or arguments[0])
        return bind(params, *arguments, **named)

    monkeypatch.setattr(QueryParams, "bind_widget", binding)
    return keys


@pytest.mark.parametrize("most", [2, pytest.param(99, marks=pytest.mark.wide)])
@pytest.mark.parametrize("page", [page.name for page in PAGES])
@pytest.mark.usefixtures("short_jobs")
def test_a_view_is_what_its_address_asks_for_and_its_link_opens_it_again(open_page, addresses, bound, page, most):
    def view(**address):
        app = open_page(page, **address)
        saved = [button.proto.label for button in app.get("download_button")]
        assert saved.count(NOTEBOOK) == sum(code.language == "python" for code in app.code)
        found = {control.key: control for kind in KINDS for control in app.get(kind) if control.key in bound}
        return app, {key: control for key, control in found.items() if not control.proto.disabled}

    for seed, opened in enumerate(addresses(page)[-most:]):
        draw = random.Random(seed)
        address = {key: any_texts(control, draw) for key, control in view(**opened)[1].items()}
        address |= {key: [title] for key, title in opened.items()}
        app, shown = view(**address)
        for key, control in shown.items():
            wanted = address.get(key)
            said = any(", ".join(wanted or [])[:60] in sentence for sentence in refused(app))
            assert wanted is None or same(texts(control), wanted) or said, (opened, key, wanted, texts(control))
        links = [code.value for code in app.code if code.language == "plaintext"]  # none while a job hasn't ended
        again = parse_qs(urlsplit(links[-1]).query, keep_blank_values=True) if links else dict(app.query_params)
        _, shown_again = view(**again)
        assert {key: texts(control) for key, control in shown_again.items()} == {
            key: texts(control) for key, control in shown.items()
        }


def test_a_link_holds_every_one_of_several_selections(open_page):
    kinds = ["Output size", "Max pooling"]
    app = open_page("exercises", exercises_convolution=kinds)
    (link,) = [code.value for code in app.code if code.language == "plaintext"]
    assert parse_qs(urlsplit(link).query)["exercises_convolution"] == kinds


def same(one, other):
    try:
        return [float(text) for text in one] == pytest.approx([float(text) for text in other])
    except ValueError:
        return set(one) == set(other)
