"""What runs inside the grader's sandbox: a pytest plugin, its fixtures, and the talk with the harness.

This package is copied into the grader image under the name `grader` and imports nothing else of the harness.
"""
