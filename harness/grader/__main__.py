"""`python -m grader`: the main process of the grader's box."""

from .plugin import main

main()
