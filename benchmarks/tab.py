"""A browser tab without the browser: one session of the lab over Streamlit's own protocol.

It does what Streamlit's front end does: keeps the page as the deltas say, sends the widgets that were changed, follows
reruns that the page asks for, answers with its cache of large messages, repeats timed fragments, uploads files and
fetches every picture that is on the page. Thirty of these cost a fraction of what thirty browsers would, so that the
server is what is measured.
"""

import asyncio
import json
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Delta_pb2 import Delta
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.NumberInput_pb2 import NumberInput
from streamlit.proto.Slider_pb2 import Slider
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.state.session_state import STREAMLIT_INTERNAL_KEY_PREFIX as PREFIX
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

_ID = re.compile(r"\$\$ID-[0-9a-f]+-(.*)", re.DOTALL)
_KEPT_RUNS = 2
"""For how many reruns the front end keeps a large message that wasn't shown again."""


@dataclass
class _Piece:
    """What lies at a place of the page, and the run and the fragment that put it there."""

    delta: Delta
    run: str


@dataclass
class _Cached:
    message: ForwardMsg
    age: int = 0


class Lost(Exception):
    """The tab can't go on: the connection broke, or there was no answer."""


class Tab:
    """One session. ``complaints`` collects everything that must not happen; ``refusals`` the sentences in red."""

    def __init__(self, address: str, *, patience: float = 180) -> None:
        self.address, self.patience = address, patience
        self.query = ""
        self.session = ""
        self.complaints: list[str] = []
        self.refusals: list[str] = []
        self.rounds: list[float] = []  # seconds that each timed fragment took
        self._page = ""
        self._pages: dict[str, str] = {}
        self._pieces: dict[tuple[int, ...], _Piece] = {}
        self._states: dict[str, WidgetState] = {}
        self._cache: dict[str, _Cached] = {}
        self._run, self._run_fragments = "", frozenset[str]()
        self._answer: _Answer | None = None
        self._timers: dict[str, asyncio.Task[None]] = {}
        self._rounds_begun: dict[str, float] = {}
        self._asked_files: dict[str, asyncio.Future[Any]] = {}
        self._have: set[str] = set()
        self._http = _Http(address)

    # --- coming and going -----------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        parts = urlsplit(self.address)
        await self._http.ask("GET", "/_stcore/health")  # brings the cookie that uploads need
        self._socket: ClientConnection = await connect(
            f"ws://{parts.netloc}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            additional_headers={"Cookie": self._http.cookie},
            origin=self.address,  # type: ignore[arg-type]
            max_size=None,
            compression=None,  # the server offers none
            open_timeout=60,
            ping_interval=None,
        )
        self._reader = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, traceback: TracebackType | None) -> None:
        await self.leave()

    async def leave(self) -> None:
        """Close the tab, whatever it is doing."""
        for timer in self._timers.values():
            timer.cancel()
        self._reader.cancel()
        await self._socket.close()
        self._http.close()

    # --- what a person does; each gives the seconds until the answer was painted ------------------------------------

    async def open(self, page: str, **query: str) -> float:
        """Go to a page: by its address at first, by its link afterwards."""
        self.query = urlencode(query)
        message = BackMsg()
        if page.strip("/") in self._pages:
            message.rerun_script.page_script_hash = self._pages[page.strip("/")]
        else:
            message.rerun_script.page_name = page.strip("/")
        return await self._ask(message)

    async def move(self, key: str, value: object) -> float:
        """Set a slider, a number, a box, a toggle, a row of buttons or a row of tabs."""
        kind, proto, fragment = self.find(key)
        state = _state(kind, proto, value)
        self._states[state.id] = state
        if proto.query_param_key:
            values = [(name, told) for name, told in parse_qsl(self.query) if name != proto.query_param_key]
            self.query = urlencode([*values, (proto.query_param_key, f"{value}")])
        return await self._ask(self._rerun(fragment))

    async def press(self, key: str) -> float:
        """Press a button."""
        _, proto, fragment = self.find(key)
        message = self._rerun(fragment)
        message.rerun_script.widget_states.widgets.add(id=proto.id, trigger_value=True)
        return await self._ask(message)

    async def trigger(self, key: str, event: str, value: object) -> float:
        """Let a component of ours say something, once."""
        _, proto, fragment = self.find(key)
        message = self._rerun(fragment)
        says = json.dumps([{"event": event, "value": value}])
        message.rerun_script.widget_states.widgets.add(id=f"{PREFIX}_{proto.id}__events", json_trigger_value=says)
        return await self._ask(message)

    def begin(self, key: str) -> "asyncio.Task[float]":
        """Press a button and look elsewhere: the answer is awaited in a task."""
        return asyncio.create_task(self.press(key))

    async def upload(self, key: str, name: str, content: bytes) -> float:
        """Drop a file."""
        _, proto, fragment = self.find(key)
        begun = time.perf_counter()
        asked = BackMsg()
        request = asked.file_urls_request
        request.request_id, request.session_id = uuid.uuid4().hex, self.session
        request.file_names.append(name)
        answer = self._asked_files[request.request_id] = asyncio.get_running_loop().create_future()
        await self._send(asked)
        urls = (await asyncio.wait_for(answer, self.patience)).file_urls[0]
        await self._http.put_file(urls.upload_url, name, content)
        state = WidgetState(id=proto.id)
        state.file_uploader_state_value.uploaded_file_info.add(
            file_id=urls.file_id, name=name, size=len(content), file_urls=urls
        )
        self._states[proto.id] = state
        ready = time.perf_counter() - begun
        return ready + await self._ask(self._rerun(fragment))

    # --- what a person sees -----------------------------------------------------------------------------------------

    def find(self, key: str) -> tuple[str, Any, str]:
        """The widget with a key: what kind it is, its message, and the fragment it belongs to."""
        for kind, proto, fragment in self.widgets():
            match = _ID.fullmatch(proto.id)
            if match and match[1] == key:
                return kind, proto, fragment
        raise Lost(f"There is no “{key}” here, only {sorted(self.controls())}")

    def controls(self) -> set[str]:
        """The keys of everything that can be set or pressed now."""
        return {match[1] for _, proto, _ in self.widgets() if (match := _ID.fullmatch(proto.id))}

    def widgets(self) -> Iterator[tuple[str, Any, str]]:
        """Everything that has an identity: its kind, its message, its fragment."""
        for piece in self._pieces.values():
            delta = piece.delta
            part: Any = delta.new_element if delta.WhichOneof("type") == "new_element" else delta.add_block
            kind = part.WhichOneof("type")
            proto = getattr(part, kind) if kind else None
            if kind and getattr(proto, "id", ""):
                yield kind, proto, delta.fragment_id

    def text(self) -> str:
        """The words on the page, in order."""
        found = []
        for _, piece in sorted(self._pieces.items()):
            if piece.delta.WhichOneof("type") == "new_element":
                kind = piece.delta.new_element.WhichOneof("type")
                proto = getattr(piece.delta.new_element, kind) if kind else None
                found.append(getattr(proto, "body", "") or getattr(proto, "label", ""))
        return "\n".join(part for part in found if isinstance(part, str) and part)

    # --- the conversation -------------------------------------------------------------------------------------------

    def _rerun(self, fragment: str = "") -> BackMsg:
        message = BackMsg()
        message.rerun_script.fragment_id = fragment
        message.rerun_script.page_script_hash = self._page
        message.rerun_script.widget_states.widgets.extend(self._states.values())
        return message

    async def _ask(self, message: BackMsg) -> float:
        """Send a rerun; the seconds until its script has finished and its pictures are here."""
        answer = self._answer = _Answer(message.rerun_script.fragment_id)
        begun = time.perf_counter()
        await self._send(message)
        try:
            await asyncio.wait_for(answer.done, self.patience)
        except TimeoutError as error:
            raise Lost(f"no answer in {self.patience:.0f} s") from error
        await self._fetch_pictures()
        return time.perf_counter() - begun

    async def _send(self, message: BackMsg) -> None:
        if message.WhichOneof("type") == "rerun_script":
            message.rerun_script.query_string = self.query
            message.rerun_script.cached_message_hashes.extend(self._cache)
        try:
            await self._socket.send(message.SerializeToString())
        except ConnectionClosed as error:
            raise Lost(f"the connection broke: {error}") from error

    async def _listen(self) -> None:
        try:
            async for data in self._socket:
                message = ForwardMsg()
                message.ParseFromString(data)
                self._take(message)
        except ConnectionClosed as error:
            self._lost(f"the connection broke: {error}")
        else:
            self._lost("the server closed the connection")

    def _lost(self, why: str) -> None:
        self.complaints.append(why)
        for waiting in (self._answer and self._answer.done, *self._asked_files.values()):
            if waiting and not waiting.done():
                waiting.set_exception(Lost(why))

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            if message.ref_hash not in self._cache:
                self.complaints.append("the server refers to a message that was never sent")
                return
            cached = self._cache[message.ref_hash]
            cached.age = 0
            metadata = message.metadata
            message = ForwardMsg()
            message.CopyFrom(cached.message)
            message.metadata.CopyFrom(metadata)
            kind = message.WhichOneof("type")
        elif message.metadata.cacheable:
            self._cache[message.hash] = _Cached(message)
        if kind == "new_session":
            self._begin_run(message)
        elif kind == "delta":
            self._put(tuple(message.metadata.delta_path), message.delta)
        elif kind == "script_finished":
            self._end_run(message)
        elif kind == "navigation":
            pages = {page.page_script_hash: page.page_name.replace(" ", "_") for page in message.navigation.app_pages}
            self._pages = {name: hash for hash, name in pages.items()}
            self._page = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            self._repeat(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            for fragment in message.stop_auto_rerun.fragment_ids:
                self._stop_repeating(fragment)
        elif kind == "file_urls_response":
            self._asked_files.pop(message.file_urls_response.response_id).set_result(message.file_urls_response)
        elif kind == "session_event" and message.session_event.WhichOneof("type") == "script_compilation_exception":
            self.complaints.append("the page can't be compiled")

    def _begin_run(self, message: ForwardMsg) -> None:
        self._run = message.metadata.run.script_run_id
        self._run_fragments = frozenset(message.metadata.run.fragment_ids)
        new = message.new_session
        self.session = new.initialize.session_id or self.session
        if not self._run_fragments:
            for fragment in list(self._timers):
                self._stop_repeating(fragment)
        if self._answer and (not self._run_fragments or self._answer.fragment in self._run_fragments):
            self._answer.run = self._run

    def _put(self, path: tuple[int, ...], delta: Delta) -> None:
        kind = delta.WhichOneof("type")
        if kind == "new_transient":  # a spinner: lies over the page
            return
        if kind == "new_element":
            for place in [place for place in self._pieces if place[: len(path)] == path]:
                del self._pieces[place]
            element = delta.new_element.WhichOneof("type")
            if element == "exception":
                self.complaints.append(f"an error on the page: {delta.new_element.exception.message}")
            elif element == "alert" and delta.new_element.alert.format == delta.new_element.alert.ERROR:
                self.refusals.append(delta.new_element.alert.body)
            proto = getattr(delta.new_element, element) if element else None
            if getattr(proto, "set_value", False):  # the page itself moved its widget
                self._states.pop(proto.id, None)  # type: ignore[union-attr]
        self._pieces[path] = _Piece(delta, self._run)

    def _end_run(self, message: ForwardMsg) -> None:
        status, run = message.script_finished, message.metadata.run.script_run_id
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        if status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self.complaints.append("the page can't be compiled")
        if run == self._run:
            self._clear_away()
        for fragment in self._run_fragments & self._rounds_begun.keys():
            self.rounds.append(time.perf_counter() - self._rounds_begun.pop(fragment))
        if self._answer and run == self._answer.run and not self._answer.done.done():
            self._answer.done.set_result(None)

    def _clear_away(self) -> None:
        """What this run should have drawn and didn't is gone; so are its widgets and messages grown old."""
        fragments = self._run_fragments
        for place, piece in list(self._pieces.items()):
            if piece.run != self._run and (not fragments or piece.delta.fragment_id in fragments):
                del self._pieces[place]
        if not fragments:
            alive = {proto.id for _, proto, _ in self.widgets()}
            self._states = {name: state for name, state in self._states.items() if name in alive}
            for cached in self._cache.values():
                cached.age += 1
            self._cache = {name: cached for name, cached in self._cache.items() if cached.age <= _KEPT_RUNS}

    def _repeat(self, fragment: str, interval: float) -> None:
        async def again() -> None:
            while True:
                await asyncio.sleep(interval)
                message = self._rerun(fragment)
                message.rerun_script.is_auto_rerun = True
                self._rounds_begun[fragment] = time.perf_counter()
                with suppress(Lost):  # told by the listener
                    await self._send(message)

        self._stop_repeating(fragment)
        self._timers[fragment] = asyncio.create_task(again())

    def _stop_repeating(self, fragment: str) -> None:
        self._rounds_begun.pop(fragment, None)
        if timer := self._timers.pop(fragment, None):
            timer.cancel()

    async def _fetch_pictures(self) -> None:
        for piece in list(self._pieces.values()):
            if piece.delta.new_element.WhichOneof("type") != "imgs":
                continue
            for picture in piece.delta.new_element.imgs.imgs:
                if picture.url.startswith("/media/") and picture.url not in self._have:
                    self._have.add(picture.url)
                    if problem := await self._http.ask("GET", picture.url):
                        self.complaints.append(f"a picture is missing: {problem}")


class _Answer:
    """What a person waits for: the run that was asked for, once it has begun, and its end."""

    def __init__(self, fragment: str) -> None:
        self.fragment, self.run = fragment, ""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class _Http:
    """The tab's other requests: pictures and uploads, over one connection kept open."""

    def __init__(self, address: str) -> None:
        self.cookie = ""
        self._connection = HTTPConnection(urlsplit(address).netloc, timeout=120)
        self._lock = asyncio.Lock()

    async def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> str:
        """The problem in a few words, empty if there was none."""
        async with self._lock:
            return await asyncio.to_thread(self._ask, method, path, body, headers or {})

    async def put_file(self, path: str, name: str, content: bytes) -> None:
        """Send a file as the browser does. Raises ``Lost`` if it is refused."""
        mark = uuid.uuid4().hex
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        token = self.cookie.partition("=")[2]
        headers = {"Content-Type": f"multipart/form-data; boundary={mark}", "X-Xsrftoken": token}
        if problem := await self.ask("PUT", path, head + content + f"\r\n--{mark}--\r\n".encode(), headers):
            raise Lost(f"the upload was refused: {problem}")

    def close(self) -> None:
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> str:
        headers = headers | ({"Cookie": self.cookie} if self.cookie else {})
        try:
            self._connection.request(method, path, body or None, headers)
            response = self._connection.getresponse()
        except ConnectionError:  # the server closes a connection that was idle for some seconds
            self._connection.close()
            self._connection.request(method, path, body or None, headers)
            response = self._connection.getresponse()
        response.read()
        if cookie := response.getheader("Set-Cookie"):
            self.cookie = cookie.split(";")[0]
        return "" if response.status < 300 else f"{method} {path}: {response.status}"


def _state(kind: str, proto: Any, value: object) -> WidgetState:
    """A widget's value as its front end would send it."""
    state = WidgetState(id=proto.id)
    if kind == "slider" and proto.type == Slider.Type.SLIDER:
        state.double_array_value.data.append(float(value))  # type: ignore[arg-type]
    elif kind == "slider":
        state.string_array_value.data.append(str(value))
    elif kind == "number_input" and proto.data_type == NumberInput.DataType.INT:
        state.int_value = int(value)  # type: ignore[call-overload]
    elif kind == "number_input":
        state.double_value = float(value)  # type: ignore[arg-type]
    elif kind == "button_group":
        state.string_array_value.data.append(str(value))
    elif kind == "checkbox":
        state.bool_value = bool(value)
    else:
        state.string_value = str(value)
    return state
