"""Failures by boundary, and the exit code of each.

    HarnessError                 (never raised itself)
    ├── UsageError        exit 2   the command line, an eval file, an agent or task file is wrong: the user's to mend
    │   ├── ConfigError            an eval file or option
    │   ├── AgentError             an agent file
    │   ├── TaskError              a task package                                  boundary `task` inside a trial
    │   └── ResultsError           a results folder
    ├── ProviderError     exit 3   the model's provider                            boundary `provider`
    ├── SandboxError      exit 4   Docker, bubblewrap, an image, a service         boundary `sandbox`
    │   └── NotAvailable           nothing there to run on
    ├── GraderError       exit 5   the grader itself broke                         boundary `grader`
    └── Locked            exit 75  another process carries the same run out (harness/lock.py)

Other exit codes: 0 all is well; 1 the command ran and its answer is no (a submission failed, a check found a gap, a
doctor's line is red, a nightly's alarm); 6 a run ended with trials in error; 7 a night that decides nothing; 130
interrupted; 70 a defect of the harness. The command `compare` has codes of its own, 0 to 4 for its verdicts and 64 for
a wrong question (docs/decisions/0015).
"""

from __future__ import annotations

from harness.types import Boundary, Failure

EXIT_OK, EXIT_NO, EXIT_USAGE, EXIT_RUN_ERRORS, EXIT_DEFECT, EXIT_INTERRUPTED = 0, 1, 2, 6, 70, 130


class HarnessError(Exception):
    """Base class. The message says what is wrong, where, and what to do."""

    exit_code = EXIT_DEFECT
    boundary: Boundary = "task"

    def as_failure(self) -> Failure:
        """The error as data, for a trial's record."""
        return Failure(boundary=self.boundary, message=str(self))


class UsageError(HarnessError):
    """Something the user wrote is wrong."""

    exit_code = EXIT_USAGE


class ConfigError(UsageError):
    """An eval file or an option is wrong."""


class AgentError(UsageError):
    """An agent file is wrong."""


class TaskError(UsageError):
    """A task package is wrong."""


class ResultsError(UsageError):
    """A results folder is wrong or damaged."""


class ProviderError(HarnessError):
    """The provider failed for good: retries are used up, or the request can never succeed."""

    exit_code = 3
    boundary: Boundary = "provider"


class SandboxError(HarnessError):
    """The sandbox failed through no fault of the code in it."""

    exit_code = 4
    boundary: Boundary = "sandbox"


class NotAvailable(SandboxError):
    """The sandbox, or an image or tool it needs, is not on this machine."""


class GraderError(HarnessError):
    """The grader broke: no verdict, or one that cannot be trusted."""

    exit_code = 5
    boundary: Boundary = "grader"
