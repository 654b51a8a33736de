"""Write the rows of all splits as parquet, a bounded number of bytes in memory at a time."""

import functools
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from unlearnzoo import atomic_write
from unlearnzoo_remem.builder import portraits
from unlearnzoo_remem.builder.picture import Picture
from unlearnzoo_remem.generate.plan import Row, View

#: Pictures in a file of a split, in bytes; a file is made in memory, some times this size.
SHARD = 64_000_000


def write_splits(folder: Path, parts: Sequence[Path], splits: Mapping[str, Sequence[Row]]) -> dict[str, int]:
    """Write ``folder/data/<split>-<k>-of-<n>.parquet``; return the bytes of each split.

    Args:
        folder: what was in its ``data`` is removed.
        parts: a file of pictures a person.
        splits: rows ordered by person.

    Raises:
        RunError: a file cannot be written.
        OSError: the folder cannot be made.
    """
    from unlearnzoo_remem.generate.write import parquet

    data = folder / "data"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)

    # Rows come person by person: the last one read is nearly always the next one asked for.
    @functools.lru_cache(maxsize=2)
    def pictures(person: int) -> dict[View, bytes]:
        return numbered(person, portraits.read(parts[person]))

    sizes: dict[View, int] = {}
    written = {}
    for split, rows in splits.items():
        for view in dict.fromkeys(view for view, _ in rows):
            if view not in sizes:
                sizes |= {view: len(image) for view, image in pictures(view.person).items()}
        shards = _cut(rows, sizes)
        written[split] = 0
        for k, shard in enumerate(shards):
            images = {view: pictures(view.person)[view] for view in dict.fromkeys(view for view, _ in shard)}
            content = parquet(shard, images)
            written[split] += len(content)
            atomic_write(data / f"{split}-{k:05d}-of-{len(shards):05d}.parquet", content)
    return written


def numbered(person: int, pictures: Sequence[Picture]) -> dict[View, bytes]:
    """Return the images that are used by the view that they are."""
    found: dict[View, bytes] = {}
    for layout in ("train", "test"):
        images = [picture.image for picture in pictures if picture.layout == layout]
        found |= {View(person, layout, number): image for number, image in enumerate(images)}
    return found


def _cut(rows: Sequence[Row], sizes: Mapping[View, int]) -> list[list[Row]]:
    """Cut rows into runs of at most `SHARD` bytes of images, each embedded in its row."""
    shards: list[list[Row]] = []
    full = SHARD + 1
    for row in rows:
        full += sizes[row[0]]
        if full > SHARD:
            shards.append([])
            full = sizes[row[0]]
        shards[-1].append(row)
    return shards
