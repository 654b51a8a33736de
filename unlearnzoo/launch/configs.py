"""The launcher's files: those that ship, and a user's own."""

from importlib.util import find_spec
from pathlib import Path

from ..errors import OptionError, first_line

NAMES = ("ddp", "zero1", "zero2", "zero3")


def find(name: str) -> Path:
    """Return the YAML of a launch: one of ``NAMES``, or a file of accelerate's form.

    Raises:
        OptionError: there is none, or it needs a package that is not installed.
    """
    import yaml

    path = Path(__file__).parent / f"{name}.yaml" if name in NAMES else Path(name)
    if not path.is_file():
        raise OptionError(
            f"--launch {name}: choose {', '.join(NAMES)}, or give the file that `accelerate config` wrote"
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise OptionError(f"--launch {name}: cannot be read: {first_line(error)}") from None
    if not isinstance(content, dict) or "distributed_type" not in content:
        raise OptionError(f"--launch {name}: has no distributed_type; `unlearnzoo launch show zero2` prints an example")
    if content["distributed_type"] == "DEEPSPEED" and find_spec("deepspeed") is None:
        raise OptionError(f"--launch {name} needs deepspeed: pip install 'unlearnzoo[deepspeed]'")
    return path
