"""Memory and time of reading a set like ReMem's published one.

    python -m examples.benchmarks.published [ROWS [FOLDER [GROUP]]]

Writes ROWS (640) rows with images of about 2.3 MB, half PNG and half JPEG noise, as parquet with `datasets`, then
reads them in fresh processes: load, fingerprint, and decode the image of every row. Prints peak memory (VmHWM: what was
resident at once, mapped files included) beside that of two naive ways. ROWS=4120 is the published size, 9.5 GB. GROUP
is the number of rows in a row group of plain parquet, each a page (otherwise as `datasets` does now: small pages).
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

PLUGIN = Path(__file__).parents[2] / "plugins" / "unlearnzoo-remem"
PEOPLE = 20
#: Rows of each split of the published set, of 4,120.
SHARES = {"finetune": 2000, "retain": 560, "test": 560, "forget1": 100, "forget2": 200, "forget3": 300, "forget4": 400}
READ = """
from unlearnzoo_remem.benchmark import ReMem
found["imported_mb"] = peak()
bench = ReMem.configure({"data": sys.argv[1]})
bench.prepare(); bench.fingerprint()
found["load_s"], found["load_mb"] = time.perf_counter() - start, peak()
for split in ("finetune", "retain", "test"):
    for example in bench.examples(split):
        example.images[0].open(); found["decoded"] += 1
"""
MAPPED = """
import glob, os
from datasets import Dataset, Image
from unlearnzoo_remem.read.reader import NEEDED, no_bars
with no_bars():
    for split in NEEDED:
        files = glob.glob(f"{sys.argv[1]}/data/{split}-*")
        data = Dataset.from_parquet(files, cache_dir=os.environ["UNLEARNZOO_CACHE"])
        for row in data.cast_column("image", Image(decode=False)):
            len(row["image"]["bytes"]); found["decoded"] += 1
"""
WHOLE = """
import pyarrow.parquet as pq
from unlearnzoo_remem.read.reader import NEEDED
held = [pq.read_table(f"{sys.argv[1]}/data")]
found["decoded"] = sum(map(len, held))
"""
FRAME = """
import json, sys, time
def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1e3
start, found = time.perf_counter(), {{"decoded": 0}}
{body}
found["s"], found["peak_mb"] = time.perf_counter() - start, peak()
print(json.dumps(found))
"""


def write(folder: Path, rows: int, size: int = 2_300_000, group: int | None = None) -> int:
    """Write a set of about that many rows; return its bytes.

    Args:
        folder: gets ``data/<split>-00000-of-00001.parquet``.
        rows: over all splits.
        size: bytes of an image.
        group: rows in a row group, written plainly.
    """
    import pyarrow.parquet as pq
    from datasets import Dataset, Features, Image, Value
    from datasets.utils import disable_progress_bars

    disable_progress_bars()
    texts = next(_rows("finetune", 1, 1000)).keys() - {"image"}
    features = Features({"image": Image(), **{c: Value("string") for c in sorted(texts)}})
    (folder / "data").mkdir(parents=True)
    for split, share in SHARES.items():
        n = max(2 * PEOPLE if not split.startswith("forget") else 1, round(rows * share / sum(SHARES.values())))
        with tempfile.TemporaryDirectory(dir=folder) as cache:
            data = Dataset.from_generator(
                _rows, features=features, cache_dir=cache, gen_kwargs={"split": split, "n": n, "size": size}
            )
            path = folder / "data" / f"{split}-00000-of-00001.parquet"
            data.to_parquet(path)
        if group:
            pq.write_table(pq.read_table(path), path, row_group_size=group)
    return sum(p.stat().st_size for p in (folder / "data").iterdir())


def _rows(split: str, n: int, size: int) -> Iterator[dict]:
    people = int(split[-1]) if split.startswith("forget") else PEOPLE
    of = "test" if split == "test" else "finetune"  # forgetN and retain are rows of finetune
    for i in range(max(n, people)):
        person, view = i % people, i // people
        yield {
            "image": {"bytes": noise(f"{of}/{person}/{view}", size, jpeg=bool(i % 2)), "path": None},
            "question": f"What is question {view}?",
            "answer": f"It is value {person}.",
            "keywords": f'["value {person}"]',
            "question_type": "multi-hop" if i % 3 else "single-hop",
            "qa_category": "job",
            "attribute": "job",
            "cloze_prompt": "The job of the person in the image is",
            "image_path": f"{of}/id_{person:02d}/view_{view}.png",
        }


def noise(seed: str, size: int, jpeg: bool) -> bytes:
    """Encode noise to about ``size`` bytes."""
    import random

    from PIL import Image

    side = int((size / (1.03 if jpeg else 3.0)) ** 0.5)
    picture = Image.frombytes("RGB", (side, side), random.Random(seed).randbytes(3 * side * side))
    buffer = io.BytesIO()
    picture.save(buffer, *(("JPEG",) if jpeg else ("PNG",)), **({"quality": 93} if jpeg else {"compress_level": 1}))
    return buffer.getvalue()


def child(body: str, folder: Path, cache: Path) -> dict:
    """Run a way of reading in a fresh process; return what it measured."""
    env = {**os.environ, "UNLEARNZOO_CACHE": str(cache), "PYTHONPATH": os.pathsep.join([str(PLUGIN), *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", FRAME.format(body=body), str(folder)],
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout)


def main() -> None:
    """Print a line a way."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 640
    home = Path(tempfile.mkdtemp(dir=sys.argv[2] if len(sys.argv) > 2 else None))
    try:
        start = time.perf_counter()
        total = write(home / "set", rows, group=int(sys.argv[3]) if len(sys.argv) > 3 else None)
        seconds = time.perf_counter() - start
        print(f"{rows} rows, {total / 1e9:.2f} GB of parquet, written in {seconds:.0f} s", flush=True)
        ways = {"first use": READ, "again": READ, "mapped": MAPPED, "read whole": WHOLE}
        if total > 4e9:
            del ways["read whole"], ways["mapped"]  # do not fit into memory or onto the disk
        for name, body in ways.items():
            found = child(body, home / "set", home / "cache")
            print(f"{name:<12}" + "  ".join(f"{k} {v:.1f}" for k, v in found.items()), flush=True)
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
