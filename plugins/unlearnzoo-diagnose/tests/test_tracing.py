"""Restorations with known results: nothing, everything, and one half-layer worked out by hand."""

import math

import pytest

from unlearnzoo.errors import ModelError
from unlearnzoo_diagnose.pairs import EXCHANGED, GROUPS, build
from unlearnzoo_diagnose.tracing import KINDS, TOKENS, Restoration, Tracer, window


@pytest.fixture
def tracer(engine):
    return Tracer(engine)


def pair_of(engine, people, what):
    return build(engine.encoder, people, what, 0)[0][0]


def every(pair):
    return tuple(range(len(pair.clean)))


def scored(engine, pair, which, ids, image):
    """Score a sequence's value by the engine's own packed forward."""
    from unlearnzoo.encoding.encode import Encoded

    at = len(ids) - len(pair.value) + 1
    last = max(pair.groups["image"]) + 1
    return math.exp(sum(engine.score([Encoded(ids[:last], ids[last:at], pair.value, (image,))], which)[0].logps))


@pytest.mark.parametrize("what", EXCHANGED)
@pytest.mark.parametrize("which", ["base", "target", "unlearned"])
def test_clean_and_corrupted_are_what_the_engine_scores(engine, people, tracer, what, which):
    pair = pair_of(engine, people, what)
    found = tracer.trace(pair, [], which)
    assert found.clean == pytest.approx(scored(engine, pair, which, pair.clean, pair.images[0]), rel=1e-3)
    assert found.corrupted == pytest.approx(scored(engine, pair, which, pair.corrupted, pair.images[1]), rel=1e-3)
    assert found.clean != pytest.approx(found.corrupted, rel=1e-2)  # or the tests below would show nothing


@pytest.mark.parametrize("what", EXCHANGED)
def test_restoring_everything_gives_the_clean_probability(engine, people, tracer, what):
    pair = pair_of(engine, people, what)
    layers = [Restoration("hidden", (layer,), every(pair)) for layer in range(tracer.depth)]
    found = tracer.trace(pair, layers, "target")
    assert found.restored == pytest.approx([found.clean] * tracer.depth, rel=1e-4)


@pytest.mark.parametrize("what", EXCHANGED)
def test_restoring_nothing_gives_the_corrupted_probability(engine, people, tracer, what):
    pair = pair_of(engine, people, what)
    nothing = [
        Restoration(),
        *[Restoration(k, (0, 1), ()) for k in KINDS],
        *[Restoration(k, (), every(pair)) for k in KINDS],
    ]
    found = tracer.trace(pair, nothing, "target")
    assert found.restored == pytest.approx([found.corrupted] * 7, rel=1e-4)


def test_restoring_where_nothing_was_corrupted_changes_nothing(engine, people, tracer):
    """Before the name, a causal model's states are the same in both runs."""
    pair = pair_of(engine, people, "name")
    before = tuple(range(min(pair.groups["subject"])))
    found = tracer.trace(pair, [Restoration(k, (0, 1), before) for k in KINDS], "target")
    assert found.restored == pytest.approx([found.corrupted] * 3, rel=1e-4)


def test_the_last_layer_counts_at_the_last_positions_alone(engine, people, tracer):
    """The head reads the last layer there, and nobody reads it elsewhere."""
    pair, last = pair_of(engine, people, "image"), tracer.depth - 1
    found = tracer.trace(pair, [Restoration("hidden", (last,), pair.groups[g]) for g in GROUPS], "target")
    by = dict(zip(GROUPS, found.restored, strict=True))
    assert by["last"] == pytest.approx(found.clean, rel=1e-4)
    assert [by[g] for g in ("image", "subject", "rest")] == pytest.approx([found.corrupted] * 3, rel=1e-4)


@pytest.mark.parametrize("kind", ["mlp", "attention"])
def test_half_a_layer_by_hand(engine, people, tracer, kind):
    """The first layer: x + attention(x) + mlp(...), one half from the clean run; then the second as it is."""
    import torch

    from unlearnzoo.encoding.encode import Encoded
    from unlearnzoo.models import lora

    pair = pair_of(engine, people, "image")
    chosen = pair.groups["image"] + pair.groups["last"]
    found = tracer.trace(pair, [Restoration(kind, (0,), chosen)], "target").restored[0]
    lm = engine.base.get_decoder()
    first, second = lm.layers
    ids = torch.tensor([pair.clean])
    with torch.no_grad(), lora.activated(engine.model, engine.active("target")):
        sides = []
        for image in pair.images:
            x = lm.embed_tokens(ids)
            x[0, list(pair.groups["image"])] = engine.base.model.get_image_features(
                **engine.pixels([Encoded((), (), (), (image,))]), return_dict=True
            ).pooler_output[0]
            sides.append(x)
        places = torch.arange(ids.shape[1])[None]
        rope = lm.rotary_emb(sides[0], places)
        n = ids.shape[1]
        mask = torch.full((n, n), -torch.inf).triu(1)[None, None]

        def attention(layer, x):
            return layer.self_attn(layer.input_layernorm(x), position_embeddings=rope, attention_mask=mask)[0]

        def mlp(layer, x):
            return layer.mlp(layer.post_attention_layernorm(x))

        clean, x = sides
        attended = attention(first, x)
        clean_attended = attention(first, clean)
        if kind == "attention":
            attended[0, list(chosen)] = clean_attended[0, list(chosen)]
        x = x + attended
        added = mlp(first, x)
        if kind == "mlp":
            added[0, list(chosen)] = mlp(first, clean + clean_attended)[0, list(chosen)]
        x = x + added
        x = x + attention(second, x)
        x = lm.norm(x + mlp(second, x))
        logps = engine.base.get_output_embeddings()(x)[0, -len(pair.value) :].log_softmax(-1)
        expected = math.exp(sum(float(logps[i, token]) for i, token in enumerate(pair.value)))
    assert found == pytest.approx(expected, rel=1e-4)
    assert found != pytest.approx(tracer.trace(pair, [], "target").corrupted, rel=1e-3)


def test_batches_and_order_do_not_count(engine, people, tracer, monkeypatch):
    pair = pair_of(engine, people, "image")
    asked = [Restoration(k, (c,), pair.groups[g]) for k in KINDS for c in range(tracer.depth) for g in GROUPS]
    together = tracer.trace(pair, asked, "target").restored
    monkeypatch.setitem(TOKENS, "cpu", 1)
    assert tracer.trace(pair, asked, "target").restored == pytest.approx(together, rel=1e-4)
    assert tracer.trace(pair, asked[::-1], "target").restored[::-1] == pytest.approx(together, rel=1e-4)
    assert len({round(x / together[0], 4) for x in together}) > 10  # they do differ


def test_the_model_is_left_as_it_was(engine, people, tracer):
    def state():
        return {name: p.clone() for name, p in engine.model.named_parameters()}

    def hooks():
        return sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in engine.model.modules())

    before, hooked = state(), hooks()
    pair = pair_of(engine, people, "image")
    tracer.trace(pair, [Restoration("mlp", (0, 1), every(pair))], "target")
    assert hooks() == hooked
    assert all((p == before[name]).all() for name, p in engine.model.named_parameters())


@pytest.mark.parametrize(
    ("centre", "size", "expected"),
    [
        (0, 1, (0,)),
        (3, 1, (3,)),
        (2, 3, (1, 2, 3)),
        (0, 3, (0, 1)),
        (5, 3, (4, 5)),
        (2, 4, (0, 1, 2, 3)),
        (2, 9, (0, 1, 2, 3, 4, 5)),
    ],
)
def test_a_window_is_cut_at_the_ends(centre, size, expected):
    assert window(centre, size, 6) == expected


def test_another_structure_is_refused_clearly(engine, monkeypatch):
    import torch

    class Flat(torch.nn.Module):
        layers = [torch.nn.Linear(2, 2)]

    monkeypatch.setattr(type(engine.base), "get_decoder", lambda self: Flat())
    with pytest.raises(ModelError, match=r"\(Flat\) is no stack of `layers` with `self_attn` and `mlp`.*--no-trace"):
        Tracer(engine)


def test_a_model_that_needs_more_than_embeddings_is_refused(engine, people, tracer, monkeypatch):
    """As where positions depend on the image: run from its embeddings alone it answers otherwise."""
    import torch

    whole, together = tracer.decoder.forward, []

    def shifted(*args, inputs_embeds, **kwargs):
        together.append(len(inputs_embeds))
        if 2 in together[:-1]:  # behind clean and corrupted, which are two
            kwargs["position_ids"] = torch.arange(inputs_embeds.shape[1])[None] * 3
        return whole(*args, inputs_embeds=inputs_embeds, **kwargs)

    monkeypatch.setattr(tracer.decoder, "forward", shifted)
    with pytest.raises(ModelError, match="from its embeddings alone its language model answers otherwise.*--no-trace"):
        tracer.trace(pair_of(engine, people, "image"), [], "target")
