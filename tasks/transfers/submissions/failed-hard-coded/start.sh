exec python -u server.py
