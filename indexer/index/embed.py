#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make a C array, NUL at its end, of a text file: embed.py IN OUT NAME"""
import sys

source, output, name = sys.argv[1:4]
with open(source, "rb") as f:
    data = f.read() + b"\0"
with open(output, "w") as out:
    out.write(f"extern const char {name}[];\nconst char {name}[] = {{\n")
    for i in range(0, len(data), 16):
        out.write("\t" + ", ".join(map(str, data[i:i + 16])) + ",\n")
    out.write("};\n")
