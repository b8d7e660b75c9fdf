"""The source tree as the checks see it: its files, and C text without comments, strings and macro bodies."""

import os
import re
import sys

IGNORED = re.compile(r"build|build-.*|state|node_modules|__pycache__|compile_commands.json|\..*")
KEPT = {".ci", ".clang-format", ".clang-tidy", ".gitignore"}


def top():
    """The tree to look at: the first argument, else the one this file belongs to."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else os.path.dirname(os.path.dirname(here))


def files(*suffixes, under=""):
    """Paths below the top, sorted; all files without `suffixes`."""
    found = []
    for folder, folders, names in os.walk(os.path.join(top(), under)):
        folders[:] = [f for f in folders if f in KEPT or not IGNORED.fullmatch(f)]
        found += [os.path.relpath(os.path.join(folder, n), top()) for n in names if n in KEPT or not IGNORED.fullmatch(n)]
    return sorted(f for f in found if not suffixes or f.endswith(suffixes))


def read(path):
    """The text; None when the file is not text."""
    with open(os.path.join(top(), path), "rb") as f:
        data = f.read()
    return None if b"\0" in data else data.decode("utf-8", "replace")


def blank(text, macros=True):
    """C text with comments, strings and characters (and macro bodies) turned to blanks; lines keep their numbers."""
    def spaces(found):
        kept = found[0][0] + found[0][-1] if found[0][0] in "\"'" else ""
        return kept + re.sub(r"[^\n]", " ", found[0][len(kept):])
    text = re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", spaces, text, flags=re.S)
    if macros:
        text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", spaces, text, flags=re.M)
    return text


def functions(text):
    """(first line, name, lines, nesting) of every function defined in C text."""
    code = blank(text)
    found, depth, start, deepest, opened = [], 0, 0, 0, []
    head = name = None
    for at, c in enumerate(code):
        if c == "{":
            before = code[start:at].rstrip()
            if depth == 0:
                head = re.search(r"(\w+)\s*\((?:[^()]|\([^()]*\))*\)$", before) if "=" not in before else None
                name, begin, deepest = head and head[1], start + len(code[start:at]) - len(code[start:at].lstrip()), 0
            block = depth > 0 and re.search(r"(\)|\belse|\bdo)$", code[:at].rstrip()[-8:]) is not None
            opened.append(block)
            deepest = max(deepest, sum(opened))
            depth += 1
        elif c == "}" and depth > 0:
            depth -= 1
            opened.pop()
            if depth == 0:
                if name:
                    first = code.count("\n", 0, begin) + 1
                    found.append((first, name, code.count("\n", 0, at) + 2 - first, deepest))
                start, name = at + 1, None
        elif c == ";" and depth == 0:
            start = at + 1
    return found


def finish(problems):
    """Prints the problems; the exit status says whether there were any."""
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
