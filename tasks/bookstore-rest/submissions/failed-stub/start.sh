exec python stub.py
