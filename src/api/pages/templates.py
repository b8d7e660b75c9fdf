#!/usr/bin/env python3
"""Writes the pages as one C file: templates.py OUT FILE..., the files being layout.html, style.css and one template per page. The
layout is cut at {{body}}; its style sheet's digest goes into the Content-Security-Policy."""
import base64
import hashlib
import os
import sys


def literal(text):
    lines = text.splitlines(keepends=True)
    quoted = [line.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for line in lines]
    return "".join(f'\n    "{line}"' for line in quoted)


def main(out, files):
    found = {}
    for path in files:
        with open(path, encoding="utf-8") as file:
            found[os.path.basename(path)] = file.read()
    style = found.pop("style.css")
    head, foot = found.pop("layout.html").replace("{{css}}", style).split("{{body}}")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    with open(out, "w", encoding="utf-8") as file:
        file.write('#include "api/pages/page.h"\n\n')
        file.write(f'const char page_style_digest[] = "sha256-{digest}";\n')
        file.write(f"const char page_head[] ={literal(head)};\nconst char page_foot[] ={literal(foot)};\n")
        for name, text in sorted(found.items()):
            file.write(f"const char page_{name.removesuffix('.html')}[] ={literal(text)};\n")


main(sys.argv[1], sys.argv[2:])
