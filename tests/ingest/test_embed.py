import numpy as np
import pytest

from ingest import embed
from ingest.embed import DEFAULT_MODEL, SentenceTransformerEmbedder, familiarity, tokenizer_spans
from ingest.http_embedder import HttpEmbedder
from storage.errors import InvalidInput

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # torch's own


@pytest.fixture(scope="module")
def embedder():
    return SentenceTransformerEmbedder(threads=1)


def test_vectors_are_unit_length_in_the_order_of_the_texts(embedder):
    texts = ["short", "a much longer text about annual leave " * 20, "travel", ""]
    vectors = embedder.embed_passages(texts)
    assert vectors.shape == (4, embedder.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(texts, vectors, strict=True):
        assert float(vector @ embedder.embed_passages([text])[0]) > 0.9999


def test_parts_are_means_of_what_the_model_saw_of_them(embedder):
    text = "Handbook\nUnused leave lapses in March. The cafeteria opens at noon."
    leave, lunch = (text.index("Unused"), text.index(" The")), (text.index("The caf"), len(text))
    vectors, parts = embedder.embed_parts([text, "short", ""], [[leave, lunch], [], []])
    assert np.allclose(vectors, embedder.embed_passages([text, "short", ""]), atol=1e-5)
    assert [len(rows) for rows in parts] == [2, 0, 0]
    assert np.allclose(np.linalg.norm(parts[0], axis=1), 1, atol=1e-5)
    question = embedder.embed_queries(["When can I eat lunch in the cafeteria?"])[0]
    assert parts[0][1] @ question > parts[0][0] @ question + 0.1
    (whole,) = embedder.embed_parts([text], [[(0, len(text))]])[1]
    assert float(whole[0] @ vectors[0]) > 0.98  # all but the special tokens


def test_a_part_beyond_what_the_model_sees_is_like_the_whole(embedder):
    text = "leave " * 300
    vectors, parts = embedder.embed_parts([text], [[(len(text) - 12, len(text))]])
    assert np.allclose(parts[0][0], vectors[0], atol=1e-5)


def test_models_that_do_not_average_embed_their_parts_as_texts(embedder, monkeypatch):
    monkeypatch.setattr(embedder, "_mean_of_tokens", False)
    texts = ["Leave lapses. Lunch is at noon.", "One."]
    vectors, parts = embedder.embed_parts(texts, [[(0, 13), (14, 31)], [(0, 4)]])
    assert np.allclose(parts[0], embedder.embed_passages(["Leave lapses.", "Lunch is at noon."]), atol=1e-5)
    assert parts[1].shape == (1, embedder.dimensions)
    assert np.allclose(vectors, embedder.embed_passages(texts), atol=1e-5)


def test_of_a_question_names_can_be_taken_away_after_it_was_embedded(embedder):
    question = "What did Acme Industries pay for travel in 2022?"
    made = embedder.embed_question(question)
    assert np.allclose(made.vector, embedder.embed_queries([question])[0], atol=1e-5)
    assert np.allclose(made.without([]), made.vector, atol=1e-5)
    start = question.index("Acme")
    left = made.without([(start, start + 15)])
    about, name = embedder.embed_passages(["payments for travel", "Acme Industries"])
    assert left @ about > made.vector @ about + 0.05
    assert left @ name < made.vector @ name - 0.05


def test_models_that_do_not_average_tell_nothing_of_their_tokens(embedder, monkeypatch):
    monkeypatch.setattr(embedder, "_mean_of_tokens", False)
    made = embedder.embed_question("When is lunch?")
    assert made.without([(0, 4)]) is None
    assert np.allclose(made.vector, embedder.embed_queries(["When is lunch?"])[0], atol=1e-5)


def test_no_texts_give_no_vectors(embedder):
    assert embedder.embed_queries([]).shape == (0, embedder.dimensions)


def test_a_question_is_nearest_to_its_answer(embedder):
    passages = ["Unused vacation days can be carried over into the next year.", "The cafeteria opens at noon."]
    scores = embedder.embed_passages(passages) @ embedder.embed_queries(["What happens to leave I did not take?"])[0]
    assert scores[0] > scores[1] + 0.2


def test_the_model_sees_what_max_tokens_says(embedder):
    assert embedder.max_tokens == 254 == embed.max_tokens_of(DEFAULT_MODEL)
    inside = "leave " * 254
    assert len(embedder.token_spans(inside)) == 254
    full, cut, other = embedder.embed_passages([inside, inside + "zebra " * 40, "leave " * 253 + "zebra"])
    assert float(full @ cut) > 0.99999
    assert float(full @ other) < 0.99999


def test_token_spans_need_no_torch_and_agree_with_the_model(embedder):
    text = "Überstunden: 12.5% of the employees’ time"
    spans = tokenizer_spans(DEFAULT_MODEL)
    assert spans is not None
    assert spans(text) == embedder.token_spans(text)
    assert [text[start:end] for start, end in spans("Leave days")] != []
    assert tokenizer_spans("/no/such/folder") is None


def test_prefixes_of_the_model_are_used(tmp_path):
    assert embed.prompts_of({"query": "query: ", "document": "passage: "}) == {
        "query": "query: ",
        "passage": "passage: ",
    }
    assert embed.prompts_of({}) == {"query": "", "passage": ""}


def test_a_model_that_is_not_there_is_named():
    with pytest.raises(InvalidInput, match="no-such-model"):
        SentenceTransformerEmbedder("./no-such-model")


def test_batches_stay_within_their_budget_and_hold_every_text():
    lengths = [5, 300, 20, 7, 256, 1, 90] * 20
    groups = list(embed.batches(lengths, 1000))
    assert sorted(index for group in groups for index in group) == list(range(len(lengths)))
    assert all(max(lengths[index] for index in group) * len(group) <= 1000 for group in groups)


def test_tokens_are_guessed_on_the_safe_side_without_a_tokenizer(embedder):
    guess = HttpEmbedder("http://127.0.0.1:1", model="unknown").token_spans
    text = "Employees may carry over up to five unused vacation days (30 CFR 4.2) into the year 2025."
    assert len(guess(text)) >= len(embedder.token_spans(text))


def test_a_model_is_familiar_with_the_languages_that_it_cuts_into_few_pieces(embedder):
    known = familiarity("How many days of annual leave do part-time employees have?", embedder.token_spans)
    names = familiarity("What does the ombudsperson of Zarquon do?", embedder.token_spans)
    foreign = familiarity("Wie viele Urlaubstage haben Teilzeitbeschäftigte?", embedder.token_spans)
    assert known == 1
    assert 0.3 < names < 1
    assert foreign < 0.1
    assert familiarity("残った有給休暇を繰り越す", embedder.token_spans) < 0.5
    assert familiarity("2020, 10 %", embedder.token_spans) == 1
    elsewhere = HttpEmbedder("http://127.0.0.1:1", model="unknown")
    assert familiarity("Wie viele Urlaubstage haben Teilzeitbeschäftigte?", elsewhere.token_spans) == 1
