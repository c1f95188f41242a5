"""Embedding models small enough for a test: real files, a real tokenizer, weights drawn by chance."""

from __future__ import annotations

from pathlib import Path

from ingest.embed import DEFAULT_MODEL, model_folder


def build(folder: Path, *, pooling: str = "mean", dense: bool = False, prompts: dict[str, str] | None = None) -> Path:
    """A sentence-transformers model of one layer; `dense` adds a module that only sentence-transformers runs."""
    import torch
    from sentence_transformers import SentenceTransformer, models
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(str(model_folder(DEFAULT_MODEL)), model_max_length=96)
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=96,
        initializer_range=0.6,  # far above the usual, so that vectors differ
    )
    encoder = folder / "encoder"
    BertModel(config).save_pretrained(encoder)
    tokenizer.save_pretrained(encoder)
    modules = [models.Transformer(str(encoder)), models.Pooling(16, pooling_mode=pooling)]
    if dense:
        modules.append(models.Dense(16, 8))
    SentenceTransformer(modules=modules, device="cpu", prompts=prompts).save(str(folder / "model"))
    return folder / "model"
