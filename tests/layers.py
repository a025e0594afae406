#!/usr/bin/env python3
"""Who may include whom: calls go down only, each library has its rooms.

Prints every include that crosses a layer and exits 1 if there is one.
docs/architecture.md explains the layers.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# room -> rooms whose headers it may include, besides its own
MAY = {
    "indexer/base": [],
    "indexer/formats": ["indexer/base"],
    "indexer/query": ["indexer/base"],
    "indexer/journal": ["indexer/base"],
    "indexer/objects": ["indexer/base"],
    "indexer/index": ["indexer/base", "indexer/formats", "indexer/query",
                      "indexer/journal", "indexer/objects"],
    "indexer/render": ["indexer/base", "indexer/formats", "indexer/index"],
    "api": ["api", "indexer"],
    "api/http": ["indexer/base", "indexer/index/principal.h"],
    "api/tracking": ["api/http", "api/app.h", "indexer"],
    "fs": ["indexer"],
    "tools": ["fs", "api", "indexer"],
}
# system header -> where it may be seen
ONLY = {
    "sqlite3.h": ["indexer/index"],
    "cjson/cJSON.h": ["indexer/base"],
    "yaml.h": ["indexer/base"],
    "curl/curl.h": ["indexer/base", "indexer/objects"],
    "openssl/ssl.h": ["api/http"],
    "zstd.h": ["indexer/index"],
    "zlib.h": ["api/http"],
    "fuse_lowlevel.h": ["fs/fuse.h"],
}


def room(path):
    parts = path.split("/")
    if parts[0] == "indexer" or (parts[0] == "api" and len(parts) > 2):
        return "/".join(parts[:2])
    return parts[0]


def crossed(path, include):
    if include in ONLY:
        return not any(path.startswith(d) for d in ONLY[include])
    if not (ROOT / include).exists() or room(path) == room(include):
        return False
    return not any(include.startswith(d) for d in MAY.get(room(path), []))


def main():
    bad = 0
    for top in ("indexer", "api", "fs", "tools"):
        for f in sorted((ROOT / top).rglob("*.[ch]")):
            path = str(f.relative_to(ROOT))
            for include in re.findall(r'^\s*#\s*include\s+["<]([^">]+)[">]',
                                      f.read_text(), re.M):
                if crossed(path, include):
                    print(f"{path} may not include {include}")
                    bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
