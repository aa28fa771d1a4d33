"""A rate limiter over HTTP whose whole state is in Redis, so that any number of instances share it."""
