"""What a class's module does in a fresh interpreter."""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HEAVY = ("torch", "transformers", "numpy", "datasets", "accelerate", "peft", "PIL", "pandas", "pyarrow")
#: Long enough to generate a benchmark's data once more.
TIMEOUT_S = 600
#: By its name where that finds the same file (a package), else by its path (a file for --plugin).
_LOAD = """
import importlib.util, json, sys
from pathlib import Path
asked = json.loads(sys.argv[1])
sys.path[:] = asked["path"]
from unlearnzoo.registry.entry_points import run_file
try:
    spec = importlib.util.find_spec(asked["module"])
except (ImportError, ValueError):
    spec = None
same = spec is not None and spec.origin is not None and Path(spec.origin).resolve() == Path(asked["file"])
module = importlib.import_module(asked["module"]) if same else run_file(Path(asked["file"]))
"""


def in_another_process(cls: type, code: str, **asked: Any) -> Any:
    """Import the module of a class in a fresh interpreter and run some code there.

    Args:
        cls: its module is ``module`` in the code; nothing runs for a class that is in no file.
        code: sets ``answer``, which is JSON-able.
        asked: ``asked[name]`` in the code.

    Returns:
        The answer; None where the class is in no file.

    Raises:
        RuntimeError: the last line of what the interpreter said.
    """
    try:
        file = Path(inspect.getfile(cls)).resolve()
    except (TypeError, OSError):
        return None
    asked |= {"module": cls.__module__, "file": str(file), "path": sys.path}
    script = f"{_LOAD}{code}\nprint('\\n' + json.dumps(answer))"
    # Another order of sets than here, where this process was started with the same setting.
    environment = {**os.environ, "PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"}
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(asked)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env=environment,
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it says nothing"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


def loaded_by_importing(cls: type, names: Sequence[str]) -> list[str]:
    """Return which of some packages are imported once the module of a class is."""
    found = in_another_process(cls, "answer = [n for n in asked['names'] if n in sys.modules]", names=list(names))
    return found or []
