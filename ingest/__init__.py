"""Bytes become searchable chunks."""
