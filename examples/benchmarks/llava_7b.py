"""Time the paper's protocol on a model of LLaVA-1.5-7B's shape with random weights, on one GPU.

    python -m examples.benchmarks.llava_7b OUT.json

Weights, text and pixels are random: the figures are about speed and memory, never about quality.
Prints samples/s of each kind of step, the share of the limit they reach, and what the whole
table (stage 1, five algorithms, their evaluations) would take.
"""

import importlib
import json
import sys
import tempfile
import time
from pathlib import Path

import torch

from tests.support.checkpoints import config_7b, llava
from tests.support.examples import image
from unlearnzoo import Example

PLUGINS = Path(__file__).parents[2] / "plugins"
SENTENCE = "The person in this image works as a pastry chef. "
#: Samples of the paper's protocol: 5 epochs over 2,000, then 5 over 400 forget and as many retain.
STAGE_1, STAGE_2 = 10_000, 2_000


def checkpoint(folder: Path) -> Path:
    """Write a random 7B with the real configuration, bf16, safetensors."""
    from transformers import LlavaForConditionalGeneration

    llava(folder, image=336, patch=14)  # processor and tokenizer; its weights are replaced
    config = config_7b(folder)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = LlavaForConditionalGeneration(config)
    torch.set_default_dtype(torch.float32)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder)
    del model
    torch.cuda.empty_cache()
    return folder


def people(n: int, per_image: int) -> list[Example]:
    """Return n examples, ``per_image`` on each picture, of about 24 + 24 tokens."""
    pictures = [image(i, 336) for i in range(-(-n // per_image))]
    return [
        Example(
            f"e{i}",
            f"id{i // per_image}",
            (pictures[i // per_image],),
            f"Number {i}? {SENTENCE}",
            f"{i}: {SENTENCE}",
            ("pastry chef",),
            {},
            "The job of the person in the image is",
        )
        for i in range(n)
    ]


def timed(function, repeats: int = 3) -> float:
    """Return the median seconds of a call, after one warm-up."""
    seconds = []
    for _ in range(repeats + 1):
        torch.cuda.synchronize()
        start = time.perf_counter()
        function()
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return sorted(seconds[1:])[repeats // 2]


def main(out: Path) -> None:
    from unlearnzoo.models import lora
    from unlearnzoo.models.checkpoint import inspect
    from unlearnzoo.training import loop, trainer
    from unlearnzoo.training.engine import Engine
    from unlearnzoo.training.inputs import StepInputs
    from unlearnzoo.training.recipe import Unlearn
    from unlearnzoo.training.schedule import roles

    found: dict = {"gpu": torch.cuda.get_device_name(), "torch": torch.__version__, "steps": {}}
    a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    found["matmul_tflops"] = round(2 * 8192**3 / timed(lambda: a @ b, 9) / 1e12)
    start = time.perf_counter()
    folder = checkpoint(Path(tempfile.mkdtemp()))
    found["build_and_save_s"] = round(time.perf_counter() - start, 1)
    start = time.perf_counter()
    engine = Engine(inspect("7b", folder))
    found["load_s"] = round(time.perf_counter() - start, 1)
    engine.adapt("target", 64, 128.0, ("language",), 0)
    parameters = engine.adapt("unlearn", 64, 128.0, ("language",), 1)
    found["trainable"] = sum(p.numel() for p in parameters)
    for name, parameter in engine.model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.01)
    lora.train_only(engine.model, "unlearn")
    for per_image in (1, 10):
        for micro in (8192, 16384):
            step_times(engine, parameters, found, per_image, micro, loop, trainer, StepInputs, roles, Unlearn)
            out.write_text(json.dumps(found, indent=2))
    evaluation_times(engine, found)
    whole_table(found)
    out.write_text(json.dumps(found, indent=2))
    print(json.dumps(found, indent=2))


def step_times(engine, parameters, found, per_image, micro, loop, trainer, step_inputs, roles, recipe_class) -> None:
    """Time one optimiser step of 64 answers (and 64 retain answers) for each algorithm."""
    forget, retain = people(64, per_image), people(128, per_image)[64:]
    recipe = recipe_class(micro_tokens=micro, per_image=10, lr=1e-5)
    reference = trainer.new_reference(engine)
    for name in ("ga", "gd", "kl", "dpo", "npo"):
        sys.path.insert(0, str(PLUGINS / f"unlearnzoo-{name}"))
        module = importlib.import_module(f"unlearnzoo_{name}")
        algorithm = module.unlearnzoo_unlearners()[0]()
        pools = {"forget": forget, "refusal": forget, "retain": retain}
        step = step_inputs(engine, {r: pools[r] for r in roles(algorithm.needs)}, lambda e: "I would rather not say.")
        with_logits = frozenset(n for n, v in algorithm.reference.items() if v == "logits")
        objective = loop.Objective(algorithm.loss, algorithm.needs, with_logits, reference)
        torch.cuda.reset_peak_memory_stats()
        try:
            seconds = timed(
                lambda s=step, o=objective: loop.optimise(
                    engine, parameters, recipe, o, iter([s]), 1, lambda entry: False
                ),
                2,
            )
        except torch.cuda.OutOfMemoryError:
            seconds = float("nan")
            torch.cuda.empty_cache()
        tokens = sum(len(r) for r in _rows(step.encoded, per_image))
        tflop = 4 * 6.74e9 * tokens / 1e12
        row = {
            "s": round(seconds, 3),
            "answers/s": round(len(step.encoded) / seconds, 1),
            "tokens": tokens,
            "share_of_matmul": round(tflop / seconds / found["matmul_tflops"], 3),
            "peak_gb": round(torch.cuda.max_memory_allocated() / 2**30, 1),
        }
        found["steps"][f"{name}, {per_image} QA an image, micro {micro}"] = row
        print(name, per_image, micro, row, flush=True)


def evaluation_times(engine, found) -> None:
    """Time teacher-forced scoring, generation and Exposure on 64 examples."""
    encoded = [engine.encode(e) for e in people(64, 1)]
    found["score_64_s"] = round(timed(lambda: engine.score(encoded, "unlearned"), 2), 2)
    found["generate_64_s"] = round(timed(lambda: engine.generate(encoded, "unlearned", 32), 1), 2)
    values = [f"pastry chef {i}" for i in range(20)]
    probes = [c for e in people(8, 1) for c in engine.encoder.candidates(e, values)]
    found["exposure_8_packed_s"] = round(timed(lambda: engine.score(probes, "unlearned", per_image=64), 2), 2)
    found["exposure_8_unpacked_s"] = round(timed(lambda: engine.score(probes, "unlearned", per_image=1), 1), 2)


def whole_table(found) -> None:
    """Add up the protocol at one QA an image: 10,000 + 5 x 2,000 samples, 6 evaluations."""
    best = {
        name: min(v["s"] for k, v in found["steps"].items() if k.startswith(f"{name}, 1 QA"))
        for name in ("ga", "gd", "kl", "dpo", "npo")
    }
    minutes = {"stage 1": best["ga"] * STAGE_1 / 64 / 60}
    minutes |= {name: seconds * STAGE_2 / 64 / 60 for name, seconds in best.items()}
    rows = 448 + 400 + 112
    minutes["evaluations"] = (
        6 * (rows / 64 * (found["score_64_s"] + found["generate_64_s"]) + 280 / 8 * found["exposure_8_packed_s"]) / 60
    )
    minutes["gate"] = 2 * 2560 / 64 * (found["score_64_s"] + found["generate_64_s"]) / 60
    found["whole_table_min"] = {k: round(v, 1) for k, v in minutes.items()} | {"sum": round(sum(minutes.values()), 1)}


def _rows(encoded, per_image):
    from unlearnzoo.encoding.packing import rows

    return rows(encoded, max(per_image, 1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
