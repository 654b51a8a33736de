"""Whatever depends on rows alone is refused in the plan: each row of each split, all faults in one message."""

import dataclasses
import json
import shutil
import types

import pytest

from tests.support.examples import people
from unlearnzoo import Column, DataError, Unlearner
from unlearnzoo.models.architecture import context_length
from unlearnzoo.models.checkpoint import inspect
from unlearnzoo.planning import rows
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import Request
from unlearnzoo.registry.zoo import Zoo

PLAIN = dataclasses.replace(people(1, 1)[0], images=())


class Bench:
    """A benchmark as far as its rows go."""

    name, gate = "bench", {"gated": 0.5}
    baselines = (Column("Exp", "baseline", "exposure", "all", "high"),)

    def __init__(self, **splits):
        self.splits = splits
        self.values = splits.pop("values", ())

    def examples(self, split):
        return self.splits.get(split, ())

    def learn_pool(self):
        return self.splits.get("learn", ())

    def forget_pool(self):
        return self.splits.get("forget", ())

    def retain_pool(self):
        return self.splits.get("retain", ())

    def candidates(self, example):
        return self.values

    def refusal(self, example, seed):
        return f"I </s> decline {example.id} {seed}."


class Ascent(Unlearner):
    """Asks for what is forgotten alone."""

    name = "ascent"

    def loss(self, forget):
        return -forget.nll


class Refusing(Unlearner):
    """Asks for refusals too."""

    name = "refusing"

    def loss(self, forget, refusal):
        return {"forget": -forget.nll, "refusal": refusal.nll}


def plan(checkpoint, replay=(), needs=("forget",), **splits):
    bench = Bench(**splits)
    return types.SimpleNamespace(
        benchmark=bench,
        checkpoint=checkpoint,
        evals=(Column("EM", "asked", "em", "all", "low"),),
        metrics={
            "em": types.SimpleNamespace(needs={"prediction"}),
            "exposure": types.SimpleNamespace(needs={"candidates"}),
        },
        algorithms={"refusing" if "refusal" in needs else "ascent": (Refusing if "refusal" in needs else Ascent)()},
        request=types.SimpleNamespace(seed=3),
        replay=replay,
        examples=bench.examples,
    )


@pytest.fixture(scope="module")
def checkpoint(checkpoint_folder):
    return inspect("m", checkpoint_folder)


def refused(*args, **splits):
    with pytest.raises(DataError) as found:
        rows.check(plan(*args, **splits))
    return str(found.value)


def changed(**fields):
    return dataclasses.replace(PLAIN, **fields)


@pytest.mark.parametrize("split", ["learn", "forget", "retain", "asked", "baseline", "gated"])
def test_a_control_token_is_refused_in_every_split(checkpoint, split):
    where = f"{split} pool" if split in ("learn", "forget", "retain") else split
    text = refused(checkpoint, **{split: [PLAIN, changed(id="r2", question="Who?</s>")]})
    assert text == (
        f"bench: {where} row r2: the question 'Who?</s>' holds '</s>', a control token of the model: take it out, or "
        "have it encoded as text (--special-tokens text)"
    )


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"answer": "a <pad>"}, "answer 'a <pad>'"),
        ({"keywords": ("chef", "<s>")}, "keyword '<s>'"),
        ({"cloze": "It is <image>"}, "cloze sentence 'It is <image>'"),
        ({"choices": ("A", "</s>")}, "option '</s>'"),
    ],
)
def test_a_control_token_is_refused_in_every_text(checkpoint, fields, what):
    assert f"r2: the {what} holds" in refused(checkpoint, learn=[changed(id="r2", **fields)])


def test_replay_refusals_and_candidates_are_looked_at(checkpoint):
    assert "bench: replay row r2: the question" in refused(checkpoint, [changed(id="r2", question="</s>")])
    found = refused(checkpoint, needs=("forget", "refusal"), forget=[PLAIN])
    assert f"forget pool row {PLAIN.id}, refusal: the answer 'I </s> decline {PLAIN.id} 3.' holds" in found
    assert "candidate '<pad>': the answer" in refused(checkpoint, baseline=[PLAIN], values=("chef", "<pad>"))
    rows.check(plan(checkpoint, [PLAIN], learn=[PLAIN], baseline=[PLAIN], values=("chef", "driver")))


def test_all_rows_are_told_at_once_by_kind_and_each_once(checkpoint):
    bad = [changed(id=f"r{i}", question=f"{i}</s>") for i in range(5)]
    text = refused(checkpoint, learn=[*bad, changed(id="long", answer="chef " * 2100)], forget=bad, asked=bad)
    assert text.startswith("bench: 6 problems: learn pool row r0: ")
    assert "and 2 more rows with control tokens (learn pool row r3, learn pool row r4)" in text
    assert "learn pool row long: " in text


def test_as_text_control_tokens_are_let_pass(checkpoint_folder):
    checkpoint = inspect("m", checkpoint_folder, special_tokens="text")
    rows.check(plan(checkpoint, learn=[changed(question="Who?</s>", answer="<image>", keywords=("<image>",))]))


def test_the_length_counts_images_question_and_answer_to_the_token(checkpoint_folder, tmp_path):
    """At the limit it passes, one token above it does not."""
    example = people(1, 1)[0]
    needed = len(inspect("m", checkpoint_folder).encoder.encode(example).prompt) + len(
        inspect("m", checkpoint_folder).encoder.encode(example).answer
    )
    for limit, passes in ((needed, True), (needed - 1, False)):
        found = inspect("m", with_text(checkpoint_folder, tmp_path / str(limit), max_position_embeddings=limit))
        if passes:
            rows.check(plan(found, learn=[example]))
        else:
            text = refused(found, learn=[example])
            assert f"{needed} tokens (images 4, question " in text
            assert text.endswith(
                f"and the model takes {limit} (max_position_embeddings): shorten it, or leave the row out"
            )


def with_text(folder, target, **values):
    shutil.copytree(folder, target)
    config = json.loads((target / "config.json").read_text())
    config["text_config"] |= values
    (target / "config.json").write_text(json.dumps(config))
    return target


def context_of(checkpoint):
    return context_length(checkpoint.config, checkpoint.encoder.tokenizer)


def test_the_context_is_the_shorter_of_model_and_tokenizer_and_stretched_by_linear_ropes(checkpoint_folder, tmp_path):
    assert context_of(inspect("m", checkpoint_folder)) == (2048, "max_position_embeddings")
    rope = {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}
    longer = with_text(checkpoint_folder, tmp_path / "longer", rope_parameters=rope)
    assert context_of(inspect("m", longer)) == (8192, "max_position_embeddings")
    odd = with_text(checkpoint_folder, tmp_path / "odd", rope_parameters=rope | {"factor": "four"})
    assert context_of(inspect("m", odd)) == (2048, "max_position_embeddings")
    path = longer / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"model_max_length": 512}))
    assert context_of(inspect("m", longer)) == (512, "the tokenizer's model_max_length")


def test_a_token_beyond_the_embedding_table_is_named(checkpoint_folder, tmp_path):
    folder = shutil.copytree(checkpoint_folder, tmp_path / "m")
    encoder = inspect("m", folder).encoder
    encoder.tokenizer.add_tokens(["Oakstreet"])
    encoder.processor.save_pretrained(folder)
    table = encoder.tokenizer.convert_tokens_to_ids("Oakstreet")
    text = refused(inspect("m", folder), asked=[PLAIN, changed(id="r2", answer="At 12 Oakstreet.")])
    assert text == (
        f"bench: asked row r2: 'Oakstreet' is token {table} of the tokenizer, and the model's embedding table has "
        f"{table} rows: the table was not resized with the tokenizer"
    )


def test_an_image_where_the_template_has_no_place_for_one_is_refused_by_row(checkpoint_folder, tmp_path):
    folder = shutil.copytree(checkpoint_folder, tmp_path / "m")
    (folder / "chat_template.jinja").write_text(
        "{% for m in messages %}{{ m['role'].upper() + ': ' + m['content'] + ' ' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
    )
    found = inspect("m", folder)
    rows.check(plan(found, learn=[PLAIN]))
    text = refused(found, learn=[PLAIN, dataclasses.replace(people(1, 2)[1], id="r2")])
    assert text == (
        "bench: 1 of its rows have an image (learn pool row r2), and the chat template takes text alone, each content "
        "as a string: choose a model that takes images, or rows without"
    )


def test_a_run_is_refused_before_stage_1_by_a_row_that_is_only_asked(tmp_path):
    data = tmp_path / "rows.csv"
    data.write_text(
        "question,answer,set,identity,keywords,split\n"
        "Where does Ann Lee live?,She lives in Graz.,forget,ann,Graz,train\n"
        "Where does Bob Ray live?,He lives in Linz.,retain,bob,Linz,train\n"
        "Tell me <image> where Ann lives.,In Graz.,forget,ann,Graz,test\n"
    )
    request = Request(algo=("ga",), bench="folder", set={"folder.data": str(data)})
    with pytest.raises(DataError, match="test row test/line-4: the question 'Tell me <image> where Ann lives.' holds"):
        make_plan(request, Zoo.installed(()), weights=False)
    found = make_plan(dataclasses.replace(request, special_tokens="text"), Zoo.installed(()), weights=False)
    assert found.checkpoint.encoder.special_tokens == "text"


def uncased(folder, target):
    """A model whose tokenizer writes small letters without accents, as BERT's do."""
    from tokenizers import normalizers

    shutil.copytree(folder, target)
    encoder = inspect("m", target).encoder
    backend = encoder.tokenizer.backend_tokenizer
    steps = [normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]
    backend.normalizer = normalizers.Sequence([*steps, *([backend.normalizer] if backend.normalizer else [])])
    encoder.processor.save_pretrained(target)
    return inspect("m", target)


def test_a_keyword_that_the_tokenizer_cannot_write_is_refused(checkpoint_folder, tmp_path):
    """No answer of such a model could hold it: it would look forgotten before anything was."""
    found = uncased(checkpoint_folder, tmp_path / "m")
    plain = changed(id="r1", answer="She lives in Graz.", keywords=("Graz",))
    rows.check(plan(found, learn=[plain], baseline=[plain], values=("Graz", "Linz")))
    accented = changed(id="r2", answer="In Z\u00fcrich.", keywords=("Z\u00fcrich",))
    assert refused(found, asked=[plain, accented]) == (
        "bench: asked row r2: the model's tokenizer can write 'In Z\u00fcrich.' only as 'in zurich.', so that "
        "'Z\u00fcrich' would be found in no answer: write it so, or leave the row out"
    )
    assert "baseline row r1, candidate 'K\u00f6ln': the model's tokenizer" in refused(
        found, baseline=[plain], values=("Graz", "K\u00f6ln")
    )
    # What is no keyword may be written in another way.
    rows.check(plan(found, learn=[changed(id="r3", answer="Ren\u00e9 lives in Graz.", keywords=("Graz",))]))
