"""The trainer from a terminal: ``python -m cnnlab_core.training <command> --help``."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from cnnlab_core.errors import InputError
from cnnlab_core.runtime.command_line import Report, fraction, run_command, watch
from cnnlab_core.training import launch
from cnnlab_core.training.config import SETTINGS, Config, config_from
from cnnlab_core.training.locks import device_key
from cnnlab_core.training.runs import create_run, duplicate, find_run, list_runs, queue
from cnnlab_core.training.settings import Setting
from cnnlab_core.training.worker import work, work_together


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    options = _parser().parse_args(arguments)
    return run_command(options.command, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cnnlab_core.training", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, work: Callable[[argparse.Namespace], int | None], help: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=help, description=help)
        found.set_defaults(command=work)
        return found

    new = command("start", _start, "begin a run, in the background unless --foreground or torchrun says otherwise")
    new.add_argument("--name", default="")
    new.add_argument("--config", type=Path, help="a JSON file of settings; options given beside it count more")
    new.add_argument("--foreground", action="store_true", help="train here and show progress; Ctrl-C pauses")
    _add_settings(new)
    command("list", _list, "every run, newest first")
    _add_run(command("show", _show, "a run's settings and scores, as JSON"))
    _add_run(command("pause", lambda o: launch.pause(find_run(o.run)), "checkpoint and exit; resume goes on exactly"))
    _add_run(command("stop", lambda o: launch.stop(find_run(o.run)), "end the training here, test, and be done"))
    again = _add_run(command("resume", _resume, "go on with a paused, interrupted or failed run"))
    again.add_argument("--foreground", action="store_true")
    copy = _add_run(command("duplicate", _duplicate, "a new run with the same settings, started"))
    copy.add_argument("--seed", type=int)
    title = _add_run(command("rename", lambda o: find_run(o.run).rename(o.name), "give a run another name"))
    title.add_argument("name")
    _add_run(command("delete", lambda o: find_run(o.run).delete(), "delete a run's folder; its exports stay"))
    out = _add_run(command("export", _export, "write the network for every page of the lab, or into a folder"))
    out.add_argument("--to", type=Path)
    out.add_argument("--name", default="")
    out.add_argument("--title", default="")
    out.add_argument("--half", action="store_true", help="as float16: half the size")
    write = _add_run(command("write", _write, "let a network that learned from a text write on"))
    write.add_argument("--prompt", default="")
    write.add_argument("--temperature", type=float, default=1.0)
    write.add_argument("--length", type=int, default=200, help="characters (default 200)")
    write.add_argument("--seed", type=int, default=0)
    data = command(
        "import",
        _import,
        "read a folder or zip of class folders (or Oxford-IIIT Pet's files), or a text file, as a data set",
    )
    data.add_argument("source", type=Path, help="a folder, a zip, or a text file (.txt)")
    data.add_argument("name")
    data.add_argument("--side", type=int, default=32, help="pixels wide and high (default 32)")
    command("fetch", _fetch, "download CIFAR-10, if it isn't here")
    for name, does, what in (
        ("measure", _measure, "try a few steps of the config (JSON) on standard input; pictures/s of each, by line"),
        ("rates", _rates, "a learning-rate range test of the question (JSON) on standard input, a line a step"),
        ("landscape", _landscape, "the loss around a run's weights, for the question (JSON) on standard input"),
    ):
        command(name, does, what).add_argument("seconds", type=float, help="of all cores, after which it ends")
    process = _add_run(command("work", _work, "be a run's trainer (what start and resume launch)"))
    for one in (new, again, process):
        one.add_argument("--checkpoint-seconds", type=float, default=20.0, help="how often to write a checkpoint")
    return parser


def _add_run(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("run", help="a run's id, its beginning, or its name")
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    kinds: dict[type, dict[str, Any]] = {
        bool: {"action": argparse.BooleanOptionalAction},
        int: {"type": int, "metavar": "N"},
        float: {"type": fraction, "metavar": "X"},
        str: {"metavar": "TEXT"},
    }
    for name, about in SETTINGS.items():
        kind = {"choices": list(about.options)} if about.options else kinds[about.kind]
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            dest=f"set_{name}",
            default=None,
            help=_help(about).replace("%", "%%"),
            **kind,
        )


def _help(about: Setting) -> str:
    notes = [f"{about.number(about.low)} to {about.number(about.high)}"] if about.has_range else []
    notes += [f"0: {about.zero}"] if about.zero else []
    notes += [f"for {about.of} only"] if about.of else []
    for other, values in about.needs.items():
        notes.append(f"only with --{other}" + (f" {' or '.join(map(str, values))}" if True not in values else ""))
    notes += [f"default: {about.number(about.default)}"] if about.default != "" else []
    return f"{about.help} ({'; '.join(notes)})"


def _config(options: argparse.Namespace) -> Config:
    values: dict[str, Any] = {}
    if options.config:
        try:
            values = json.loads(options.config.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"The settings in {options.config} can't be read: {error}.") from None
    given = {name: getattr(options, f"set_{name}") for name in SETTINGS}
    return config_from(values | {name: value for name, value in given.items() if value is not None})


def _start(options: argparse.Namespace) -> int:
    config = _config(options)
    if _under_torchrun():
        from cnnlab_core.training.checks import check

        check(config)
        run = create_run(config, options.name) if _leads() else None
        return work_together(run, options.checkpoint_seconds, Report() if run else None)
    if options.foreground:
        from cnnlab_core.training.checks import check

        check(config)
        run = create_run(config, options.name)
        print(run.id)
        return work(run, checkpoint_seconds=options.checkpoint_seconds, report=Report())
    run = launch.start(config, options.name, checkpoint_seconds=options.checkpoint_seconds)
    print(run.id)
    return 0


def _resume(options: argparse.Namespace) -> int:
    if _under_torchrun():
        run = find_run(options.run) if _leads() else None
        if run:
            run.ask("")
        return work_together(run, options.checkpoint_seconds, Report() if run else None)
    run = find_run(options.run)
    if options.foreground:
        launch.ready_to_resume(run)
        return work(run, checkpoint_seconds=options.checkpoint_seconds, report=Report())
    launch.resume(run, checkpoint_seconds=options.checkpoint_seconds)
    return 0


def _work(options: argparse.Namespace) -> int:
    return work(find_run(options.run), checkpoint_seconds=options.checkpoint_seconds)


def _measure(options: argparse.Namespace) -> None:
    from cnnlab_core.training.checks import check
    from cnnlab_core.training.estimate import try_steps

    def answers(question: Any) -> Iterable[Any]:
        config = config_from(question)
        return (step.latest for step in try_steps(config, check(config)))

    _answer(answers, options.seconds)


def _rates(options: argparse.Namespace) -> None:
    from cnnlab_core.training.rate_test import answer_rates

    _answer(answer_rates, options.seconds)


def _landscape(options: argparse.Namespace) -> None:
    from cnnlab_core.training.landscape import answer_landscape

    _answer(answer_landscape, options.seconds)


def _answer(answers: Callable[[Any], Iterable[Any]], seconds: float) -> None:
    """Answer the question on standard input, a line of JSON each, as ``trial.trial_steps`` reads it."""
    from cnnlab_core.training.worker import stand_back

    question = json.loads(sys.stdin.buffer.read())
    stand_back(seconds)
    for answer in answers(question):
        print(json.dumps(answer), flush=True)


def _duplicate(options: argparse.Namespace) -> None:
    run = duplicate(find_run(options.run), seed=options.seed)
    launch.launch(run)
    print(run.id)


def _list(options: argparse.Namespace) -> None:
    waiting = queue(device_key()).names()
    for run in list_runs():
        metrics, finals = run.metrics(), run.finals
        state = run.state()
        words = [f"{run.id:24}", f"{state.name:11}", run.about.name]
        if metrics.steps and not finals:
            words.append(f"step {metrics.steps[-1]['step'] + 1} of {(run.machine or {}).get('total_steps', '?')}")
        if finals:
            words.append(f"test accuracy {finals['accuracy']:.2%}")
            if "bits" in finals:
                words.append(f"{finals['bits']:.3f} bits per character")
            if "views_accuracy" in finals:
                words.append(f"over several views {finals['views_accuracy']:.2%}")
            if "robust_accuracy" in finals:
                words.append(f"robust {finals['robust_accuracy']:.2%}")
        if state.name == "waiting" and run.id in waiting:
            words.append(f"{waiting.index(run.id)} ahead")
        print("  ".join(words))
        if state.name in ("failed", "interrupted"):
            print(f"{'':24}  {state.sentence}")


def _show(options: argparse.Namespace) -> None:
    run = find_run(options.run)
    state = run.state()
    about = {"id": run.id, "name": run.about.name, "state": state.name, "sentence": state.sentence}
    config = json.loads(run.config.to_json())
    print(json.dumps(about | {"config": config, "machine": run.machine, "finals": run.finals}, indent=1))


def _export(options: argparse.Namespace) -> None:
    from cnnlab_core.training.exporting import export

    name = export(find_run(options.run), options.to, name=options.name, title=options.title, half=options.half)
    loader = "load_model" if find_run(options.run).config.kind == "pictures" else "load_character_model"
    print(options.to or f'{loader}("{name}")')


def _write(options: argparse.Namespace) -> None:
    from cnnlab_core.training.exporting import character_model

    model, prompt = character_model(find_run(options.run)), options.prompt
    print(prompt + model.sample(prompt, temperature=options.temperature, generator=options.seed, length=options.length))


def _import(options: argparse.Namespace) -> None:
    from cnnlab_core.data.__main__ import import_source

    import_source(options)


def _fetch(options: argparse.Namespace) -> None:
    from cnnlab_core.data import open_data_steps

    print(f"CIFAR-10: {len(watch(open_data_steps('cifar10')).train)} pictures to train on")


def _under_torchrun() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ


def _leads() -> bool:
    return os.environ.get("RANK", "0") == "0"


if __name__ == "__main__":
    sys.exit(main())
