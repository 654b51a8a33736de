"""The launcher's files: those that ship, and a user's own."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import cast

from ..errors import OptionError, first_line
from ..storage.documents import read_yaml
from ..training.distributed.rules import ACCELERATE
from ..training.distributed.settings import Content, read_deepspeed, sort

NAMES = ("ddp", "zero1", "zero2", "zero3")
#: accelerate takes these from DeepSpeed's own file where one is named.
_BESIDE = ("zero_stage", "offload_optimizer_device", "offload_param_device", "zero3_save_16bit_model")


@dataclass(frozen=True)
class Launch:
    """How processes are to be started.

    Attributes:
        content: of accelerate's file, as it is handed on.
        deepspeed: of the DeepSpeed file that it names.
        lines: what of both does not count, one line each.
    """

    content: Content
    deepspeed: Content | None = None
    lines: tuple[str, ...] = ()

    def number(self, key: str, least: int) -> int:
        """Return a number of the file, or the least where it has none."""
        return max(least, int(cast("int", self.content.get(key, least))))


def find(name: str) -> Path:
    """Return the YAML of a launch: one of ``NAMES``, or a file of accelerate's form.

    Raises:
        OptionError: there is none.
    """
    path = Path(__file__).parent / f"{name}.yaml" if name in NAMES else Path(name)
    if not path.is_file():
        raise OptionError(
            f"--launch {name}: choose {', '.join(NAMES)}, or give the file that `accelerate config` wrote"
        )
    return path


def read(name: str) -> Launch:
    """Read the YAML of a launch, and the DeepSpeed file that it names.

    Raises:
        OptionError: there is none, it would change numbers, or it needs a package that is not installed.
    """
    path, where = find(name), f"--launch {name}"
    try:
        content = read_yaml(path)
    except (OSError, ValueError) as error:
        raise OptionError(f"{where}: cannot be read: {first_line(error)}") from None
    if not isinstance(content, dict) or content.get("distributed_type") is None:
        raise OptionError(f"{where}: has no distributed_type; `unlearnzoo launch show zero2` prints an example")
    kept, lines = sort(content, ACCELERATE, where)
    kept["mixed_precision"] = "no"
    deepspeed = None
    if kept["distributed_type"] == "DEEPSPEED":
        if find_spec("deepspeed") is None:
            raise OptionError(f"{where} needs deepspeed: pip install 'unlearnzoo[deepspeed]'")
        part = kept.get("deepspeed_config")
        if not isinstance(part, dict) or not part.keys() & {"zero_stage", "deepspeed_config_file"}:
            raise OptionError(f"{where}: has no deepspeed_config with a zero_stage (1, 2 or 3)")
        part["gradient_accumulation_steps"] = 1
        if "deepspeed_config_file" in part:
            deepspeed, more = _named(part, path, where)
            lines += more
    launch = Launch(kept, deepspeed, tuple(lines))
    rank, machines = launch.number("machine_rank", -1), launch.number("num_machines", 1)
    if not 0 <= rank < machines and "machine_rank" in kept:
        raise OptionError(f"{where}: machine_rank: {rank}: of {machines} machines (num_machines) the first is 0")
    return launch


def _named(part: Content, path: Path, where: str) -> tuple[Content, list[str]]:
    """Read the DeepSpeed file that a launch file names, from the current folder or beside the launch file."""
    if beside := [key for key in _BESIDE if key in part]:
        raise OptionError(f"{where}: deepspeed_config.{beside[0]} stands beside deepspeed_config_file; say it there")
    named = str(part["deepspeed_config_file"])
    places = [Path(named), path.parent / named]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise OptionError(f"{where}: deepspeed_config_file: {named}: no such file, here or beside {path.name}")
    return read_deepspeed(found, where)
