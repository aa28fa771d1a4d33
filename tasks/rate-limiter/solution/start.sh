#!/bin/sh
exec python -m limiter
