"""A command and the processes that it started: waiting for something to happen, and who is still there."""

import subprocess
import time

import psutil

from tests.support.launched import environment


def start(line, cache, **surroundings):
    """Start a command; what it says is for ``communicate``."""
    return subprocess.Popen(line, env=environment(cache) | surroundings, stderr=subprocess.PIPE, text=True)


def wait(run, happened, within=240):
    """Wait until something is there while the command goes on; return it."""
    until = time.monotonic() + within
    while not (found := happened()):
        assert run.poll() is None and time.monotonic() < until, run.communicate()[1][-3000:]
        time.sleep(0.05)
    return found


def workers(run):
    """Return its processes by rank."""
    found = {}
    for process in psutil.Process(run.pid).children(recursive=True):
        try:
            surroundings = process.environ()
        except psutil.Error:  # over, or not begun
            continue
        if "RANK" in surroundings:
            found[surroundings["RANK"]] = process
    return found


def leaves_nobody(processes, within=60):
    """Wait until none of some processes lives."""
    until = time.monotonic() + within
    while any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes):
        assert time.monotonic() < until, "orphans"
        time.sleep(0.05)
