#!/bin/sh
exec python -m bank
