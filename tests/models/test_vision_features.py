"""Features of the vision tower: the same answers and gradients, computed once, whatever is on disk."""

import contextlib
import os
import threading

import pytest
import torch

from tests.support.engines import adapted, prompts
from tests.support.examples import image, people
from unlearnzoo.errors import DataError, RunError
from unlearnzoo.image import LazyImage
from unlearnzoo.models import lora, vision_features
from unlearnzoo.models.vision_cache import FeatureFiles
from unlearnzoo.storage.cache import cache_folder


@pytest.fixture(autouse=True)
def own_features(tmp_path, monkeypatch):
    monkeypatch.setenv("UNLEARNZOO_CACHE", str(tmp_path / "cache"))


def with_features(engine, **bound):
    base, encoder = engine.model.get_base_model(), engine.encoder
    engine.pixels = vision_features.inputs(base, encoder.inputs, engine.accelerator.autocast, worth=0, **bound)
    return engine


@pytest.fixture
def both(checkpoint_folder):
    """The same engine twice, without and with features."""
    return adapted(checkpoint_folder), with_features(adapted(checkpoint_folder))


def towers_runs(engine, monkeypatch):
    """Count the images that the tower is run on."""
    ran = []
    tower = engine.pixels.tower
    stock = tower.forward

    def forward(pixel_values, *args, **kwargs):
        if pixel_values.ndim == 4:
            ran.append(len(pixel_values))
        return stock(pixel_values, *args, **kwargs)

    monkeypatch.setattr(tower, "forward", forward)
    return ran


def gradients(engine, encoded):
    parameters = lora.train_only(engine.model, "target")
    engine.model.zero_grad()
    for _, batch in engine.batches(encoded, 4, 300):
        engine.forward(batch, "unlearned")[0].nll.sum().backward()
    assert parameters
    return {n: p.grad.clone() for n, p in engine.model.named_parameters() if p.grad is not None}


def test_scores_answers_and_gradients_are_those_without_features(both):
    plain, cached = both
    examples = people(4, 3)
    for engine in both:
        assert isinstance(engine.pixels, vision_features.Features) == (engine is cached)
    encoded = [plain.encode(e) for e in examples]
    for state in ("base", "target", "unlearned"):
        for _ in range(2):  # computed, then looked up
            for a, b in zip(plain.score(encoded, state), cached.score(encoded, state), strict=True):
                assert a.logps == pytest.approx(b.logps, abs=1e-5)
            assert plain.generate(encoded, state, 6) == cached.generate(encoded, state, 6)
    assert plain.verified.packs and cached.verified.packs
    expected, found = gradients(plain, encoded), gradients(cached, encoded)
    assert expected.keys() == found.keys() and any("multi_modal_projector" in n for n in found)
    for name, gradient in expected.items():
        assert gradient.abs().max() > 0 and torch.allclose(found[name], gradient, rtol=1e-4, atol=1e-6), name


def test_features_are_the_towers_bit_by_bit_and_from_disk_too(both, checkpoint_folder, monkeypatch):
    plain, cached = both
    pictures = [image(i) for i in range(3)]
    pixels = plain.pixels(prompts(plain.encoder, *pictures))["pixel_values"]
    with torch.no_grad():
        tower = plain.base.model.vision_tower
        expected = torch.stack([tower(p[None], output_hidden_states=True).hidden_states[-2][0] for p in pixels])
    assert torch.equal(cached.pixels(prompts(cached.encoder, *pictures))["pixel_values"], expected)
    again = with_features(adapted(checkpoint_folder))
    ran = towers_runs(again, monkeypatch)
    monkeypatch.setattr(LazyImage, "open", lambda self: pytest.fail("decoded although its features are known"))
    assert torch.equal(again.pixels(prompts(again.encoder, *pictures))["pixel_values"], expected) and not ran
    other = with_features(adapted(checkpoint_folder))
    assert other.pixels._tower == again.pixels._tower and len(list(cache_folder("vision").iterdir())) == 3


def test_another_tower_processor_image_or_picture_rule_is_another_feature(both, monkeypatch):
    _, cached = both
    one = cached.pixels._address(image(1))
    assert one == cached.pixels._address(image(1)) != cached.pixels._address(image(2))
    with monkeypatch.context() as other:
        other.setattr(vision_features, "PICTURE_RULE", 1)
        assert cached.pixels._address(image(1)) != one
    fresh = vision_features._digest(cached.pixels.tower)
    next(cached.pixels.tower.parameters()).data[0] += 1
    assert fresh == cached.pixels._tower != vision_features._digest(cached.pixels.tower)
    cached.pixels._settings += " "
    assert cached.pixels._address(image(1)) != one


def test_training_and_generation_know_a_feature_by_one_address(checkpoint_folder):
    """As on a GPU: one asks within autocast, the other outside; both are given what was made within."""
    from unlearnzoo.models.checkpoint import inspect, load

    checkpoint = inspect("x", checkpoint_folder)
    encoder = checkpoint.encoder
    within = [lambda: torch.autocast("cpu", torch.bfloat16), contextlib.nullcontext]
    features = [
        vision_features.inputs(load(checkpoint, torch.bfloat16), encoder.inputs, how, worth=0) for how in within
    ]
    outside = [one._address(image(1)) for one in features]
    with within[0]():
        assert [one._address(image(1)) for one in features] == outside
    assert outside[0] != outside[1]


def test_a_tower_that_changes_or_is_trained_is_asked_anew(both, monkeypatch):
    _, cached = both
    pictures = [image(1)]
    assert cached.pixels(prompts(cached.encoder, *pictures))["pixel_values"].ndim == 3
    parameter = next(cached.pixels.tower.parameters())
    parameter.requires_grad_(True)
    assert cached.pixels(prompts(cached.encoder, *pictures))["pixel_values"].ndim == 4
    parameter.requires_grad_(False)
    assert cached.pixels(prompts(cached.encoder, *pictures))["pixel_values"].ndim == 3
    with torch.no_grad():
        parameter.mul_(2)
    assert cached.pixels(prompts(cached.encoder, *pictures))["pixel_values"].ndim == 4


@pytest.mark.parametrize(
    "damage",
    [
        lambda path, other: path.write_bytes(path.read_bytes()[:-20]),
        lambda path, other: path.write_bytes(b""),
        lambda path, other: path.write_bytes(other.read_bytes()),
        lambda path, other: path.write_bytes(path.read_bytes()[:-1] + bytes([path.read_bytes()[-1] ^ 1])),
    ],
)
def test_a_damaged_or_foreign_file_is_computed_again(both, checkpoint_folder, damage):
    _, cached = both
    expected = cached.pixels(prompts(cached.encoder, image(1), image(2)))["pixel_values"]
    files = cached.pixels.files
    path, other = (files._path(cached.pixels._address(image(i))) for i in (1, 2))
    damage(path, other)
    assert files.get(path.stem) is None
    assert torch.equal(
        with_features(adapted(checkpoint_folder)).pixels(prompts(cached.encoder, image(1)))["pixel_values"][0],
        expected[0],
    )
    assert torch.equal(files.get(path.stem), expected[0])


def test_the_bound_holds_and_what_was_not_used_goes_first(tmp_path):
    files = FeatureFiles(tmp_path / "v", 5000)
    tensors = {f"t{i}": torch.full((200,), float(i)) for i in range(9)}  # about 1 kB each, with a header
    for i, (name, tensor) in enumerate(tensors.items()):
        files.put(name, tensor)
        if name != "t0":
            os.utime(files._path(name), ns=(10**9 * i, 10**9 * i))
        assert torch.equal(files.get("t0"), tensors["t0"])  # used each time: it stays
        assert sum(p.stat().st_size for p in files.folder.iterdir()) <= 5000
    assert {p.stem for p in files.folder.iterdir()} == {"t0", "t5", "t6", "t7", "t8"}
    files.put("large", torch.zeros(5000))
    assert "large" not in files and "t8" in files


def test_two_writers_at_once_leave_whole_files_within_the_bound(tmp_path):
    stores = [FeatureFiles(tmp_path / "v", 20_000) for _ in range(2)]
    wrong = []

    def work(files):
        for i in range(60):
            name = f"t{i % 25}"
            found = files.get(name)
            if found is not None and not torch.equal(found, torch.full((200,), float(i % 25))):
                wrong.append(name)
            files.put(name, torch.full((200,), float(i % 25)))

    threads = [threading.Thread(target=work, args=(files,)) for files in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and not stores[0]._refused and not stores[1]._refused
    sizes = [p.stat().st_size for p in (tmp_path / "v").iterdir()]
    assert sum(sizes) <= 20_000 + max(sizes) and len(sizes) > 10


def test_a_cache_that_cannot_be_written_is_a_warning_once(tmp_path, monkeypatch):
    files = FeatureFiles(tmp_path / "v", 5000)
    monkeypatch.setattr("unlearnzoo.storage.atomic.os.replace", lambda a, b: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.warns(match="the disk is full"):
        files.put("a", torch.zeros(10))
    files.put("b", torch.zeros(10))  # a second warning would be an error here


def test_memory_is_bounded(both, checkpoint_folder):
    size = both[1].pixels(prompts(both[1].encoder, image(0)))["pixel_values"].nbytes
    pixels = with_features(adapted(checkpoint_folder), memory=2 * size).pixels
    for i in range(5):
        pixels(prompts(both[1].encoder, image(i)))
        assert pixels._kept.nbytes == len(pixels._kept) * size <= 2 * size
    assert image(4).key in pixels._kept and image(3).key in pixels._kept and image(0).key not in pixels._kept


def test_a_broken_image_is_named(both):
    _, cached = both
    with pytest.raises(DataError, match="row 7: the image is no picture"):
        cached.pixels(prompts(cached.encoder, LazyImage(lambda: b"no image", "row 7")))


def test_small_towers_and_a_bound_of_zero_use_none(engine, monkeypatch):
    base, encoder = engine.model.get_base_model(), engine.encoder
    assert not isinstance(engine.pixels, vision_features.Features)
    monkeypatch.setenv("UNLEARNZOO_VISION_GB", "0")
    assert not isinstance(
        vision_features.inputs(base, encoder.inputs, contextlib.nullcontext, 0), vision_features.Features
    )
    for odd in ("much", "-1", "nan"):
        monkeypatch.setenv("UNLEARNZOO_VISION_GB", odd)
        with pytest.raises(RunError, match="UNLEARNZOO_VISION_GB"):
            vision_features.inputs(base, encoder.inputs, contextlib.nullcontext, 0)


def test_bf16_under_autocast_and_without(checkpoint_folder):
    """As on a GPU: features are made under autocast, and the stock model is also asked without it."""
    from unlearnzoo.models.checkpoint import inspect, load

    checkpoint = inspect("x", checkpoint_folder)
    plain, cached = (load(checkpoint, torch.bfloat16) for _ in range(2))
    encoder = checkpoint.encoder
    pixels = vision_features.inputs(cached, encoder.inputs, lambda: torch.autocast("cpu", torch.bfloat16), worth=0)
    stock = vision_features.inputs(plain, encoder.inputs, contextlib.nullcontext)
    ids = torch.tensor([[1, *[checkpoint.processor.image_token_id] * 4, 5, 6]] * 2)
    for on, tolerance in ((True, 0.0), (False, 0.1)):
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=on):
            expected, found = (
                model(input_ids=ids, **given(prompts(encoder, image(1), image(2)))).logits.float()
                for model, given in ((plain, stock), (cached, pixels))
            )
        assert found.dtype == expected.dtype and torch.allclose(found, expected, atol=tolerance, rtol=tolerance), on
        assert (expected[0] - expected[1]).abs().max() > 0.1
