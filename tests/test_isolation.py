"""A fresh environment with ten strangers' plugins, four of them broken: every command works, and says which."""

import json
import os
import subprocess
import sysconfig
import venv

import pytest

from tests.support.distributions import HEAD, algorithm, install
from tests.test_repository import ROOT

pytestmark = pytest.mark.slow

BROKEN = {
    "strangers-import": "import no_such_module_anywhere",
    "strangers-hook": HEAD + "@hookimpl\ndef unlearnzoo_unlearner():\n    return []",
    "strangers-scalar": HEAD + "@hookimpl\ndef unlearnzoo_unlearners():\n    return [3]",
    "strangers-exit": "raise SystemExit(1)",
}
#: Heavy packages that no listing may import.
HEAVY = ("torch", "transformers", "datasets", "peft", "accelerate", "pandas", "matplotlib")
LISTINGS = (
    "--help",
    "list",
    "list --json",
    "show stranger3",
    "show npo",
    "plugins",
    "plugins --json",
    "plugins --times",
    "runs",
)
LINES = (
    *LISTINGS,
    "new algorithm mine",
    "check strangers-5",
    "run --algo stranger3,npo --bench remem --dry-run",
    "run --algo strangers-hook --bench remem --dry-run",
)
#: Runs lines one after the other in one process, and says of each what came of it and what heavy is imported by then.
EACH = f"""
import contextlib, io, json, shlex, sys
from unlearnzoo.cli import main
found = {{}}
for line in sys.argv[1:]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(shlex.split(line))
    heavy = [name for name in {HEAVY} if name in sys.modules]
    found[line] = {{"code": code, "out": out.getvalue(), "err": err.getvalue(), "heavy": heavy}}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An environment that reads this one's packages and has ten plugins of its own."""
    home = tmp_path_factory.mktemp("strangers")
    venv.create(home)
    own = next(home.glob("lib/python*/site-packages"))
    (own / "borrowed.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    for number in range(6):
        install(own, f"strangers-{number}", algorithm(f"stranger{number}"), entry=f"stranger{number}")
    for name, source in BROKEN.items():
        install(own, name, source, entry=name)
    return home / "bin" / "python"


def run(python, *arguments, cwd, **surroundings):
    done = subprocess.run(
        [python, *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **surroundings},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def found(python, shared_folder, tmp_path_factory):
    """Line → what came of it; the listings first, so that what they import is seen."""
    return json.loads(
        run(
            python,
            "-c",
            EACH,
            *LINES,
            cwd=tmp_path_factory.mktemp("work"),
            UNLEARNZOO_CACHE=str(shared_folder / "cache"),
        ).stdout
    )


@pytest.mark.parametrize("line", LINES[:-1])
def test_every_command_works(found, line):
    assert found[line]["code"] == 0, found[line]["err"]
    assert "Traceback" not in found[line]["err"]
    assert found[line]["out"] or line.startswith("run ")


def test_the_broken_ones_are_listed_with_reason_and_advice(python, tmp_path):
    """As a process of its own, as a user has it."""
    told = run(python, "-m", "unlearnzoo", "plugins", "--json", cwd=tmp_path)
    rows = {row["distribution"]: row for row in json.loads(told.stdout) if row["distribution"].startswith("strangers")}
    assert len(rows) == 10 and "Traceback" not in told.stderr
    assert {name for name, row in rows.items() if row["status"] == "broken"} == set(BROKEN)
    assert all(rows[name]["reason"] and rows[name]["advice"] for name in BROKEN)
    assert all(row["status"] == "loaded" and row["provides"] for name, row in rows.items() if name not in BROKEN)
    assert all(row["distribution"] and row["version"] and row["where"] for row in rows.values())


def test_a_broken_one_is_an_error_for_who_asks_for_it(found):
    asked = found[LINES[-1]]
    assert asked["code"] == 2 and "Traceback" not in asked["err"]
    assert "unknown hook 'unlearnzoo_unlearner'; did you mean 'unlearnzoo_unlearners'?" in asked["err"]


@pytest.mark.parametrize("line", LISTINGS)
def test_nothing_heavy_is_imported(found, line):
    assert found[line]["heavy"] == []


def test_what_is_heavy_would_be_seen(found):
    assert "torch" in found[LINES[-2]]["heavy"]
