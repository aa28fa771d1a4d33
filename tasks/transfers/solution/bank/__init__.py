"""Accounts and transfers over HTTP, each transfer exactly once, with PostgreSQL as the only state."""
