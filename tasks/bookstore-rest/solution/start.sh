#!/bin/sh
exec python -m uvicorn bookstore.app:create_app --factory --host 0.0.0.0 --port "${PORT:-8000}" \
    --no-access-log --timeout-graceful-shutdown 5
