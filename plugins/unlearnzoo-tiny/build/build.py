"""Rebuild the embedded model from nothing: `python build/build.py` (see the README).

Draw people, train the vision tower, train the language model, save checkpoint and rows. Everything
is seeded and counted in steps, never in seconds.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import torch
from checkpoint import new_model, new_processor, normalise
from language import Layout, train_language
from people import draw_all, face_jobs, figure_jobs, figures, text_profiles
from rows import write_rows
from sight import HELD_OUT, train_vision
from talk import vocabulary_texts

SEED = 1
FACES, PLAIN_FACES, STRANGERS = 9000, 3000, 2000
FIGURES, VIEWS, HELD_OUT_VIEWS = 60, 30, 2
VOCABULARY = 3000
VISION_STEPS, LANGUAGE_STEPS = (450, 900), 1000
PACKAGE = Path(__file__).parent.parent / "unlearnzoo_tiny"


def build(package: Path) -> None:
    """Build checkpoint and rows into the package's folder."""
    start = time.monotonic()

    def done(what: str) -> None:
        print(f"{time.monotonic() - start:5.0f} s  {what}", flush=True)

    drawn = face_jobs(FACES, PLAIN_FACES, SEED)
    known = figures(FIGURES, VIEWS, HELD_OUT_VIEWS, first_image=FACES, seed=1000 + SEED)
    pictures = draw_all([*drawn, *figure_jobs(known, SEED)], workers=torch.get_num_threads())
    pixels = normalise(pictures)
    done(f"drew {len(pictures)} pictures")

    looks = [look for look, _, _ in drawn]
    tower, _ = train_vision(pixels[:FACES], looks, PLAIN_FACES, VISION_STEPS, SEED)
    done("trained the vision tower")

    strangers = text_profiles(STRANGERS, seed=2000 + SEED)
    texts = vocabulary_texts(strangers, random.Random(SEED))
    processor = new_processor(texts, VOCABULARY)
    model = new_model(processor, SEED)
    model.model.vision_tower.load_state_dict(tower.state_dict())
    layout = Layout(processor, pixels)
    faces = list(zip(looks, range(FACES), strict=True))
    train_language(model, layout, known, faces[:-HELD_OUT], strangers, LANGUAGE_STEPS, SEED)
    done("trained the language model")

    folder = package / "checkpoint"
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    write_rows(package / "rows", known, faces, pictures, SEED)
    done(f"saved to {package}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", type=Path, default=PACKAGE)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    build(options.package)
