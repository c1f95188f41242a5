"""A cross-encoder small enough for a test: real files, a real tokenizer, weights drawn by chance.

It can't tell what answers a question, but the same pair always gets the same score.
"""

from __future__ import annotations

from pathlib import Path

from ingest.embed import DEFAULT_MODEL, model_folder


def build(folder: Path, *, labels: int = 1, positions: int = 96) -> Path:
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(str(model_folder(DEFAULT_MODEL)), model_max_length=positions)
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=positions,
        initializer_range=0.6,  # far above the usual, so that scores differ
        num_labels=labels,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
