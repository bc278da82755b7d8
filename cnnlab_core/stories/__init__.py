"""A page explained in a few steps, as data: what to say, which view to open, what to guess before the answer."""

from cnnlab_core.stories.story import Guess, Step, Story, has_story, read_story

__all__ = ["Guess", "Step", "Story", "has_story", "read_story"]
