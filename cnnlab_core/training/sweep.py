"""A sweep: one setting at several values, each with several seeds, as runs that follow one another.

All of them are made at once and wait. The trainer of one starts the next when it has ended: so a visitor has one run at
work at a time, which takes its turns at the device as every run does. Needs no torch.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from cnnlab_core.checks import by_annotation
from cnnlab_core.errors import InputError, RunError
from cnnlab_core.runtime.files import write_atomically
from cnnlab_core.runtime.limits import SWEEP_RUNS
from cnnlab_core.training.comparison import Spread, spread
from cnnlab_core.training.config import SETTINGS, Config, config_from
from cnnlab_core.training.launch import launch, refuse_a_long_queue, refuse_another
from cnnlab_core.training.runs import MOST_NAME, Run, create_run, list_runs, run_of
from cnnlab_core.training.settings import Setting
from cnnlab_core.training.turns import day_is_over

Value = bool | int | float | str
_NOT_SWEPT = ("data", "stack", "seed")
_ENDED = ("finished", "stopped", "failed")


def sweepable(config: Config) -> list[str]:
    """The settings that can be swept over from this config: those that play a part in it."""
    return [name for name in config.counting() if name not in _NOT_SWEPT]


def read_values(about: Setting, text: str) -> tuple[Any, ...]:
    """The values of a setting that are written as “0.01, 0.03” or “4/255, 8/255”, each once, in their order.

    Raises ``InputError`` for what is no value of the setting.
    """
    found = []
    for word in filter(None, (word.strip() for word in text.replace(";", ",").split(","))):
        try:
            above, _, below = word.partition("/")
            number = float(above) / float(below or 1)
            value = int(number) if about.kind is int and number == int(number) else number
        except (ValueError, OverflowError, ZeroDivisionError):
            raise InputError(f"“{word[:40]}” is no number. Write the values as 0.01, 0.03, 0.1.") from None
        about.check(value)
        found.append(value)
    return tuple(dict.fromkeys(found))


@by_annotation
def sweep_configs(base: Config, setting: str, values: Sequence[Value], *, seeds: int = 3) -> list[Config]:
    """The configs of a sweep: for each of the ``seeds``, from the base's seed on, all values of the setting.

    Raises ``InputError`` for a setting that can't be swept over, no values, and more runs than are allowed.
    """
    if setting not in sweepable(base):
        raise InputError(f"A sweep is over one of {', '.join(sweepable(base))}, not “{setting[:40]}”.")
    if not values:
        raise InputError("A sweep needs values: write at least one.")
    if seeds < 1:
        raise InputError(f"A sweep has at least one seed, not {seeds}.")
    if (count := len(values) * seeds) > (most := SWEEP_RUNS.now()):
        raise InputError(f"These are {count} runs, more than the {most} of a sweep. Take fewer values or seeds.")
    return [
        config_from(asdict(base) | {setting: value, "seed": (base.seed + seed) % 2**31})
        for seed in range(seeds)
        for value in values
    ]


@by_annotation
def start_sweep(
    base: Config,
    setting: str,
    values: Sequence[Value],
    *,
    seeds: int = 3,
    owner: str = "",
    token: str = "",
    most_waiting: int | None = None,
) -> list[Run]:
    """Check the configs, make their runs, and start the first; the others follow by themselves.

    A second call with the same ``token`` changes nothing. Raises ``InputError`` for what can't be trained and
    ``RunError`` as ``start`` does.
    """
    from cnnlab_core.training.checks import check

    configs, about = sweep_configs(base, setting, values, seeds=seeds), SETTINGS[setting]
    token = token or secrets.token_hex(8)
    for config in configs:
        check(config)
    if run_of(configs[0], f"{token}-0") is None:
        refuse_another(owner)
        if why := day_is_over(owner):
            raise RunError(why)
        refuse_a_long_queue(most_waiting)
    runs = []
    for number, config in enumerate(configs):
        name = f"{about.name} {about.text(getattr(config, setting))}, seed {config.seed}"[:MOST_NAME]
        run = create_run(config, name, owner=owner, token=f"{token}-{number}")
        try:
            write_atomically(run.folder / "sweep", token.encode())
        except OSError as error:
            raise RunError(f"{run.folder} can't be written: {error.strerror}. Free some space.") from None
        runs.append(run)
    begin_next(runs[0])
    return runs


def sweep_of(run: Run) -> str:
    """The token of the sweep that a run belongs to; "" for others."""
    try:
        return (run.folder / "sweep").read_text(encoding="utf-8")
    except OSError:
        return ""


def still_to_come(run: Run) -> list[Run]:
    """The runs of its sweep that haven't begun, in their order."""
    return [other for other in _of_one_sweep(run) if other.state().name == "ready"]


def begin_next(run: Run) -> None:
    """Start the next run of its sweep, if none of it is at work. Raises ``RunError`` as ``launch`` does."""
    if (waiting := still_to_come(run)) and not any(other.state().alive for other in _of_one_sweep(run)):
        launch(waiting[0], again=True)


def _of_one_sweep(run: Run) -> list[Run]:
    token = sweep_of(run)
    same = [other for other in list_runs() if token and sweep_of(other) == token]
    return sorted(same, key=lambda other: other.about.created)


def follow_up(run: Run) -> None:
    """What a trainer does last, when it has let go of its run: one that has ended is followed by the next.

    One that was paused isn't: its sweep goes on with it. Raises ``RunError`` as ``launch`` does.
    """
    if sweep_of(run) and run.state().name in _ENDED:
        begin_next(run)


@dataclass(frozen=True)
class Point:
    """The runs with one ``value`` of a setting, of any seed, and the ``accuracy`` of those that were tested.

    ``scores`` are by seed: the same one trained twice gives the same, and isn't a second one.
    """

    value: Any
    runs: tuple[Run, ...]
    scores: tuple[float, ...]

    @property
    def accuracy(self) -> Spread | None:
        """Mean and standard deviation over the seeds, of the test pictures; None before there is one."""
        return spread(self.scores) if self.scores else None


@by_annotation
def sweep_points(runs: Sequence[Run], base: Config, setting: str) -> list[Point]:
    """Those of the runs whose settings are the base's but for this one and the seed, by its value, in its order.

    Whether they were started as a sweep or one by one.
    """
    known = [run for run in runs if _all_but(run.config, setting, base) == _all_but(base, setting, base)]
    values = {getattr(run.config, setting) for run in known}
    options = list(SETTINGS[setting].options)
    made = []
    for value in sorted(values, key=options.index if options else None):
        same = tuple(sorted((run for run in known if getattr(run.config, setting) == value), key=_seed))
        scores = {run.config.seed: finals["accuracy"] for run in same if (finals := run.finals)}
        made.append(Point(value, same, tuple(scores.values())))
    return made


def _all_but(config: Config, setting: str, base: Config) -> Config:
    return replace(config, **{setting: getattr(base, setting), "seed": 0})


def _seed(run: Run) -> int:
    return run.config.seed
