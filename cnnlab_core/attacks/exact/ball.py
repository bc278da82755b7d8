"""Norm balls cut by a box, exactly and in float64: the farthest point in a direction, and the nearest to any point.

With the direction's size v and the room that the box leaves, coordinate by coordinate, every answer moves coordinate i
by r_i <= room_i. What is asked (a length, a sum) grows piecewise linearly with one number, so that number is found by
interpolating between the places where a coordinate comes to its end: no iteration, no tolerance.

Sources: Boyd and Vandenberghe, "Convex Optimization" (2004), appendix A.1.6 (dual norms) and section 8.1.1
(projection); Duchi et al., "Efficient projections onto the l1-ball" (ICML 2008) for l1.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cnnlab_core.checks import MAX_VALUE, Array, choice, numbers
from cnnlab_core.errors import InputError

NORMS = ("linf", "l2", "l1")
EDGE = 1e-9  # relative to eps: what is closer to the edge than this lies on it
_ORDERS: dict[str, float] = {"linf": np.inf, "l2": 2, "l1": 1}


def length(vector: npt.ArrayLike, norm: str) -> float:
    """The linf, l2 or l1 norm of a vector."""
    return float(np.linalg.norm(np.asarray(vector, dtype=np.float64), _ORDERS[choice("norm", norm, NORMS)]))


def steepest(direction: npt.ArrayLike, norm: str) -> Array:
    """The step of length 1 in ``norm`` that goes farthest along ``direction`` (n,); all 0 where that is 0.

    linf: its sign. l2: itself, divided by its length. l1: one step along its largest coordinate (of several the first).
    """
    d = numbers("direction", direction, [1])
    largest = np.abs(d).max()
    if largest == 0:
        return np.zeros_like(d)
    if norm == "linf":
        return np.sign(d)
    if norm == "l2":
        return d / largest / length(d / largest, "l2")
    step = np.zeros_like(d)
    place = np.abs(d).argmax()
    step[place] = np.sign(d[place])
    return step


@dataclass(frozen=True, eq=False)
class Ball:
    """A threat model: all points within ``eps`` of ``centre`` (n,) in ``norm``, and inside ``box`` (lowest, highest).

    ``eps`` is 0 or more; the box holds for every coordinate, and the centre lies in it. Without a box: None.

    Raises:
        InputError: numbers that can't be, an unknown norm, a centre outside the box.
    """

    centre: Array
    eps: float
    norm: str = "linf"
    box: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "centre", numbers("x", self.centre, [1]))
        put(self, "eps", numbers("epsilon", self.eps, [0]).item())
        choice("norm", self.norm, NORMS)
        if self.eps < 0:
            raise InputError(f"epsilon is {self.eps:g}, but a distance can't be negative: make it 0 or more.")
        if self.box is not None:
            low, high = numbers("box", self.box, [1]).tolist()
            put(self, "box", (low, high))
            if low > high:
                raise InputError(f"The box goes from {low:g} to {high:g}: make the first number the smaller one.")
            outside = np.flatnonzero((self.centre < low) | (self.centre > high))
            if outside.size:
                raise InputError(
                    f"x[{outside[0]}] is {self.centre[outside[0]]:g}, outside the box from {low:g} to {high:g}: "
                    "move x into the box, or make the box larger."
                )

    def distance(self, at: npt.ArrayLike) -> float:
        """How far a point (n,) is from the centre, in this ball's norm."""
        return length(np.asarray(at) - self.centre, self.norm)

    def place(self, at: npt.ArrayLike) -> str:
        """``"inside"``, ``"on the edge"`` or ``"outside"``, of the ball and of the box."""
        beyond = [self.distance(at) - self.eps]
        if self.box is not None:
            point = np.asarray(at, dtype=np.float64)
            beyond += [float((self.box[0] - point).max()), float((point - self.box[1]).max())]
        worst, slack = max(beyond), EDGE * max(self.eps, 1e-3)
        return "outside" if worst > slack else "on the edge" if worst >= -slack else "inside"

    def contains(self, at: npt.ArrayLike) -> bool:
        """Whether a point (n,) is allowed; the edge is."""
        return self.place(at) != "outside"

    def farthest(self, direction: npt.ArrayLike) -> Array:
        """The point of the ball that goes farthest along ``direction`` (n,): where direction @ point is largest.

        Of several (a coordinate of the direction is 0, or l1 with equal ones) the one that moves the fewest
        coordinates, of equals the first.
        """
        d = numbers("direction", direction, [1])
        size, room = np.abs(d), self.room(d)
        if self.norm == "linf":
            moved = np.where(size > 0, room, 0.0)
        elif self.norm == "l2":
            moved = _grown(size, room, self.eps)
        else:
            moved = np.empty_like(room)
            order = np.argsort(-size, kind="stable")
            best = np.where(size > 0, room, 0.0)[order]
            moved[order] = np.clip(self.eps - (np.cumsum(best) - best), 0, best)
        return self._moved(d, moved)

    def project(self, at: npt.ArrayLike) -> Array:
        """The point of the ball nearest (in the ordinary, Euclidean sense) to a point (n,).

        linf: every coordinate is clipped on its own. l2: the way from the centre is shortened until it fits, the
        coordinates that meet the box staying there. l1: every coordinate loses the same amount, down to 0.
        """
        way = numbers("point", at, [1]) - self.centre
        size, room = np.abs(way), self.room(way)
        moved = np.minimum(size, room)
        if length(moved, self.norm) > self.eps:  # never with linf, whose room is at most eps
            moved = _grown(size, room, self.eps) if self.norm == "l2" else _shrunk(size, room, self.eps)
        return self._moved(way, moved)

    def outline(self, points: int = 240) -> Array:
        """The edge of a ball in the plane as a closed line (k, 2); its corners, and those of the box, are among it.

        ``points`` is a multiple of 8. Clipped to the box, the edge of a ball around a point of it is that of both.
        """
        angles = 2 * np.pi * np.arange(points + 1) / points
        if self.box is not None and self.centre.size == 2:
            corners = np.array([(across, up) for across in self.box for up in self.box]) - self.centre
            angles = np.sort(np.append(angles, np.arctan2(corners[:, 1], corners[:, 0]) % (2 * np.pi)))
        return self._edge(angles)

    def corners(self) -> Array:
        """The corners (up to 4, 2) of a ball in the plane, counter-clockwise; l2 has none.

        Those of a square are clipped to the box, those of a diamond are left out where they are beyond it.
        """
        if self.norm == "linf":
            return self._edge(np.pi * np.array([0.25, 0.75, 1.25, 1.75]))
        points = self._edge(np.pi * np.arange(4) / 2) if self.norm == "l1" else np.empty((0, 2))
        whole = np.abs(points - self.centre).sum(axis=1) >= self.eps * (1 - EDGE)
        return points[whole]

    def random_point(self, generator: np.random.Generator) -> Array:
        """A point drawn uniformly from the ball, then clipped to the box."""
        n = self.centre.size
        if self.norm == "linf":
            way = generator.uniform(-1, 1, n)
        elif self.norm == "l2":
            way = generator.standard_normal(n)
            way *= generator.uniform() ** (1 / n) / np.linalg.norm(way)
        else:  # spacings of a Poisson process are uniform on the simplex
            spacings = generator.standard_exponential(n + 1)
            way = generator.choice((-1, 1), n) * spacings[:n] / spacings.sum()
        return self._moved(way, np.minimum(self.eps * np.abs(way), self.room(way)))

    def room(self, direction: Array) -> Array:
        """How far each coordinate can go the way it is headed: at most ``eps``, and to the edge of the box."""
        return np.minimum(self.eps, room_in_box(self.centre, direction, self.box))

    def _edge(self, angles: Array) -> Array:
        """The edge (k, 2) as seen from the centre at these angles, clipped to the box."""
        if self.centre.size != 2:
            raise InputError(f"Only a ball in the plane has an outline, but x has {self.centre.size} numbers: give 2.")
        rays = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        edge = self.centre + self.eps * rays / np.linalg.norm(rays, _ORDERS[self.norm], axis=-1, keepdims=True)
        return edge if self.box is None else edge.clip(*self.box)

    def _moved(self, direction: Array, moved: Array) -> Array:
        point = self.centre + np.sign(direction) * moved
        return point if self.box is None else point.clip(*self.box)  # centre + (high - centre) may miss high


def room_in_box(x: Array, direction: Array, box: tuple[float, float] | None) -> Array:
    """How far each coordinate of ``x`` is from the side of the box it is headed for; as good as infinite without."""
    if box is None:
        return np.full(x.shape, MAX_VALUE)
    return np.where(direction > 0, box[1] - x, x - box[0])


def when_enough(worth: Array, speed: Array, room: Array, needed: float) -> float:
    """The least t with sum(worth * min(t * speed, room)) = ``needed``; if there is none, when all have come to an end.

    All are 0 or more; what is 1e100 times slower than the fastest counts as standing still. The sum is piecewise
    linear in t, so between its kinks it is interpolated.
    """
    moving = speed > 1e-100 * speed.max()
    worth, speed, room = worth[moving], speed[moving], room[moving]
    kinks = np.concatenate([[0.0], np.sort(room / speed)])
    sums = np.minimum(kinks[:, None] * speed, room) @ worth
    return float(np.interp(needed, sums, kinks))


def _grown(speed: Array, room: Array, eps: float) -> Array:
    """min(t * speed, room) with the t that makes it ``eps`` long (l2), or the whole room if that is shorter."""
    if eps == 0 or not speed.any():
        return np.zeros_like(room)
    relative, share = speed / speed.max(), room / eps
    t = np.sqrt(when_enough(np.ones_like(room), relative**2, share**2, 1.0))  # lengths add up as squares
    return np.minimum(eps * t * relative, room)


def _shrunk(size: Array, room: Array, eps: float) -> Array:
    """min(max(size - t, 0), room) with the t that makes the sum ``eps``; it is larger with t = 0."""
    kinks = np.sort(np.concatenate([[0.0], size, np.maximum(size - room, 0)]))
    sums = np.minimum(np.maximum(size - kinks[:, None], 0), room).sum(axis=1)
    t = np.interp(-eps, -sums, kinks)
    return np.minimum(np.maximum(size - t, 0), room)
