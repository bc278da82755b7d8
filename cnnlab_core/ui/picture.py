"""A picture of the lab: one of the samples, or one that a visitor has brought."""

from dataclasses import dataclass, field

import streamlit as st
from PIL import Image

from cnnlab_core.images import open_image


@dataclass(frozen=True)
class Picture:
    """A picture: ``name`` is its key in links, ``key`` the digest of its file's bytes.

    ``content`` is the file, of a sample; else the picture as a PNG that the lab has made of it: what others made is
    decoded once, apart. Of these a teacher sees the ``icon``, and when the ``file``, as Streamlit calls it, came.
    """

    name: str
    title: str
    content: bytes = field(repr=False)
    key: str
    is_sample: bool
    file: str = ""
    icon: bytes = field(default=b"", repr=False)
    at: float = 0.0

    @property
    def image(self) -> Image.Image:
        """The decoded picture. Raises ``ImageError`` in a sentence."""
        return _decoded(self.key, self.content)

    def forget_image(self) -> None:
        """Keep its decoded image no longer."""
        _decoded.clear(self.key, self.content)


@st.cache_resource(max_entries=6, show_spinner=False)
def _decoded(key: str, _content: bytes) -> Image.Image:
    return open_image(_content)
