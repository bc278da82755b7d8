"""What the lab's functions accept, and the sentences for what they don't.

Every number from outside passes through :func:`whole`, :func:`per_axis` or :func:`numbers`, so that the arithmetic
elsewhere never meets a NaN, a ragged list or a stride of zero.
"""

import inspect
import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import cache, wraps
from math import isfinite, prod
from types import NoneType, UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    ParamSpec,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

import numpy as np
import numpy.typing as npt

from cnnlab_core.errors import InputError

if TYPE_CHECKING:
    import torch

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MAX_CELLS = 2**24  # of any one array: a 4096 x 4096 picture, 128 MB of float64
MAX_SETTING = 10**6  # of a stride, padding, dilation or window
MAX_VALUE = 1e100  # so that no product or sum of cells can overflow to infinity


def by_annotation(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """The function, refusing in a sentence the arguments that its annotations don't allow.

    Numbers become int or float, sequences tuples, and arrays go through :func:`numbers`; NaN and infinity are no
    numbers. What has a default may be that too. Ranges, shapes and the like are the function's own business.
    """
    signature = inspect.signature(function)
    defaults = {name: parameter.default for name, parameter in signature.parameters.items()}
    gathered = [name for name, parameter in signature.parameters.items() if parameter.kind is parameter.VAR_KEYWORD]

    @wraps(function)
    def checked(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
        bound, hints = signature.bind(*args, **options), _hints(function)
        for name, value in bound.arguments.items():
            if name in hints and name not in gathered and value is not defaults[name]:
                bound.arguments[name] = fitting(name, value, hints[name])
        return function(*bound.args, **bound.kwargs)

    return checked


def fit_fields(record: Any) -> None:
    """The same for the fields of a frozen dataclass, to be called when it has been made."""
    for name, hint in _hints(type(record)).items():  # type: ignore[arg-type]
        object.__setattr__(record, name, fitting(name, getattr(record, name), hint))


def fitting(name: str, value: Any, hint: Any) -> Any:
    """``value`` as the annotation ``hint`` has it, or an :class:`InputError` that says what ``name`` can be."""
    options = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if getattr(value, "is_meta", False):
        raise InputError(f"{name} is a tensor on the meta device, which has a shape but no numbers: give it some.")
    if len(options) == 1 and np.ndarray in (hint, get_origin(hint)):
        return numbers(name, value)
    if get_origin(hint) is Iterable and isinstance(value, Iterator):  # not all at once
        return (fitting(f"An entry of {name}", entry, get_args(hint)[0]) for entry in value)
    for option in options:
        try:
            return _as(option, value)
        except (TypeError, ValueError, OverflowError, RuntimeError, InputError):
            continue
    allowed = " or ".join(dict.fromkeys(_in_words(option) for option in options if option is not NoneType))
    raise InputError(f"{name} is {shown(value)}: make it {allowed}.")


@overload
def seeded(generator: "torch.Generator | int") -> "torch.Generator": ...


@overload
def seeded(generator: "torch.Generator | int | None") -> "torch.Generator | None": ...


def seeded(generator: "torch.Generator | int | None") -> "torch.Generator | None":
    """The generator itself, or one with this whole number as its seed."""
    import torch

    if generator is None or isinstance(generator, torch.Generator):
        return generator
    return torch.Generator().manual_seed(whole("generator", generator, most=2**63 - 1))


def whole(name: str, value: object, least: int = 0, most: int = MAX_SETTING) -> int:
    """``value`` as an int from ``least`` to ``most``, or an :class:`InputError` that names the number to change."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise InputError(f"{name} is {shown(value)}: make it a whole number, such as {max(least, 1)}.") from None
    if number < least:
        raise InputError(f"{name} is {shown(number)}: make it at least {least}.")
    if number > most:
        raise InputError(f"{name} is {shown(number)}: make it at most {most}.")
    return number


def per_axis(name: str, value: object, dims: int, least: int = 0) -> tuple[int, ...]:
    """One whole number for each of ``dims`` axes; a single number counts for all of them."""
    entries = entries_of(value)
    if entries is None:
        return (whole(name, value, least),) * dims
    if len(entries) != dims:
        raise InputError(f"{name} has {len(entries)} numbers: give one, or {dims}, one for each axis.")
    return tuple(whole(name, entry, least) for entry in entries)


def read_shape(name: str, value: object, lengths: Collection[int]) -> tuple[int, ...]:
    """A shape of as many numbers as ``lengths`` allows, each at least 1; a lone number is a shape of one."""
    entries = listed(value)
    if len(entries) not in lengths:
        raise InputError(f"The {name} has {len(entries)} numbers: give it {_alternatives(lengths)}.")
    shape = tuple(whole(f"The {name}", entry, least=1) for entry in entries)
    limit_cells(f"An array of this {name}", shape)
    return shape


def choice(name: str, value: object, known: Collection[str]) -> str:
    """``value`` if it is one of the names in ``known``."""
    if not isinstance(value, str) or value not in known:
        raise InputError(f"{name} is {shown(value)}: choose one of {', '.join(known)}.")
    return value


def switch(name: str, value: object) -> bool:
    """``value`` if it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{name} is {shown(value)}: make it True or False.")
    return bool(value)


def numbers(name: str, value: Any, ndims: Collection[int] | None = None) -> Array:
    """``value`` as a float64 array of finite cells with a number of dimensions in ``ndims`` (None: any).

    Raises:
        InputError: ragged rows, text, NaN or infinity in a cell (named by its index), no cells or too many of them.
    """
    try:
        if hasattr(value, "detach"):  # a tensor: of any dtype, on any device, with a gradient or without
            value = value.detach().cpu()
            value = value.double() if value.is_floating_point() else value
        raw = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):
        raise InputError(
            f"{name} can't be read as a grid of numbers: give every row the same number of cells."
        ) from None
    if raw.dtype.kind not in "biuf":
        cells = list(np.ndenumerate(raw)) or [((), value)]
        index, cell = next((pair for pair in cells if not _is_number(pair[1])), cells[0])
        raise InputError(f"{name}{_place(index)} is {shown(cell)}, which isn't a number: put a number there.")
    if ndims is not None and raw.ndim not in ndims:
        raise InputError(
            f"{name} is {raw.ndim}-dimensional, shape {raw.shape}: give it {_alternatives(ndims)} dimensions."
        )
    if raw.size == 0:
        raise InputError(f"{name} has no cells, shape {raw.shape}: give it at least one number along every axis.")
    limit_cells(name, raw.shape)
    with np.errstate(all="ignore"):
        array = raw.astype(np.float64)
        bad = ~(np.abs(array) <= MAX_VALUE)  # true of NaN as well
    if bad.any():
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"{name}{_place(index)} is {shown(float(array[index]))}: put a number between -1e100 and 1e100 there."
        )
    return array


def table(name: str, value: Any, columns: int | None = None) -> npt.NDArray[np.floating]:
    """``value`` if it is an array (rows, columns) of finite floats, of any size: features of pictures, say."""
    good = isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.ndim == 2 and value.shape[1] > 0
    if not good or (columns is not None and value.shape[1] != columns):
        kind = f"of shape {value.shape}, {value.dtype}" if isinstance(value, np.ndarray) else shown(value)
        raise InputError(f"{name} is {kind}: make it an array of floats (rows, {columns or 'columns'}).")
    if not np.isfinite(value).all():
        raise InputError(f"Among the {name} are values that aren't numbers (NaN or infinity).")
    return value


def classes_of(name: str, value: Any, rows: int, classes: int) -> IntArray:
    """``value`` if it is an array of ``rows`` whole numbers from 0 to ``classes`` - 1."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iu" or value.ndim != 1:
        raise InputError(f"{name} is {shown(value)}: make it an array of whole numbers, one for each picture.")
    if len(value) != rows:
        raise InputError(f"There are {rows} rows of features and {len(value)} {name}: give each row one.")
    if rows and not 0 <= value.min() <= value.max() < classes:
        raise InputError(f"The {name} run from {value.min()} to {value.max()}: they must be 0 to {classes - 1}.")
    return value.astype(np.int64)


def limit_cells(name: str, shape: Sequence[int], most: int = MAX_CELLS) -> None:
    """Refuse an array before it is made: ``shape`` may have at most ``most`` cells."""
    if prod(shape) > most:
        raise InputError(f"{name} would have {prod(shape)} cells, {_times(shape)}: make it {most} or fewer.")


def listed(value: object) -> list[Any]:
    """The entries of a list, tuple or array; anything else as the only one."""
    entries = entries_of(value)
    return [value] if entries is None else entries


def entries_of(value: object) -> list[Any] | None:
    """The entries of a list, tuple or array; None of anything else, which then counts for every axis."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return list(value) if isinstance(value, (list, tuple)) else None


@cache
def _hints(annotated: Any) -> dict[str, Any]:
    names = {}
    if any(isinstance(hint, str) and "torch." in hint for hint in inspect.get_annotations(annotated).values()):
        import torch

        names["torch"] = torch  # modules that import it only where it is needed
    hints = get_type_hints(annotated, localns=names)
    hints.pop("return", None)
    return hints


def _as(hint: Any, value: Any) -> Any:
    """``value`` as one plain annotation has it; raises whatever if it can't be. Annotations unknown here allow all."""
    origin = get_origin(hint)
    if hint is Any:
        return value
    if hint is int or hint is float or hint is bool:
        truth = isinstance(value, (bool, np.bool_))
        if truth != (hint is bool) or isinstance(value, (str, bytes)):
            raise TypeError
        number = hint(operator.index(value) if hint is int else value)
        if not isfinite(number):
            raise ValueError
        return number
    if hint is NoneType or hint is None:
        if value is not None:
            raise TypeError
        return value
    if origin is Literal:
        if not isinstance(value, str) or value not in get_args(hint):
            raise ValueError
        return value
    if hint is np.ndarray or origin is np.ndarray:
        return numbers("", value)
    if origin is Callable:
        if not callable(value):
            raise TypeError
        return value
    inner = get_args(hint)
    if inspect.isclass(origin) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise TypeError
        return {key: fitting(str(key), entry, inner[1]) for key, entry in value.items()}
    if inspect.isclass(origin) and issubclass(origin, Iterable):
        unordered = isinstance(value, (Set, Mapping)) and issubclass(origin, Sequence)
        if unordered or isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
            raise TypeError
        found = tuple(value)
        kinds = inner if origin is tuple and ... not in inner else inner[:1] * len(found)
        found = tuple(fitting("", entry, kind) for entry, kind in zip(found, kinds, strict=True))
        return value if isinstance(value, (Set, range)) else found
    known = inspect.isclass(hint) and not getattr(hint, "_is_protocol", False)
    if known and not isinstance(value, hint):
        raise TypeError
    return value


def _in_words(hint: Any) -> str:
    plain = {int: "a whole number", float: "a number", bool: "True or False", str: "text", bytes: "bytes"}
    if hint in plain:
        return plain[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return f"one of {', '.join(map(str, inner))}"
    if hint is np.ndarray or origin is np.ndarray:
        return "an array of numbers"
    if inspect.isclass(origin) and issubclass(origin, Iterable):
        return "a list of numbers" if inner and inner[0] in (int, float) else "a list"
    if origin is not None:
        return "a function"
    name = getattr(hint, "__name__", hint)
    article = "an" if str(name)[0] in "AEIOU" else "a"
    return f"a torch.{name}" if name in ("Tensor", "Generator") else f"{article} {name}"


def _is_number(cell: object) -> bool:
    """Whether a cell of an array that numpy couldn't read as numbers is innocent: only its neighbours are text."""
    try:
        return not np.iscomplexobj(cell) and np.isfinite(float(cell))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return False


def _alternatives(counts: Collection[int]) -> str:
    *others, last = (str(count) for count in sorted(counts))
    return f"{', '.join(others)} or {last}" if others else last


def _place(index: Sequence[int]) -> str:
    return f"[{', '.join(str(i) for i in index)}]" if index else ""


def _times(shape: Sequence[int]) -> str:
    return " x ".join(str(n) for n in shape)


def shown(value: object) -> str:
    """A value as a short piece of a sentence."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int) and abs(value) >= 10**12:
        return "a number of more than 12 digits"  # Python refuses to print the very long ones
    try:
        text = " ".join(repr(value).split())
    except Exception:  # noqa: BLE001  anybody's repr
        text = "something unreadable"
    return text if len(text) <= 40 else f"{text[:36]} ..."
