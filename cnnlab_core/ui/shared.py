"""What all pages share: the picture and the model, chosen in the sidebar, kept across pages and in the address.

Both live in one session entry. The address is read first (a link opens what it says), then the entry is written
back to it, and each page's own widgets are set from the entry before they are drawn. (A widget bound to the
address under one key on two pages would lose its value on the first change of page after a deep link.)
"""

import os
import time
from collections.abc import Generator
from dataclasses import dataclass, field

import streamlit as st

from cnnlab_core.errors import ImageError
from cnnlab_core.images import open_apart_steps, png, sample_images
from cnnlab_core.models.spec import WEIGHTS_KINDS, ModelSpec
from cnnlab_core.models.weights import local_weights
from cnnlab_core.models.zoo import DEFAULT_MODEL, FORMER_TITLES, find_spec
from cnnlab_core.runtime.device import describe_device, pick_device
from cnnlab_core.runtime.jobs import Progress, meanwhile
from cnnlab_core.runtime.limits import DECODED_MEGAPIXELS, SESSION_PICTURES, TEACHER_KEY, UPLOAD_MB
from cnnlab_core.ui.address import in_address, refuse
from cnnlab_core.ui.brought import Keeper, icon
from cnnlab_core.ui.classroom import offered_specs
from cnnlab_core.ui.own_network import offer_own_network
from cnnlab_core.ui.picture import Picture
from cnnlab_core.ui.report_card.link import link_card
from cnnlab_core.ui.results import digest
from cnnlab_core.ui.runner import run
from cnnlab_core.ui.show import plain, sentences, show_problem
from cnnlab_core.ui.uploads import bring_files, split, unlike
from cnnlab_core.ui.visitor import visitor


@dataclass(eq=False)
class _Shared(Keeper):
    """The session's own pictures are from ``taken`` uploads; ``unread`` ones (id, name, bytes) aren't decoded yet.

    ``problems`` say which of the last are none.
    """

    picture: str = field(default_factory=lambda: next(iter(sample_images())))
    model: str = DEFAULT_MODEL
    weights: str = WEIGHTS_KINDS[0]
    taken: set[str] = field(default_factory=set)
    unread: list[tuple[str, str, bytes]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def choice(self) -> tuple[str, str, str]:
        """The picture, the model and the weights."""
        return self.picture, self.model, self.weights

    def choose(self, choice: tuple[str, str, str] | None = None) -> None:
        """Choose these; else what a new session begins with."""
        first = next(iter(sample_images())), DEFAULT_MODEL, WEIGHTS_KINDS[0]
        self.picture, self.model, self.weights = choice or first


_CAMERA = "Camera photo"


def choose_picture() -> Picture:
    """The sidebar's picture chooser: the gallery, an upload, the camera. Gives the chosen picture."""
    shared = _shared()
    shared.owner = visitor()
    _let_go(shared)
    _read_address(shared)
    with st.sidebar, st.container(key="part_picture"):
        st.header("Picture")
        with st.popover("Use your own", icon=":material/add_photo_alternate:", width="stretch"):
            _own_pictures()
        _read_files(shared)
        for problem in shared.problems:
            show_problem(problem)
        names = [*shared.own, *sample_images()]
        _select("Picture", "picture", names, lambda name: (shared.own.get(name) or sample_images()[name]).title, shared)
    _write_address(shared)
    return _picture(shared, shared.picture)


def choose_model() -> tuple[ModelSpec, str]:
    """The sidebar's model chooser. Gives the spec and the kind of weights, which may have to be downloaded yet."""
    shared = _shared()
    _read_address(shared)
    names = [spec.name for spec in offered_specs()]
    with st.sidebar, st.container(key="part_network"):
        st.header("Network")
        _select("Network", "model", names, model_label, shared)
        st.session_state["weights_choice"] = shared.weights
        st.segmented_control(
            "Weights",
            WEIGHTS_KINDS,
            key="weights_choice",
            required=True,
            width="stretch",
            on_change=_take,
            args=("weights", "weights_choice"),
        )
        offer_own_network(shared.model, shared_picture(), _take_network)
        st.caption(plain(find_spec(shared.model).about))
        if (spec := find_spec(shared.model)).weights.folder:
            link_card(spec)
        with sentences():
            st.caption(f":material/memory: {plain(describe_device(pick_device()))}")
    _write_address(shared)
    return find_spec(shared.model), shared.weights


def shared_picture() -> Picture:
    """The picture that was chosen last, on whatever page."""
    shared = _shared()
    return _picture(shared, shared.picture)


def all_pictures() -> list[Picture]:
    """The gallery and the session's own pictures."""
    shared = _shared()
    return [_picture(shared, name) for name in (*sample_images(), *shared.own)]


def networks() -> dict[str, tuple[ModelSpec, str]]:
    """Every network with either weights, by its name where another one is chosen to be compared with.

    Streamlit puts an option into the address as it is shown: these names don't change with what is downloaded.
    """
    return {f"{spec.title}, {kind}": (spec, kind) for spec in offered_specs() for kind in WEIGHTS_KINDS}


def model_label(name: str) -> str:
    """A model's title, with the size of the download if its weights aren't on this machine."""
    spec = find_spec(name)
    return spec.title if local_weights(spec) else f"{spec.title} ({spec.weights.megabytes:.0f} MB to download)"


# --- the session's entry --------------------------------------------------------------------------------------


def _shared() -> _Shared:
    if "shared" not in st.session_state:
        context = st.runtime.scriptrunner.get_script_run_ctx()
        st.session_state["shared"] = _Shared(session=context.session_id if context else "")
    return st.session_state["shared"]


def _read_address(shared: _Shared) -> None:
    """Take over what the address says, as far as it makes sense here."""
    _write_todays_titles()
    wanted = in_address("picture", shared.picture)
    if wanted in shared.own or wanted in sample_images():
        shared.picture = wanted
    elif wanted.startswith("own"):
        st.info(
            "This page was opened with a picture of your own, and a reload forgets those. Choose it again under “Use "
            "your own”. (If somebody sent you the link: the picture isn't in it.) Until then, here is a sample.",
            icon=":material/link_off:",
        )
    else:
        refuse("picture_choice", "the picture", wanted, _picture(shared, shared.picture).title, kept=shared.picture)
    offered = {spec.name for spec in offered_specs()}
    model = in_address("model", shared.model)
    if model in offered:
        shared.model = model
    elif model.startswith("own:"):
        if shared.model not in offered:
            shared.model = DEFAULT_MODEL
        st.info(
            "This page was opened with somebody's own network. Such a network is in one tab of its owner's, and a "
            "reload forgets it. If it is yours, bring its file again under “Your network”; those that you keep on this "
            f"server stand there, too. Until then, here is {find_spec(shared.model).title}.",
            icon=":material/link_off:",
        )
    else:
        if shared.model not in offered:  # a network trained here that somebody has deleted since
            shared.model = DEFAULT_MODEL
        refuse("model_choice", "the network", model, find_spec(shared.model).title, kept=shared.model)
    if (weights := in_address("weights", shared.weights)) in WEIGHTS_KINDS:
        shared.weights = weights
    else:
        kinds = " or ".join(WEIGHTS_KINDS)
        refuse("weights_choice", "the weights", weights, shared.weights, kinds, kept=shared.weights)


def _write_todays_titles() -> None:
    """Networks to compare with stand in links by their titles: those that have changed are written anew."""
    changed = {}
    for key in st.query_params:
        texts = values = st.query_params.get_all(key)
        for former, title in FORMER_TITLES.items():
            texts = [text.replace(former, title, 1) if text.startswith(former) else text for text in texts]
        if texts != values:
            changed[key] = texts
    if changed:
        st.query_params.update(changed)
        st.rerun()  # bound controls read what the address was when the run began


def _write_address(shared: _Shared) -> None:
    chosen = {name: getattr(shared, name) for name in ("picture", "model", "weights")}
    if any(st.query_params.get(name) != value for name, value in chosen.items()):
        st.query_params.update(chosen)


def _select(label, name, options, format_func, shared):  # type: ignore[no-untyped-def]
    key = f"{name}_choice"
    st.session_state[key] = getattr(shared, name)
    st.selectbox(
        label,
        options,
        format_func=format_func,
        key=key,
        label_visibility="collapsed",
        on_change=_take,
        args=(name, key),
    )


def _take(name: str, key: str) -> None:
    """A widget was changed: put its value into the entry and the address."""
    value = st.session_state[key]
    if value is not None:
        setattr(_shared(), name, value)
        _shared().problems = []
        st.query_params[name] = value


def _take_network(name: str) -> None:
    """Choose a network with its own weights; "" for the one that a session begins with."""
    shared = _shared()
    shared.model, shared.weights = name or DEFAULT_MODEL, WEIGHTS_KINDS[0]
    _write_address(shared)


# --- pictures -------------------------------------------------------------------------------------------------


def _picture(shared: _Shared, name: str) -> Picture:
    if name in shared.own:
        return shared.own[name]
    sample = sample_images()[name]
    return Picture(name, sample.title, sample.content, digest(name), is_sample=True)


def _own_pictures() -> None:
    """Upload and camera; what comes from either is kept until the session ends, and chosen at once."""
    # No list of types: a file that isn't a picture gets a sentence that says what it is and what to do.
    bring_files("Photos from this computer, one or several", key="upload", on_change=_take_files, args=("upload",))
    if st.toggle("Use the camera", key="camera_on"):
        st.camera_input("Camera", key="camera", on_change=_take_files, args=("camera",), label_visibility="collapsed")
    st.caption(
        "Your homework needs a bell pepper or a corgi? Take a photo, or bring a picture that you may use. Of several, "
        f"the first is shown and the others stand in the list below, up to {SESSION_PICTURES.now()} in all. Those of "
        f"more than {DECODED_MEGAPIXELS.now()} megapixels are made smaller. Pictures stay on the lab's server, in "
        "memory, for as long as this tab is open."
        + " A teacher sees them there, and can delete them."
        * bool(os.environ.get(TEACHER_KEY))
    )


def _take_files(source: str) -> None:
    """Keep the new ones of the files, and choose the first; those that are no pictures get a sentence each."""
    shared = _shared()
    given = st.session_state.get(source) or []
    files = [file for file in (given if isinstance(given, list) else [given]) if file.file_id not in shared.taken]
    if not files:
        return
    shared.taken |= {file.file_id for file in files}
    good, shared.problems = split(files)
    shared.unread = [(one.file_id, _CAMERA if source == "camera" else one.name, one.getvalue()) for one in good]


def _read_files(shared: _Shared) -> None:
    """Decode what was brought, show the first that is a picture, and keep all that are; the others get a sentence."""
    if not shared.unread:
        return
    keys = [digest(content) for *_, content in shared.unread]
    outcome = run(
        "read pictures",
        digest(*keys),
        lambda: _decode(shared.unread),
        label="Reading your pictures",
        computes=False,
        keep=False,
        held=False,
    )
    if outcome.state == "stopped":
        shared.problems.append("Stopped: these pictures weren't read.")
    new = []
    for (file, called, _), key, found in zip(shared.unread, keys, outcome.result or (), strict=False):
        if isinstance(found, str):
            shared.problems.append(f"{called}: {found}")
            continue
        name = "own-camera" if called == _CAMERA else f"own-{key[:12]}"
        shared.own.pop(name, None)  # so that it counts as the newest
        title = unlike(called, [one.title for one in shared.own.values()])
        content, small = found
        shared.own[name] = Picture(name, title, content, key, is_sample=False, file=file, icon=small, at=time.time())
        new.append(name)
    shared.unread = []
    _forget_oldest(shared)
    if kept := [name for name in new if name in shared.own]:
        shared.picture = kept[0]


def _decode(files: list[tuple[str, str, bytes]]) -> Generator[Progress[None], None, list[tuple[bytes, bytes] | str]]:
    """Each file as a PNG of the lab's own, with its icon, or a sentence that says why not."""
    found: list[tuple[bytes, bytes] | str] = []
    for index, (*_, content) in enumerate(files):
        waiting = Progress[None](index, len(files))
        try:
            picture = yield from meanwhile(open_apart_steps(content), waiting)
            found.append((png(picture), icon(picture)))
        except ImageError as error:
            found.append(str(error))
    return found


def _let_go(shared: _Shared) -> None:
    """Of what a teacher has deleted."""
    while shared.unwanted:
        name, title = shared.unwanted.popitem()
        if picture := shared.own.pop(name, None):
            picture.forget_image()
        if shared.picture == name:
            shared.picture = next(iter(sample_images()))
        if st.query_params.get("picture") == name:
            st.query_params["picture"] = shared.picture
        shared.problems.append(f"A teacher has deleted your picture “{title}” from this server.")


def _forget_oldest(shared: _Shared) -> None:
    forgotten, room = [], 4 * UPLOAD_MB.now() * 2**20
    while len(shared.own) > SESSION_PICTURES.now() or sum(len(one.content) for one in shared.own.values()) > room:
        forgotten.append(shared.own.pop(next(iter(shared.own))).title)
    if forgotten:
        shared.problems.append(
            f"Only the last {len(shared.own)} of your pictures are kept; forgotten: {', '.join(forgotten)}. Drop again "
            "what you need."
        )
