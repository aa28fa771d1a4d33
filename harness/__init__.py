"""Benchmarks LLM agents on backend engineering with sealed grading."""

__version__ = "0.1.0"
