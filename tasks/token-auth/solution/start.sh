#!/bin/sh
exec python -m gunicorn
