"""Where generated data and trained targets are kept between runs."""

import contextlib
import os
import secrets
import shlex
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path

from ..errors import CacheWarning, RunError, ZooError, first_line
from .atomic import atomic_write, private_folder, write_error
from .locks import Lock, holder_file

#: Says that a folder is a cache and nothing else (https://bford.info/cachedir/): backups leave it out.
TAG, SIGNATURE = "CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55"
#: Other tools write such files too; by this line it is ours.
_OURS = "# What unlearnzoo keeps between runs."
#: Each process that uses the cache holds a file of its own in here.
USERS = ".in-use"


def cache_folder(*parts: str) -> Path:
    """Return a folder below the cache, created, readable by its owner only.

    ``UNLEARNZOO_CACHE`` names another place than the user's cache folder. A trained target *is*
    the secret that unlearning is about, hence the permissions.
    """
    path = cache_root()
    private_folder(path)
    if all(entry.name == USERS for entry in path.iterdir()):
        with contextlib.suppress(RunError):  # a full disk, or a read-only one
            atomic_write(path / TAG, f"{SIGNATURE}\n{_OURS}\n".encode())
    path = path.joinpath(*parts)
    private_folder(path)
    return path


def cache_root() -> Path:
    """Return where the cache is, whether it is there or not.

    Raises:
        RunError: ``UNLEARNZOO_CACHE`` begins with the home folder of nobody.
    """
    from platformdirs import user_cache_path

    named = os.environ.get("UNLEARNZOO_CACHE")
    if not named:
        return user_cache_path("unlearnzoo")
    if (place := os.path.expanduser(named)).startswith("~"):
        raise RunError(f"UNLEARNZOO_CACHE {named}: there is no such user; write the folder out, such as /scratch/cache")
    return Path(place)


def check_cache() -> None:
    """Make the cache where it is missing.

    Raises:
        RunError: it cannot be made.
    """
    try:
        cache_folder()
    except OSError as error:
        raise write_error(cache_root(), error) from None


def contents() -> list[Path]:
    """Return what lies in the cache, but for the files that say who uses it.

    The tag is last: whoever removes them in this order and is stopped leaves a cache that is still known as ours.

    Raises:
        RunError: ``UNLEARNZOO_CACHE`` names a folder that held something else before, or another tool's cache.
    """
    root = cache_folder()
    entries = sorted((path for path in root.iterdir() if path.name != USERS), key=lambda p: (p.name == TAG, p.name))
    if os.environ.get("UNLEARNZOO_CACHE") and entries and not _is_ours(root / TAG):
        names = ", ".join(path.name for path in entries[:6])
        raise RunError(
            f"{root}: UNLEARNZOO_CACHE named a folder that was not empty, so what else lies there would go "
            f"with the cache; remove the cache's part of it yourself ({names}, ...)"
        )
    return entries


@contextlib.contextmanager
def in_use() -> Iterator[None]:
    """Hold the cache: until the end no purge removes what this process reads and writes there.

    A cache that cannot be written, which no purge can empty either, is used without.

    Raises:
        RunError: a purge is at work on it.
    """
    with _registered("user") as own:
        if others := _others(own, "purge"):
            raise RunError(f"{cache_root()}: it is being purged ({others[0]}); start again when that has ended")
        yield


@contextlib.contextmanager
def purging() -> Iterator[None]:
    """Hold the cache for removing what lies there; commands that would use it are refused until the end.

    Raises:
        RunError: other processes use it, by name; a file of one that died counts for nothing.
    """
    # Each side says first that it is there, and looks then: both may give way, never neither.
    with _registered("purge") as own:
        if users := [*_others(own, "user"), *_others(own, "purge")]:
            raise RunError(
                f"{cache_root()}: it is in use ({', '.join(users)}), and what is removed there now would be written "
                "again; wait for it, or stop it first; nothing was removed"
            )
        yield


@contextlib.contextmanager
def _registered(kind: str) -> Iterator[Path | None]:
    """Hold a file of this process's own in the cache until the end; None where none can be written."""
    with contextlib.ExitStack() as stack:
        try:
            own = cache_folder(USERS) / f"{kind}-{secrets.token_hex(8)}"
            stack.callback(_forget, own)
            stack.enter_context(Lock(own))
        except (OSError, RunError):
            own = None
        yield own


def _others(own: Path | None, kind: str) -> list[str]:
    """Return which other processes hold a file of a kind; files of those that died are removed."""
    found = []
    for path in sorted((cache_root() / USERS).glob(f"{kind}-*")):
        if path != own and path.suffix != holder_file(""):
            with Lock(path) as lock:
                if not lock.held:
                    found.append(lock.holder)
            if lock.held:
                _forget(path)
    return found


def _forget(path: Path) -> None:
    """Remove a file that said that a process uses the cache."""
    for file in (path, path.with_name(holder_file(path.name))):
        with contextlib.suppress(OSError):
            file.unlink()
    with contextlib.suppress(OSError):  # others are there
        path.parent.rmdir()


def warn_if_shared(*folders: Path) -> None:
    """Say where others can write, who could then change what a later command reads; Windows has other permissions."""
    for folder in folders:
        if os.name != "nt" and folder.is_dir():
            below = (path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
            if any(map(_others_write, (folder, *below))):
                warnings.warn(
                    f"{folder}: others can write there, and so change what your commands read; if they should not: "
                    f"chmod -R go-w {shlex.quote(str(folder))}",
                    CacheWarning,
                    stacklevel=2,
                )


def _others_write(folder: Path) -> bool:
    """Return whether others than its owner can write in a folder; a group of the owner's name is the owner alone."""
    import grp
    import pwd

    found = folder.stat()
    if not found.st_mode & stat.S_IWGRP:
        return bool(found.st_mode & stat.S_IWOTH)
    try:
        own = grp.getgrgid(found.st_gid).gr_name == pwd.getpwuid(found.st_uid).pw_name
    except KeyError:
        own = False
    return not own or bool(found.st_mode & stat.S_IWOTH)


def _is_ours(tag: Path) -> bool:
    """Return whether a cache's tag was written by us."""
    if tag.is_symlink() or not tag.is_file() or tag.stat().st_size > 1024:
        return False
    return _OURS in tag.read_text("utf-8", "replace").splitlines()


@contextlib.contextmanager
def best_effort(what: str, path: Path) -> Iterator[None]:
    """Keep something for the next run; a full disk is a warning, since this run has it in memory."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError, ZooError) as error:
        reason = first_line(error).removeprefix(f"{path}: ")
        warnings.warn(f"{what} is not kept for the next run: {path}: {reason}", CacheWarning, stacklevel=3)


def partial_target(key: str) -> Path:
    """Return where the checkpoints of a stage 1 lie: any command that needs this target resumes from them."""
    return cache_folder("targets") / f"{key}-partial"
