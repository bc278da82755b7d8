"""“Your network”: a visitor brings a network's file, sees how the lab understood it, and finds it on every page.

What is brought stays in the session's memory (``ui/mine``), unless its owner asks to have it kept under a code.
"""

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from pathlib import PurePath
from typing import Any

import streamlit as st
from PIL import ImageOps
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cnnlab_core.classification.softmax import Prediction
from cnnlab_core.errors import DataError, DeviceError, InputError, LabError
from cnnlab_core.images import open_image, png, sample_images
from cnnlab_core.models.exports import clean_line
from cnnlab_core.models.own.kept import Asked, keep, kept_folder, read_kept
from cnnlab_core.models.own.table import bytes_in_memory
from cnnlab_core.runtime.device import pick_device
from cnnlab_core.runtime.files import can_write
from cnnlab_core.runtime.limits import NETWORK_MB, NETWORKS_MB, SESSION_NETWORKS, SESSION_NETWORKS_MB
from cnnlab_core.training.codes import remember
from cnnlab_core.training.storage import Thing, in_words, make_room, things
from cnnlab_core.ui.classroom import offered_specs
from cnnlab_core.ui.mine import Mine, Networks, files_of_all, my_networks
from cnnlab_core.ui.own_things import enter_code
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import once, run
from cnnlab_core.ui.show import plain, sentences, show_problem, show_words
from cnnlab_core.ui.uploads import bound_uploads, unlike
from cnnlab_core.ui.visitor import own_code, visitor

BY_ITS_WEIGHTS = "told by its weights"
OTHERWISE = "as set below"
_ON_TRIAL = 10
"""Photos that a network is tried on: the gallery, and some of it mirrored."""
Choose = Callable[[str], None]


def offer_own_network(chosen: str, picture: Picture, choose: Choose) -> None:
    """The button that opens the dialog, and the dialog while it is open.

    ``chosen`` is the network that the page looks at; ``choose`` gets the name of another one to look at, "" for the
    one that the page opens with.
    """
    networks = my_networks()
    st.button(
        "Your network", key="own_network", icon=":material/upload_file:", width="stretch",
        on_click=partial(setattr, networks, "is_open", True),
    )  # fmt: skip
    if networks.is_open:
        _dialog(networks, chosen, picture, choose)


def _close() -> None:
    networks = my_networks()
    networks.is_open, networks.refused, networks.problem = False, None, ""


@st.dialog("Your network", width="medium", on_dismiss=_close)
def _dialog(networks: Networks, chosen: str, picture: Picture, choose: Choose) -> None:
    if networks.pending:
        _read(networks, networks.pending, choose)
    mine = None if networks.refused else networks.by_name.get(chosen)
    if mine:
        _card(mine, picture)
    asked = networks.refused or (mine.asked if mine else None)
    if networks.problem:
        show_problem(networks.problem)
    if asked:
        file, pixels, more = st.columns([2, 1.6, 0.9], vertical_alignment="bottom")
        with file:
            _bring(networks, "Another file")
        channels = mine.own.understood.channels if mine else 3
        with pixels:
            _pixels(asked, mine, channels)
        with more.popover("More", icon=":material/tune:", width="stretch", key="own_network_more"):
            _settings(asked, mine, channels)
    else:
        file, told = st.columns(2, gap="medium", vertical_alignment="center")
        with file:
            _bring(networks, "Weights (.safetensors, .pt, .pth) or ONNX")
        told.markdown(
            "You will see\n"
            "- what the lab takes the file for: architecture, classes, what was done to make it fit\n"
            "- the photo as your network sees it, and what it would name if its pixels came in another way\n"
            f"- a self-test on {_ON_TRIAL} photos"
        )
        st.caption(
            "A classifier of torchvision's with any number of classes, a ResNet for CIFAR, one of timm's networks "
            "(choose its name under *More* when the file is there), or any network as ONNX. In PyTorch, "
            "`torch.save(model.state_dict(), path)` writes such a file. It is read as data: nothing in it is run. It "
            "stays in the memory of your session, where nobody else can open it, and is gone when you leave."
        )
    _keeping(networks, mine, choose)


# --- the file -----------------------------------------------------------------------------------------------------


def _bring(networks: Networks, label: str) -> None:
    key = f"own_network_file_{networks.brought}"

    def take() -> None:
        if not isinstance(file := st.session_state[key], UploadedFile):
            return  # none, or one that was taken before, which a browser that lags behind speaks of once more
        networks.pending = Asked(clean_line(PurePath(file.name).name)[:100] or "network", file.getvalue())
        networks.brought += 1  # so that the box is empty again
        if (uploads := bound_uploads()) and (context := get_script_run_ctx()):
            uploads.remove(context.session_id, file.file_id)

    st.file_uploader(label, key=key, on_change=take, max_upload_size=NETWORK_MB.now())


def _read(networks: Networks, asked: Asked, choose: Choose) -> None:
    """Read what is to be read, as a job; then it is the network that the page looks at, or it is said why not."""
    former = [name for name, mine in networks.by_name.items() if mine.asked.content is asked.content]
    others = [spec.title for spec in offered_specs() if spec.name not in former]
    title = unlike(PurePath(asked.file).stem[:60] or "Your network", others)
    outcome = run(
        "own network",
        digest("own network", asked.key),
        lambda: _tried(asked, title),
        label=f"Reading {asked.file}",
        keep=False,
        held=False,
    )
    networks.pending, networks.problem, networks.refused = None, "", None
    asked, found = outcome.result or (asked, "Stopped: this file wasn't read.")
    if isinstance(found, Mine):
        for name in former:
            del networks.by_name[name]
        networks.by_name[found.own.spec.name] = found
        networks.problem = _put_oldest_away(networks)
        choose(found.own.spec.name)
        st.rerun()
    networks.refused, networks.problem = asked, found


def _tried(asked: Asked, title: str) -> Generator[Any, None, tuple[Asked, Mine | str]]:
    """A file, read as far as it can be, and its network, or why there is none."""
    from cnnlab_core.models.own.trying import try_out_steps

    try:
        if bytes_in_memory() + files_of_all() > NETWORKS_MB.now() * 10**6:
            raise DeviceError(
                "The networks that visitors have brought take all the memory that is set aside for them. Try again "
                "later, or raise CNNLAB_NETWORKS_MB."
            )
        asked = yield from asked.read_steps()
        own = asked.own(title)
        photos = [open_image(sample.content) for sample in [*sample_images().values()][:_ON_TRIAL]]
        photos = [*photos, *map(ImageOps.mirror, photos)][:_ON_TRIAL]
        mine = Mine(own, asked, (yield from try_out_steps(own.on(pick_device()), photos)))
        if mine.bytes > (most := SESSION_NETWORKS_MB.now()) * 10**6:
            raise InputError(
                f"This network and its file take {mine.bytes / 1e6:,.0f} MB, more than the {most:,} that a visitor's "
                "networks may take here."
            )
    except LabError as error:
        return asked, str(error)
    return asked, mine


def _put_oldest_away(networks: Networks) -> str:
    """Let go of what is too much; says of what."""
    gone = []
    while (
        len(networks.by_name) > SESSION_NETWORKS.now()
        or sum(mine.bytes for mine in networks.by_name.values()) > SESSION_NETWORKS_MB.now() * 10**6
    ):
        gone.append(networks.by_name.pop(next(iter(networks.by_name))).own.spec.title)
    left = len(networks.by_name)
    stay = f"Only the last {left} of your networks stay{'s' * (left == 1)} in memory"
    return f"{stay}; put away: {', '.join(gone)}." if gone else ""


# --- how it was understood ----------------------------------------------------------------------------------------


def _card(mine: Mine, picture: Picture) -> None:
    """What the network sees of the picture, and what it would name if its pixels came in another way."""
    from cnnlab_core.models.loaded import crop
    from cnnlab_core.models.own import alternatives

    own, tried = mine.own, mine.tried
    seen, said = st.columns([1, 2], gap="medium", vertical_alignment="center")
    photo = crop(picture.image, own.spec.preprocessing)
    grey = own.pixels.order == "grey"
    seen.image(
        png(photo.convert("L") if grey else photo), width="stretch", output_format="PNG",
        alt=f"{picture.title} as your network sees it",
    )  # fmt: skip
    with said:
        side = own.spec.preprocessing.crop
        st.markdown(
            f"This is how **{plain(own.spec.title)}** sees “{plain(picture.title)}”: {side} × {side} pixels"
            f"{' in grey' if grey else ''}. If another row names it better, choose that one under *Pixels*."
        )
        found: dict[str, list[Prediction]] | None = run(
            "own alternatives",
            digest("own alternatives", own.spec.name, picture.key),
            lambda: once(lambda: alternatives(own, picture.image, 1)),
            label="Asking it in other ways",
        ).result
        if found:
            rows = {_way(own.pixels) if name == "as set" else name: best[0] for name, best in found.items()}
            show_words(
                [
                    {"its pixels come as": ("→ " if not number else "") + name,
                     "it names": f"{best.label}, {best.probability:.0%}"}
                    for number, (name, best) in enumerate(rows.items())
                ]
            )  # fmt: skip
    understood = own.understood
    st.markdown(
        f"**{plain(understood.architecture)}** · {understood.classes:,} classes · {own.spec.parameters:,} weights, "
        f"{own.size / 1e6:,.3g} MB · sha256 `{own.spec.weights.sha256 or '':.12}`"
    )
    if understood.notes:
        st.caption(plain(" ".join(understood.notes)))
    named = f"{tried.named} {'class' if tried.named == 1 else 'classes'}"
    st.caption(
        f"Self-test on {tried.pictures} photos: its answers are {'' if tried.finite else 'not '}finite and "
        f"{'' if tried.same else 'not '}the same twice; it names {named}, on average with {tried.sure:.0%}."
    )
    for doubt in tried.doubts:
        st.warning(doubt, icon=":material/help:")


def _way(pixels: Any) -> str:
    """What a way to bring pixels is called."""
    from cnnlab_core.models.own.pixels import USUAL, USUAL_GREY

    usual = {way: name for name, way in (*USUAL.items(), *USUAL_GREY.items())}
    rest = "" if pixels.mean == (0, 0, 0) and pixels.std == (1, 1, 1) else f" less {_three(pixels.mean)}"
    rest += f", divided by {_three(pixels.std)}" if pixels.std != (1, 1, 1) else ""
    return usual.get(pixels) or f"{pixels.range}{rest}, {pixels.order}"


# --- how it is read -----------------------------------------------------------------------------------------------


def _again(asked: Asked, key: str, setting: str, value: Callable[[Any], Any] = lambda value: value) -> None:
    """A control was moved: read the file again with another setting."""
    networks = my_networks()
    try:
        networks.pending = replace(asked, **{setting: value(st.session_state[key])})
    except LabError as error:
        networks.problem = str(error)


def _key(asked: Asked, name: str) -> str:
    """Of a control that shows how a file was read: another file has another, which begins with its own value."""
    return f"own_network_{name}_{asked.key[:8]}"


def _pixels(asked: Asked, mine: Mine | None, channels: int) -> None:
    from cnnlab_core.models.own.pixels import usual

    ways = usual(channels)
    now = mine.own.pixels if mine else asked.pixels
    here = next((name for name, way in ways.items() if way == now), OTHERWISE)
    options = [*ways, *([OTHERWISE] if here == OTHERWISE else [])]
    key = _key(asked, "pixels")
    st.selectbox(
        "Pixels", options, index=options.index(here), key=key, on_change=_again,
        args=(asked, key, "pixels", lambda name: ways.get(name, now)),
    )  # fmt: skip


def _settings(asked: Asked, mine: Mine | None, channels: int) -> None:
    """What few need to set: names of classes, the architecture, the size, which weights, other pixels."""
    from cnnlab_core.models.own.architectures import architectures
    from cnnlab_core.models.own.pixels import ORDERS, RANGES, Pixels

    def box(name: str, label: str, control: Callable[..., Any], *given: Any, setting: str, of: Any = str,
            **more: Any) -> None:  # fmt: skip
        key = _key(asked, name)
        control(label, *given, key=key, on_change=_again, args=(asked, key, setting, of), **more)

    box(
        "names", "Names of its classes, one on each line, or a list or table in JSON", st.text_area, asked.names,
        setting="names", height=90,
    )  # fmt: skip
    box(
        "list", "Or a file with them", st.file_uploader, setting="names", max_upload_size=2,
        of=lambda file: (
            file.getvalue().decode("utf-8", "replace") if isinstance(file, UploadedFile) else asked.names
        ),
    )  # fmt: skip
    named = [BY_ITS_WEIGHTS, *architectures()]
    here = asked.architecture if asked.architecture in named else BY_ITS_WEIGHTS
    box(
        "architecture", "Architecture", st.selectbox, named, named.index(here), setting="architecture",
        of=lambda name: "" if name == BY_ITS_WEIGHTS else name,
        help="Those of timm begin with timm/. An ONNX file has its architecture in it.",
    )  # fmt: skip
    box("part", "Which weights, if the file has several", st.text_input, asked.part, setting="part")
    side = mine.own.understood.side if mine else asked.side
    box("side", "Rows and columns of its pictures", st.number_input, 8, 512, side, setting="side", of=_whole)
    now = (mine.own.pixels if mine else asked.pixels) or Pixels(order="grey" if channels == 1 else "RGB")
    st.markdown("**Other pixels**")
    box(
        "range", "Range", st.selectbox, list(RANGES), list(RANGES).index(now.range), setting="pixels",
        of=lambda value: replace(now, range=value),
    )  # fmt: skip
    box(
        "mean", "Less the mean", st.text_input, _three(now.mean), setting="pixels",
        of=lambda text: replace(now, mean=_numbers(text)),
    )  # fmt: skip
    box(
        "std", "Divided by the deviation", st.text_input, _three(now.std), setting="pixels",
        of=lambda text: replace(now, std=_numbers(text)),
    )  # fmt: skip
    if channels == 3:
        orders = list(ORDERS[:2])
        box(
            "order", "Order of the colours", st.selectbox, orders, orders.index(now.order), setting="pixels",
            of=lambda value: replace(now, order=value),
        )  # fmt: skip


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)


def _three(values: tuple[float, float, float]) -> str:
    return ", ".join(f"{value:g}" for value in (values[:1] if len({*values}) == 1 else values))


def _numbers(text: str) -> tuple[float, float, float]:
    """Three numbers, one for each colour, or one for all."""
    try:
        values = [float(part) for part in text.replace(",", " ").split()]
        first, second, third = values * 3 if len(values) == 1 else values
    except ValueError:
        raise InputError("Give one number, or three with commas between them: of red, green and blue.") from None
    return first, second, third


# --- kept on the server -------------------------------------------------------------------------------------------


def _keeping(networks: Networks, mine: Mine | None, choose: Choose) -> None:
    """Put a network away, or keep it under a code; and those that are kept."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if mine:
            name = mine.own.spec.name
            if st.button("Put it away", key="own_network_away", icon=":material/delete:"):
                del networks.by_name[name]
                choose("")
                st.rerun()
            if can_write(kept_folder()) and st.button("Keep it on this server", key="own_network_keep",
                                                      icon=":material/save:"):  # fmt: skip
                with sentences():
                    st.success(plain(_keep(mine.asked)) + f" Your code: **{own_code()}**")
        with st.popover("I have a code", icon=":material/key:", key="own_network_code_box"):
            enter_code("own_network", "your networks", "Get my networks back")
    for thing in [thing for thing in things() if thing.kind == "own" and thing.owner == visitor() and not thing.hidden]:
        _kept(networks, thing)


def _keep(asked: Asked) -> str:
    owner = visitor()
    gone = make_room(owner)
    try:
        main = keep(asked, owner)
        remember(own_code(), owner)
    except OSError as error:
        raise DataError(f"The network can't be kept here: {error.strerror}.") from None
    gone += make_room(owner)
    if not main.exists():
        raise DataError(f"“{asked.file}” is larger than what a visitor may keep here, so it isn't kept.")
    said = "Kept, with its settings. In another browser, or when this one is forgotten, your code gives it back."
    return f"{said} {in_words(gone)}"


def _kept(networks: Networks, thing: Thing) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{plain(thing.title)}, {thing.bytes / 1e6:.1f} MB, kept on this server")
        if st.button("Open", key=f"own_network_open_{thing.name}", icon=":material/folder_open:", type="tertiary"):
            with sentences():
                networks.pending = read_kept(thing.main)
                st.rerun()
        if st.button("Delete", key=f"own_network_delete_{thing.name}", icon=":material/delete:", type="tertiary"):
            with sentences():
                thing.delete()
                st.rerun()
