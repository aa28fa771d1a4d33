"""Writes the table of docs/data.md from harness/reports/schema.py.

python scripts/data_page.py            write the page
python scripts/data_page.py --check    exit 1 when the page lags behind the code
"""

from __future__ import annotations

import sys
from pathlib import Path

from harness.reports import schema

PAGE = Path(__file__).resolve().parent.parent / "docs" / "data.md"
BEGIN, END = "<!-- generated: scripts/data_page.py -->\n", "<!-- end -->"


def page(old: str) -> str:
    """The page with its table as the code has it now."""
    before, _, rest = old.partition(BEGIN)
    after = rest.partition(END)[2]
    head = f"Version {schema.VERSION}, {len(schema.COLUMNS)} columns."
    return f"{before}{BEGIN}\n{head}\n\n{schema.markdown()}\n\n{END}{after}"


def main() -> int:
    """Write or check the page."""
    old = PAGE.read_text(encoding="utf-8")
    new = page(old)
    if "--check" in sys.argv[1:]:
        return int(old != new)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
