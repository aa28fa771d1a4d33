"""Accounts, tokens and notes."""
