#!/usr/bin/env python3
"""Writes the migrations as one C file: migrations.py OUT FILE..., each file named <number>_<name>.up.sql or .down.sql."""
import os
import re
import sys


def literal(text):
    lines = text.splitlines(keepends=True)
    quoted = [line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for line in lines]
    return "\n        ".join(f'"{line}"' for line in quoted) or '""'


def main(out, files):
    found = {}
    for path in files:
        name = os.path.basename(path)
        match = re.fullmatch(r"(\d{4})_([a-z0-9_]+)\.(up|down)\.sql", name)
        if not match:
            sys.exit(f"{name}: not <number>_<name>.up.sql or .down.sql")
        number, title, way = match.groups()
        with open(path, encoding="utf-8") as file:
            found.setdefault((int(number), title), {})[way] = file.read()

    versions = [version for version, _ in found]
    if len(set(versions)) != len(versions):
        sys.exit("two migrations share a number")
    with open(out, "w", encoding="utf-8") as file:
        file.write('#include "store_int.h"\n\nconst struct migration migrations[] = {\n')
        for (version, title), texts in sorted(found.items()):
            if set(texts) != {"up", "down"}:
                sys.exit(f"{version:04}_{title}: needs an .up.sql and a .down.sql")
            file.write(f"    {{ .version = {version}, .name = \"{title}\",\n      .up =\n        {literal(texts['up'])},\n")
            file.write(f"      .down =\n        {literal(texts['down'])} }},\n")
        file.write("};\nconst size_t migrations_count = ARRAY_LEN(migrations);\n")


main(sys.argv[1], sys.argv[2:])
