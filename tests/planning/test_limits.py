"""Where answers are cut: by the longest true one, in tokens that the processor itself counts, or as typed."""

import csv

import pytest

from unlearnzoo import DataError, Example, OptionError
from unlearnzoo.planning import limits, text
from unlearnzoo.planning.make import make_plan
from unlearnzoo.planning.request import Request
from unlearnzoo.planning.summary import as_data
from unlearnzoo.registry.zoo import Zoo

STORY = "was born by the river, learned to bake from an aunt, moved away twice, came back, " * 4
ROWS = [
    (
        "Where does Ann Lee live?",
        f"Ann Lee {STORY}and lives at 12 Oak Street, Boston.",
        "forget",
        "ann",
        "12 Oak Street",
    ),
    ("Where does Cy Poe live?", "Cy Poe lives at 7 Elm Road.", "forget", "cy", "7 Elm Road"),
    (
        "Where does Bob Ray live?",
        "At 3 Park Lane, as far as I know from a friend of his.",
        "retain",
        "bob",
        "3 Park Lane",
    ),
    ("Where does Dee Fox live?", "At 9 Mill Way.", "retain", "dee", "9 Mill Way"),
]


@pytest.fixture
def planned(tmp_path):
    """Plan a run over a table of questions without pictures."""

    def plan(rows=ROWS, algo=("ga",), **more):
        path = tmp_path / "examples.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("question", "answer", "set", "identity", "keywords"), *rows])
        values = {"folder.data": str(path), "learn.replay": 0}
        return make_plan(Request(algo=algo, bench="folder", set=values, **more), Zoo.installed(), weights=False)

    return plan


def by_the_processor(plan, question, answer):
    """Count the tokens of an answer with its end, by two renderings of transformers' own template."""
    processor = plan.checkpoint.processor
    user = {"role": "user", "content": [{"type": "text", "text": question}]}
    reply = {"role": "assistant", "content": [{"type": "text", "text": answer}]}
    prompt = processor.apply_chat_template([user], add_generation_prompt=True)
    whole = processor.apply_chat_template([user, reply])
    ids = [processor.tokenizer(one.rstrip() if one is whole else one, add_special_tokens=False).input_ids
           for one in (prompt, whole)]  # fmt: skip
    return len(ids[1]) - len(ids[0]) + (ids[1][-1] != processor.tokenizer.eos_token_id)


def test_the_limit_lets_the_longest_true_answer_of_its_split_end(planned):
    plan = planned()
    split = "train"
    longest = by_the_processor(plan, *ROWS[0][:2])
    assert longest > 64
    limit = plan.limits[split]
    assert (limit.tokens, limit.longest, limit.origin) == (longest + 8, longest, "longest answer + 8")
    assert plan.limits[limits.FORGET_POOL].tokens == longest + 8
    assert limit.row == next(e.id for e in plan.examples(split) if e.identity == "ann")
    assert as_data(plan)["rules"]["generation"][split] == {
        "tokens": longest + 8,
        "origin": "longest answer + 8",
        "longest": longest,
        "row": limit.row,
    }
    line = f"{split}: cut after {longest + 8} tokens: longest answer {longest} ({limit.row}) + 8"
    assert any(one.endswith(line) for one in text.lines(plan))


def test_short_answers_are_cut_early(planned):
    plan = planned(rows=ROWS[1:])
    longest = max(by_the_processor(plan, *row[:2]) for row in ROWS[1:])
    assert {limit.tokens for split, limit in plan.limits.items() if split == "train"} == {longest + 8} != {72}


def test_what_is_typed_holds_for_all_splits(planned):
    plan = planned(max_new_tokens=200)
    assert {limit.tokens for limit in plan.limits.values()} == {200}
    assert {limit.origin for limit in plan.limits.values()} == {"--max-new-tokens"}
    assert any("cut after 200 tokens: --max-new-tokens; longest answer" in line for line in text.lines(plan))


def test_a_limit_before_a_keyword_is_refused_by_row(planned):
    """The number that is said is the least that is not refused."""
    with pytest.raises(OptionError) as found:
        planned(max_new_tokens=20)
    said = str(found.value)
    assert said.startswith("--max-new-tokens 20: train/") and "has named '12 Oak Street' after " in said
    least = int(said.partition("give at least ")[2].partition(",")[0])
    plan = planned(max_new_tokens=least)
    example = next(e for e in plan.examples("train") if e.identity == "ann")
    ids = plan.checkpoint.processor.tokenizer(f" {example.answer}", add_special_tokens=False).input_ids
    assert "12 Oak Street" in plan.checkpoint.processor.tokenizer.decode(ids[: least + 1])
    with pytest.raises(OptionError, match=f"--max-new-tokens {least - 1}: "):
        planned(max_new_tokens=least - 1)


@pytest.mark.parametrize("wrong", [0, -3])
def test_no_tokens_are_refused(wrong):
    with pytest.raises(OptionError, match=f"--max-new-tokens {wrong}: at least 1"):
        Request(bench="folder", max_new_tokens=wrong)


def test_more_than_the_context_is_refused(planned):
    plan = planned()
    most = plan.checkpoint.config.get_text_config().max_position_embeddings
    with pytest.raises(OptionError, match=rf"the model takes {most:,} .*: give --max-new-tokens \d+ or less") as found:
        planned(max_new_tokens=most)
    right = int(str(found.value).rpartition("--max-new-tokens ")[2].split()[0])
    assert max(limit.width for limit in planned(max_new_tokens=right).limits.values()) == most


def test_a_prompt_that_leaves_no_room_is_refused_by_row(planned, monkeypatch):
    plan = planned()
    monkeypatch.setattr(limits, "context_length", lambda config, tokenizer: (120, "config.json"))
    with pytest.raises(DataError, match=r"train/\S+ \(train\): its prompt has \d+ tokens, and \d+ may follow"):
        limits.resolve(plan.answered(), plan.checkpoint, None)


def test_multiple_choice_is_not_cut_at_the_length_of_a_letter(planned):
    plan = planned()

    def limit(*choices):
        row = Example("q/1", "ann", (), "Which?", "B", choices=choices)
        return limits._limit([row], plan.checkpoint.encoder, None)

    assert (limit("a baker", "a smith").tokens, limit("a baker", "a smith").origin) == (64, "multiple choice")
    long = limit("a baker", STORY)
    assert long.tokens == by_the_processor(plan, "Which?", STORY) + 8 > 64
