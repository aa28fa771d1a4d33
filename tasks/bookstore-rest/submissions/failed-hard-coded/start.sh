exec python examples.py
