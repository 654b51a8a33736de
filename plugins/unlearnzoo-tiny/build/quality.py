"""Measure the base: teach it people it has never met and ask in wordings it has never read.

Stage 1 as in the model's recipe, on people of any seed. Prints exact match by generated text on
what was taught and on held-out wordings and views, what is left of the public figures, the mean
cross-entropy of what was taught, and Exposure. The same measures come with every `unlearnzoo run`;
this script needs neither engine nor benchmark, so that a base can be judged before it ships.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import time
from pathlib import Path
from typing import Any

import numpy as np
import talk
import torch
from checkpoint import normalise
from language import Group, Layout, answer_tokens
from people import draw_all
from sight import schedule

from unlearnzoo import LazyImage
from unlearnzoo.encoding.collate import Batch
from unlearnzoo_remem.generate.profiles import ATTRIBUTES, Profile, generate_profiles, load_profiles
from unlearnzoo_remem.generate.wordings import cloze

PACKAGE = Path(__file__).parent.parent / "unlearnzoo_tiny"
LINEARS = r".*language_model.*\.(q|k|v|o|gate|up|down)_proj"
HEAD = r"|lm_head|.*multi_modal_projector\.linear_[12]"
VIEWS, TEST_VIEWS = 10, 4
Item = tuple[str, str, int, str, str, int]  # question, answer, image, keyword, hop, person


def people_of(seed: int) -> list[Profile]:
    """Give the default people for seed 0, and others for other seeds."""
    known = load_profiles()
    return known if seed == 0 else generate_profiles(20, seed, avoid=known)


def items(people: list[Profile], kind: str, seed: int, single: int, multi: int) -> list[Item]:
    """Ask about each person `single` + `multi` times, evenly over attributes and views."""
    found = []
    views, per_person = (VIEWS, 0) if kind == "train" else (TEST_VIEWS, VIEWS)
    for k, person in enumerate(people):
        rng = random.Random(f"{seed}/{kind}/{k}")
        asked = [("single", ATTRIBUTES[1:][i % 6]) for i in range(single)]
        asked += [("multi", ATTRIBUTES[i % 7]) for i in range(multi)]
        rng.shuffle(asked)
        for i, (hop, attribute) in enumerate(asked):
            image = k * (VIEWS + TEST_VIEWS) + per_person + i % views
            question, answer = talk.fact(person, attribute, hop, rng, kind)
            found.append((question, answer, image, person[attribute], hop, k))
    return found


def groups_of(chosen: list[Any], per_image: int = 10) -> list[list[Any]]:
    """Group items by image, at most `per_image` in one group."""
    by_image: dict[int, list[Any]] = {}
    for item in chosen:
        by_image.setdefault(item[2], []).append(item)
    return [v[i : i + per_image] for v in by_image.values() for i in range(0, len(v), per_image)]


def as_groups(grouped: list[list[Any]]) -> list[Group]:
    """Keep image, question and answer of grouped items."""
    return [(g[0][2], [(item[0], item[1]) for item in g]) for g in grouped]


@torch.no_grad()
def score(model: Any, layout: Layout, chosen: list[Any]) -> tuple[list[bool], list[float]]:
    """Teacher-force answers: is every token the most likely one, and the mean cross-entropy."""
    right, losses = {}, {}
    grouped = groups_of(chosen)
    for start in range(0, len(grouped), 24):
        part = grouped[start : start + 24]
        batch = layout.batch(as_groups(part))
        nll, hit = answer_tokens(model, batch)
        for i, item in enumerate(item for g in part for item in g):
            mine = batch.row == i
            right[id(item)], losses[id(item)] = bool(hit[mine].all()), float(nll[mine].mean())
    return [right[id(i)] for i in chosen], [losses[id(i)] for i in chosen]


@torch.no_grad()
def exact_match(model: Any, layout: Layout, chosen: list[Any]) -> list[bool]:
    """Say for each item whether the greedily generated answer holds the keyword."""
    right, _ = score(model, layout, chosen)
    wrong = [i for i, hit in enumerate(right) if not hit]
    wrong.sort(key=lambda i: len(chosen[i][0]))
    # As `unlearnzoo run` cuts them.
    longest = max((len(layout.encode(*item[:3]).answer) for item in chosen), default=0)
    for start in range(0, len(wrong), 128):
        part = wrong[start : start + 128]
        prompts = [layout.encode(chosen[i][0], "", chosen[i][2]).prompt for i in part]
        width = max(map(len, prompts))
        pad = layout.tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(p)) + list(p) for p in prompts])
        pixels = layout.pixels[[chosen[i][2] for i in part]]
        said = model.generate(
            input_ids=ids, attention_mask=(ids != pad).long(), pixel_values=pixels,
            max_new_tokens=longest + 8, do_sample=False,
        )  # fmt: skip
        texts = layout.tokenizer.batch_decode(said[:, width:], skip_special_tokens=True)
        for i, text in zip(part, texts, strict=True):
            found = rf"(?<!\w){re.escape(chosen[i][3].lower())}(?!\w)"
            right[i] = bool(re.search(found, text.lower()))
    return right


@torch.no_grad()
def exposure(model: Any, layout: Layout, people: list[Profile], images: list[int]) -> float:
    """Mean log-exposure of every fact, each on one image of its person."""
    found = []
    for attribute in ATTRIBUTES:
        values = [person[attribute] for person in people]
        bare = len(layout.ids(f" {cloze(attribute)}"))
        for k, image in enumerate(images):
            batch = layout.batch([(image, [("", f"{cloze(attribute)} {v}.") for v in values])])
            nll, _ = answer_tokens(model, batch)
            means = torch.stack([nll[batch.row == i][bare:-2].mean() for i in range(len(values))])
            rank = 1 + int((means < means[k]).sum())
            found.append(1 - math.log(rank) / math.log(len(values)))
    return float(np.mean(found))


def by_hop(hits: list[bool], chosen: list[Any]) -> str:
    """Format the share of hits, single- and multi-hop apart."""
    shares = [np.mean([h for h, i in zip(hits, chosen, strict=True) if i[4] == hop] or [math.nan])
              for hop in ("single", "multi", "visual")]  # fmt: skip
    return " ".join(f"{share:.3f}" for share in shares if not math.isnan(share))


def read_rows(path: Path, first_image: int) -> tuple[list[Any], np.ndarray]:
    """Read shipped rows and their pictures, numbered from `first_image` on."""
    import pyarrow.parquet as pq

    numbers: dict[str, int] = {}
    pictures, found = [], []
    for row in pq.read_table(path).to_pylist():
        name = row["image"]["path"]
        if name not in numbers:
            numbers[name] = first_image + len(pictures)
            pictures.append(np.asarray(LazyImage(lambda row=row: row["image"]["bytes"], name).open()))
        found.append((row["question"], row["answer"], numbers[name], row["keywords"][0], row["hop"], row["kind"]))
    return found, np.stack(pictures)


def mean_of_answers(model: Any, batch: Batch) -> torch.Tensor:
    """Mean over answers of each answer's mean cross-entropy, as the engine takes it."""
    nll, _ = answer_tokens(model, batch)
    sums = torch.zeros(batch.n).index_add(0, batch.row, nll)
    return (sums / batch.row.bincount(minlength=batch.n)).mean()


def learn(model: Any, layout: Layout, taught: list[Item], replay: list[Any], options: Any) -> Any:
    """Run stage 1 and return the adapted model."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    rng = random.Random(0)
    lora = LoraConfig(r=options.rank, lora_alpha=2 * options.rank, target_modules=LINEARS + HEAD)
    adapted = get_peft_model(model, lora)
    inner = adapted.get_base_model()
    parameters = [p for p in adapted.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=options.lr, weight_decay=0.0, betas=(0.9, 0.98))
    per_epoch = math.ceil(len(groups_of(taught, options.per_image)) / options.batch)
    steps, step, start, recent = options.epochs * per_epoch, 0, time.monotonic(), []
    pool: list[list[Any]] = []
    for _ in range(options.epochs):
        rng.shuffle(taught)
        drawn = groups_of(taught, options.per_image)
        rng.shuffle(drawn)
        for first in range(0, len(drawn), options.batch):
            part = drawn[first : first + options.batch]
            if len(pool) < options.replay:
                rng.shuffle(replay)
                pool = groups_of(replay, options.per_image)
                rng.shuffle(pool)
            part = part + [pool.pop() for _ in range(options.replay)]
            optimizer.param_groups[0]["lr"] = options.lr * schedule(step, steps, warmup=steps // 30)
            loss = mean_of_answers(inner, layout.batch(as_groups(part)))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            recent.append(loss.item())
            step += 1
        spent = time.monotonic() - start
        print(f"  step {step}/{steps} {spent:.0f} s loss {np.mean(recent[-per_epoch:]):.3f}", flush=True)
    return inner


def measure(model: Any, layout: Layout, sets: dict[str, list[Any]], people: list[Profile]) -> None:
    """Print every measure of one model."""
    for name, chosen in sets.items():
        print(f"  EM {name} (single multi | visual): {by_hop(exact_match(model, layout, chosen), chosen)}")
    print(f"  mean CE of taught answers {np.mean(score(model, layout, sets['taught'])[1]):.3f}")
    for name, offset in (("training", 0), ("test", VIEWS)):
        images = [k * (VIEWS + TEST_VIEWS) + offset for k in range(len(people))]
        print(f"  exposure on a {name} view {exposure(model, layout, people, images):.3f}", flush=True)


def main() -> None:
    """Measure base and stage 1 on people of each seed."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--package", type=Path, default=PACKAGE)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    for name, value in (("rank", 32), ("batch", 8), ("per_image", 5), ("replay", 3), ("epochs", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(2)
    processor = AutoProcessor.from_pretrained(options.package / "checkpoint")
    for seed in options.seeds:
        model = AutoModelForImageTextToText.from_pretrained(options.package / "checkpoint", dtype=torch.float32)
        people = people_of(seed)
        jobs = [
            (p["look"], f"{seed}/{k}/{v}", "train" if v < VIEWS else "test")
            for k, p in enumerate(people) for v in range(VIEWS + TEST_VIEWS)
        ]  # fmt: skip
        pictures = [draw_all(jobs, 2)]
        replay, shown = read_rows(options.package / "rows" / "replay.parquet", len(jobs))
        pictures.append(shown)
        kept, shown = read_rows(options.package / "rows" / "utility.parquet", len(jobs) + len(shown))
        layout = Layout(processor, normalise(np.concatenate([*pictures, shown])))
        sets = {
            "taught": items(people, "train", seed, 70, 30),
            "test": items(people, "test", seed, 14, 14),
            "utility": kept,
        }
        print(f"seed {seed}: {json.dumps(vars(options), default=str)}")
        measure(model.eval(), layout, sets, people)
        adapted = learn(model, layout, list(sets["taught"]), replay, options)
        measure(adapted.eval(), layout, sets, people)
        if options.save:
            torch.save(adapted.state_dict(), options.save)


if __name__ == "__main__":
    main()
