"""How long a cross-encoder takes over the passages that it is given. Of its quality nothing: the weights are random.

No cross-encoder comes from the package registry; this one has the shape of those that are made for the purpose, MiniLM
with six layers, and reads real passages.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import corpora
import numpy as np
import tables

from app.cross_encoder import CrossEncoderReranker
from app.rerank import in_context
from ingest.embed import DEFAULT_MODEL, model_folder

PASSAGES = 24  # RERANK_PASSAGES as it is
QUESTIONS = 20
_SHAPE = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
_POSITIONS = 512


def table(name: str = "filings") -> str:
    texts = {}
    with corpora.opened(name) as opened:
        for question in corpora.questions(name).questions[:QUESTIONS]:
            found = opened.services.retriever.retrieve(question.text, opened.principal, limit=PASSAGES)
            texts[question.text] = [in_context(passage) for passage in found.passages]
    with tempfile.TemporaryDirectory() as folder:
        reranker = CrossEncoderReranker(str(_model(Path(folder))))
        seconds = [_seconds(reranker, question, found) for question, found in texts.items()]
    median, high = np.percentile(seconds[1:], [50, 95])  # the first one pays for what is set up once
    rows = [["MiniLM, 6 layers", f"{PASSAGES} of {name}", f"{len(seconds) - 1}", f"{median:.2f} s", f"{high:.2f} s"]]
    return tables.markdown(["cross-encoder", "passages", "questions", "median", "p95"], rows)


def _seconds(reranker: CrossEncoderReranker, question: str, texts: list[str]) -> float:
    began = time.perf_counter()
    reranker.rerank(question, texts)
    return time.perf_counter() - began


def _model(folder: Path) -> Path:
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(str(model_folder(DEFAULT_MODEL)), model_max_length=_POSITIONS)
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(tokenizer), max_position_embeddings=_POSITIONS, num_labels=1, **_SHAPE)
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
