"""Records that somebody edited: whatever was done to them, an answer is one line, in time, within bounds.

A seed and a number give the same edit in every call, so that a failure names what to look at.
"""

import json
import resource
import sys
import time
from pathlib import Path

import pytest

from tests.support.mutations import mutated
from tests.support.records import finished, line, measures
from tests.support.zoos import load_quietly
from unlearnzoo.cli import main
from unlearnzoo.cli.app import INTERNAL
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import from_arguments
from unlearnzoo.planning.summary import fields
from unlearnzoo.registry.zoo import Zoo

#: Edits in CI, and with `make soak`.
FEW, MANY = 20, 1000
SECONDS, BYTES = 10, 1 << 30
#: To resume is to plan, which takes as long as all else together: every so many edits.
RESUMED = 5
PLACE = "2026-01-01T00-00-00Z_npo_remem_"


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    """A record with all that `unlearnzoo run` writes, so that every command looks at all of it."""
    zoo = load_quietly()
    asked = {"algo": "npo", "bench": "remem", "command": "unlearnzoo run --algo npo --bench remem"}
    plan = make_plan(from_arguments(asked, {}), zoo, weights=False)
    told = fields(plan, "npo")
    told["benchmark"] = {**told["benchmark"], "forget_identities": ["p00", "p01", "p02", "p03"]}
    more = {"group": "g", "metrics": measures(), "plan": {**told["plan"], "aims": told["plan"]["aims"]}}
    runs = tmp_path_factory.mktemp("whole")
    record = finished(runs, **{**told, **more})
    whole = json.loads((Path(record["folder"]) / "run.json").read_text())
    whole |= {"processes": {"n": 1, "deepspeed": None}, "device": {"type": "cpu", "precision": "fp32"}, "steps": 24}
    whole["resumed"] = [{"step": 4, "time": whole["time"], "changed": ["versions.torch: 1, now 2"]}]
    whole["curve"] = line(0.6)
    return whole, (Path(record["folder"]) / "samples.parquet").read_bytes(), zoo


@pytest.fixture
def runs(document, tmp_path, monkeypatch):
    """A folder with the run that is edited, and one beside it that is whole; plugins are loaded once for all edits."""
    real = Zoo.installed
    monkeypatch.setattr(Zoo, "installed", lambda files=(): real(files) if files else document[2])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))
    for name in ("0aaaaaaa", "0bbbbbbb"):
        folder = tmp_path / "runs" / f"{PLACE}{name}"
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps(document[0]))
        (folder / "samples.parquet").write_bytes(document[1])
    return tmp_path / "runs"


COMMANDS = {
    "runs": ["runs"],
    "runs --json": ["runs", "--json"],
    "report": ["report", "A"],
    "report --intervals": ["report", "A", "--intervals"],
    "report --json": ["report", "A", "--json"],
    "report A B": ["report", "A", "B"],
    "report FOLDER": ["report", "runs"],
    "report --verify": ["report", "A", "--verify"],
    "evaluate": ["evaluate", "A", "--metric", "rouge"],
    "resume": ["run", "--resume", "A", "--dry-run"],
    "purge": ["purge", "A", "--yes"],
}


def tell(words, capsys):
    """Run a command; return its exit code and what it printed, having held it to what every command must keep."""
    start = time.monotonic()
    code = main(words)
    took, told = time.monotonic() - start, capsys.readouterr()
    assert code != INTERNAL and "Traceback" not in told.err, told.err[-2000:]
    assert took < SECONDS, f"{took:.1f} s"
    assert "\x1b" not in told.out + told.err, "control characters"
    if code:
        errors = [line for line in told.err.splitlines() if line.startswith("Error: ")]
        assert len(errors) == 1 or "--verify" in words, told.err[-2000:]
        assert all(len(line) < 4000 for line in errors), len(errors[0])
    return code, told


def hold(document, runs, capsys, numbers, names=tuple(COMMANDS), seed=0):
    """Make edits one by one and run commands over each."""
    whole, samples, _ = document
    a, b = (runs / f"{PLACE}{name}" for name in ("0aaaaaaa", "0bbbbbbb"))

    def written(text, name):
        """Write the edited run as a command needs it; return its words."""
        edited = text.replace('"status": "finished"', '"status": "interrupted"') if name == "resume" else text
        (a / "run.json").write_text(edited)
        (a / "samples.parquet").write_bytes(samples)
        return [{"A": str(a), "B": str(b)}.get(word, word) for word in COMMANDS[name]]

    for name in names:  # imports, and what is made once for the cache, are no time of an edit
        assert main(written(json.dumps(whole), name)) != INTERNAL, capsys.readouterr().err
    capsys.readouterr()
    failed = []
    for number in numbers:
        done, text = mutated(whole, number, seed)
        for name in names:
            if name == "resume" and number % RESUMED:
                continue
            try:
                _, told = tell(written(text, name), capsys)
                if name in ("runs", "runs --json", "report FOLDER"):
                    assert b.name in told.out or name == "report FOLDER", "the other record is hidden"
            except AssertionError as error:
                failed.append(f"{done} | {name}: {str(error).splitlines()[0][:300]}")
    assert not failed, f"{len(failed)} of {len(numbers) * len(names)}:\n" + "\n".join(failed[:60])


@pytest.mark.slow
def test_some_edits(document, runs, capsys):
    hold(document, runs, capsys, range(FEW), [name for name in COMMANDS if name != "resume"])


@pytest.mark.soak
def test_many_edits(document, runs, capsys):
    # The plan and all that it imports are there already: `document` has made one.
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    hold(document, runs, capsys, range(MANY))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with capsys.disabled():
        sys.stdout.write(f"\npeak of memory {after >> 10:,} MB, {(after - before) >> 10:,} MB more than before\n")
    assert after * 1024 < BYTES
