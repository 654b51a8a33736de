"""What a run tells on a terminal: texts of data and plugins are shown, and move nothing there."""

import io

from unlearnzoo.runs.progress import ConsoleProgress

MOVES = "\x1b]0;title\x07\x1b[2Jchef\r\x9b8m\u202e"
SHOWN = r"\x1b]0;title\x07\x1b[2Jchef\r\x9b8m\u202e"


def test_a_note_shows_control_characters(capsys):
    progress = ConsoleProgress()
    progress.note(f"earlier error: {MOVES}\nsecond line [bold]")
    told = "".join(capsys.readouterr().err.split())
    assert told == "".join(f"earlier error: {SHOWN} second line [bold]".split())


def test_so_does_the_name_of_a_hop(capsys):
    ConsoleProgress().point({"step": 3, "EMf": {MOVES: 0.5}})
    assert SHOWN in "".join(capsys.readouterr().err.splitlines())


def test_a_base_that_was_not_asked_is_left_out(capsys):
    def row(base):
        counts = {"n": {"target": 6}, "unscored": {"target": 0}}
        known = {"split": "train", "group": {"hop": "single"}, "metric": "x/em", "least": 0.8, "passed": True}
        return {**known, **counts, "base": base, "target": 1.0}

    ConsoleProgress().gate([row(None)])
    ConsoleProgress().gate([row(0.0)])
    told = " ".join(capsys.readouterr().err.split())
    assert "gate, train: EM single 100 %; at least 80 %: passed" in told
    assert "gate, train: EM single 100 % (base single 0 %); at least" in told


def test_so_do_bars():
    from rich.console import Console

    progress = ConsoleProgress()
    progress.console = Console(file=io.StringIO(), force_terminal=True, width=300, highlight=False)
    with progress.stage(f"judging {MOVES}"):
        progress._bar[0].refresh()
        progress.bar(f"asking {MOVES}", 1, 2)
        progress._bar[0].refresh()
    told = progress.console.file.getvalue()
    assert f"judging {SHOWN}" in told and f"asking {SHOWN}" in told and MOVES[:4] not in told
