#!/bin/sh
exec python -m gunicorn --bind "0.0.0.0:${PORT:-8000}" --workers 1 --threads 8 --graceful-timeout 5 \
    --worker-tmp-dir /tmp 'authservice.app:create_app()'
