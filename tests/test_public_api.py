"""What is public changes only together with the changelog."""

import pytest

from tests import public_api
from tests.public_api import FILE, lines, read, renew, written

HOWTO = "; if that is meant, add a line to this version's section of CHANGELOG.md and run python -m tests.public_api"


def test_the_public_api_is_what_was_written_down():
    _, known = read(FILE.read_text("utf-8"))
    found = lines()
    gone, new = sorted(set(known) - set(found)), sorted(set(found) - set(known))
    assert not gone, f"no longer public: {gone}{HOWTO}"
    assert not new, f"newly public: {new}{HOWTO}"


def test_it_holds_what_plugins_and_scripts_stand_on():
    found = "\n".join(lines())
    for name in (
        "hook: unlearnzoo_unlearners",
        "entry points: unlearnzoo.models",
        "command: unlearnzoo run --algo",
        "command: unlearnzoo show NAME",
        "unlearnzoo.Unlearner.needs",
        "unlearnzoo.run(algo, bench, *,",
        "unlearnzoo.testing.check_loss(algorithm, formula)",
        "unlearnzoo.Example(id, identity=",
        "unlearnzoo.Benchmark.refusal(self, example, seed)",
        "record: schema 2",
        "loss input: forget_ref",
    ):
        assert name in found, name


def test_a_change_needs_a_new_line_in_the_changelog():
    old = written(["a", "b"], "before")
    with pytest.raises(ValueError, match=r"add a line to this version's section of CHANGELOG\.md"):
        renew(old, ["a", "c"], "before")
    assert read(renew(old, ["a", "c"], "after")) == ("after", ["a", "c"])
    # A changelog line alone writes nothing: it is not about the API.
    assert renew(old, ["a", "b"], "after") == old


def test_the_file_cannot_be_changed_by_hand():
    for forged in (
        written(["a"], "x") + "b\n",
        written(["a"], "x").replace("\na\n", "\nb\n"),
        written(["a"], "x").replace("changelog x", "changelog y"),
    ):
        with pytest.raises(ValueError, match="changed by hand"):
            read(forged)


def test_the_section_ends_where_the_next_version_begins(tmp_path, monkeypatch):
    log = tmp_path / "CHANGELOG.md"
    monkeypatch.setattr(public_api, "CHANGELOG", log)
    log.write_text(f"# Log\n\n## {public_api.unlearnzoo.__version__} (unreleased)\n\n* new\n\n## 0.0.1\n\n* old\n")
    assert public_api.section().endswith("* new")
