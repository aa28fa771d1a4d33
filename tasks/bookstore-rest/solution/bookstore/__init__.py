"""The bookstore's catalogue service."""
