"""``unlearnzoo new``: a plugin to start from, filled in from the files in ``templates``."""

import builtins
import keyword
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from string import Template

import click

import unlearnzoo

from ..errors import OptionError, ZooError
from ..registry.entry_points import HOOKS, MODELS
from ..registry.kinds import KINDS, MODEL
from ..registry.zoo import Zoo
from ..storage.artifacts import aside
from ..storage.atomic import write_error

TEMPLATES = Path(__file__).with_name("templates")
#: Flag → the kind that it is for.
_FLAGS = {"--two-phase": "algorithm", "--text": "benchmark", "--checkpoint": "model"}


@click.command()
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=".",
    metavar="DIR",
    help="Folder to write into.  [default: this one]",
)
@click.option("--two-phase", is_flag=True, help="An algorithm that trains twice, on different losses.")
@click.option("--text", is_flag=True, help="A benchmark without pictures.")
@click.option("--checkpoint", metavar="DIR|ID", help="Of a model: a folder, or a name on the hub.")
def new(kind: str, name: str, into: Path, two_phase: bool, text: bool, checkpoint: str | None) -> None:
    """Write a plugin to start from into the folder unlearnzoo-NAME.

    It installs, runs and passes its own tests as it is; its README says what to change.
    """
    _refuse_flags(kind, {"--two-phase": two_phase, "--text": text, "--checkpoint": checkpoint})
    words = _words(kind, name)
    if kind == "benchmark":
        words |= _picture_words(text, words["requires"])
    if kind == MODEL.name:
        words |= _model_words(checkpoint, words["module"])
    target = into / words["distribution"]
    _refuse_place(into, target)
    _refuse_taken(name, words["distribution"])
    _write(target, _files("two_phase" if two_phase else kind, words))
    folder = shlex.quote(str(target) if into.is_absolute() else f"./{target}")
    trial = KINDS[kind].trial.format(name=name, folder=folder)
    for command in (f"pip install -e {folder}", f"unlearnzoo show {name}", trial):
        click.echo(command)


def _refuse_flags(kind: str, given: Mapping[str, object]) -> None:
    """Refuse a flag of another kind.

    Raises:
        OptionError: naming the flag and the kind that it is for.
    """
    for flag, owner in _FLAGS.items():
        if given[flag] and kind != owner:
            raise OptionError(f"{flag} is for {_one(owner)}; drop it for {_one(kind)}")


def _one(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _words(kind: str, name: str) -> dict[str, str]:
    """Return what the templates' placeholders stand for.

    Raises:
        OptionError: nothing can be called that.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise OptionError(
            f"name {name!r}: use lower-case letters, digits and single dashes between them, a letter first: my-algo"
        )
    cls = "".join(part.capitalize() for part in name.split("-"))
    if any(map(keyword.iskeyword, (name, cls))) or hasattr(builtins, cls) or cls in unlearnzoo.__all__:
        raise OptionError(f"name {name!r}, class {cls}: Python or unlearnzoo uses one of them already; choose another")
    under = name.replace("-", "_")
    major, minor = unlearnzoo.__version__.split(".")[:2]
    versions = f">={major}.{minor},<{major}.{int(minor) + 1}"
    # The benchmark's columns name a metric of that distribution.
    needed = ["unlearnzoo", "unlearnzoo-metrics"] if kind == "benchmark" else ["unlearnzoo"]
    return {
        "name": name,
        "under": under,
        "cls": cls,
        "module": f"unlearnzoo_{under}",
        "distribution": f"unlearnzoo-{name}",
        "what": _one(kind),
        "requires": "\n    ".join(one + versions for one in needed),
        "group": HOOKS,
        "entry": f"unlearnzoo_{under}",
    }


def _model_words(checkpoint: str | None, module: str) -> dict[str, str]:
    """Return what the templates of a model say of its checkpoint.

    Raises:
        OptionError: none is named, or it is neither a folder with a model nor the form of a name on the hub.
    """
    if not checkpoint:
        raise OptionError("a model is one around a checkpoint: add --checkpoint DIR, or --checkpoint owner/name")
    words = {"group": MODELS, "entry": f"{module}:MODEL", "where": checkpoint}
    folder = Path(checkpoint).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise OptionError(f"--checkpoint {checkpoint}: no config.json in it; name the folder of a model")
        whole = str(folder.resolve())
        return words | {"checkpoint": f"Path({whole!r})", "imports": "\nfrom pathlib import Path\n", "where": whole}
    if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", checkpoint, re.ASCII):
        raise OptionError(f"--checkpoint {checkpoint}: no such folder, and no name on the hub (owner/name)")
    return words | {"checkpoint": f'"{checkpoint}"', "imports": ""}


def _picture_words(text: bool, requires: str) -> dict[str, str]:
    """Return what the templates of a benchmark say of its pictures, which it may lack."""
    if text:
        return dict.fromkeys(("picture_imports", "picture_names", "drawing"), "") | {
            "pictures": "as text",
            "images": "()",
        }
    return {
        "pictures": "and a picture of each",
        "picture_imports": "import functools\n",
        "picture_names": "LazyImage, ",
        "requires": f"{requires}\n    pillow>=10.1",
        "images": "(portrait(person),)",
        "drawing": (TEMPLATES / "benchmark" / "drawing.py.tmpl").read_text("utf-8"),
    }


def _refuse_place(into: Path, target: Path) -> None:
    """Refuse a folder that does not exist, and a target that holds anything.

    Raises:
        ZooError: naming it and what to do.
    """
    if not into.is_dir():
        raise OptionError(f"--into {into}: no such folder; make it first")
    try:
        empty = target.is_dir() and not target.is_symlink() and not any(target.iterdir())
    except OSError as error:
        raise write_error(target, error) from None
    if os.path.lexists(target) and not empty:
        raise ZooError(
            f"{target}: exists already, and nothing is overwritten; move it away, choose another name, "
            "or write elsewhere with --into DIR"
        )


def _refuse_taken(name: str, distribution: str) -> None:
    """Refuse a name in use, for any kind: options are set by it, so two of a run cannot share one.

    Raises:
        OptionError: naming who has it.
    """
    from ..training.recipe import STAGES

    if name in STAGES:
        raise OptionError(f"name {name!r} is taken by a stage of every run; choose another")
    for row in Zoo.installed().plugins:
        having = [provided for provided in row.provides if provided.rpartition(" ")[2] == name]
        if having:
            raise OptionError(f"name {name!r} is taken: {row.label} provides {having[0]}; choose another")
        if row.distribution == distribution:
            raise OptionError(
                f"name {name!r} is taken: {row.label} is installed already, from {row.where}; choose another"
            )


def _files(templates: str, words: dict[str, str]) -> dict[str, str]:
    """Return path → content of all files of the plugin, from one folder of templates."""
    paths = {
        "common/pyproject.toml": "pyproject.toml",
        "common/setup.cfg": "setup.cfg",
        f"{templates}/README.md": "README.md",
        f"{templates}/module.py": f"{words['module']}.py",
        f"{templates}/test.py": f"tests/test_{words['under']}.py",
    }
    return {
        path: Template((TEMPLATES / f"{source}.tmpl").read_text("utf-8")).substitute(words)
        for source, path in paths.items()
    }


def _write(target: Path, files: dict[str, str]) -> None:
    """Write all files or none.

    Raises:
        RunError: they cannot be written; nothing is left behind.
    """
    try:
        with aside(target, 0o777, replace=False) as plugin:
            (plugin / "tests").mkdir()
            for path, content in files.items():
                (plugin / path).write_text(content, "utf-8")
    except OSError as error:
        raise write_error(target, error) from None
