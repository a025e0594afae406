#!/usr/bin/env python3
"""What is undone at the end of its scope is made before any way out of it.

A cleanup runs on every return. Where one comes before the variable was first
used, it would free what was never set: the compilers say nothing, and a
variable that the build zeroes hides it.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BODY = re.compile(r"^\{\n(.*?)^\}", re.S | re.M)
SCOPED = re.compile(
    r"SCOPED(?:\(\w+\)|_FREE|_FD)\s+[^;=]*?(\w+)(?:\[[^\]]*\])?;")


def early_returns(text):
    """(line, variable) of each that a return comes before."""
    for body in BODY.finditer(text):
        for made in SCOPED.finditer(body[1]):
            rest = body[1][made.end():]
            use = re.search(rf"\b{made[1]}\b", rest)
            if re.search(r"\breturn\b", rest[:use.start()] if use else rest):
                line = text.count("\n", 0, body.start(1) + made.start())
                yield line + 1, made[1]


def main():
    found = [(p.relative_to(ROOT), *where)
             for folder in ("indexer", "api", "fs", "tools", "tests")
             for p in sorted((ROOT / folder).rglob("*.c"))
             for where in early_returns(p.read_text())]
    for path, line, name in found:
        print(f"{path}:{line}: a return comes before '{name}' is made")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
