"""A cross-encoder small enough for a test: real files, a real tokenizer, weights drawn by chance.

It can't tell what answers a question, but the same pair always gets the same score.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ingest.embed import DEFAULT_MODEL, model_folder


def build(folder: Path, *, labels: int = 1, positions: int = 96, names: Sequence[str] = (), says: str = "") -> Path:
    """`names` of the labels; with `says` the model finds that one in every pair."""
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
    if names:
        config.id2label = dict(enumerate(names))
        config.label2id = {name: place for place, name in enumerate(names)}
    model = BertForSequenceClassification(config)
    if says:
        torch.nn.init.zeros_(model.classifier.weight)
        model.classifier.bias.data = torch.tensor([9.0 if name == says else 0.0 for name in names])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
