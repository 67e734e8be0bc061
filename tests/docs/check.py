#!/usr/bin/env python3
"""What the documents say of files is so: their programs, their links, the paths that they name.

    tests/docs/check.py              checks the tree
    tests/docs/check.py --self-test  feeds each rule a document that breaks it and one that keeps it

Prints `path:line: rule: what is wrong`; the last line is "N passed, N failed", counted in rules.
"""

import os
import posixpath
import re
import subprocess
import sys
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
from rules import report


class Tree:
    """Paths and texts, of the repository or of a test."""

    def __init__(self, texts):
        self.texts = texts
        self.folders = {folder for path in texts for folder in parents(path)}

    def has(self, path):
        path = path.rstrip("/")
        return path in self.texts or path in self.folders or path == "."

    def documents(self):
        return [path for path in self.texts if path.endswith(".md")]


def parents(path):
    while path := posixpath.dirname(path):
        yield path


def repository():
    names = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, cwd=ROOT, check=True,
    ).stdout.decode().split("\0")
    texts = {}
    for name in filter(None, names):
        try:
            with open(os.path.join(ROOT, name), encoding="utf-8") as file:
                texts[name] = file.read()
        except UnicodeDecodeError:
            texts[name] = ""
        except (FileNotFoundError, IsADirectoryError):
            continue
    return Tree(texts)


class Block:
    def __init__(self, line, language, mark, text):
        self.line, self.language, self.mark, self.text = line, language, mark, text


MARK = re.compile(r"<!-- (programs/\S+\.cpp)( prints)? -->")


def blocks(text):
    """The fenced blocks of a document, each with the mark in the line above it."""
    lines = text.split("\n")
    inside = None
    for number, line in enumerate(lines, 1):
        if inside is None and line.startswith("```"):
            inside = Block(number, line[3:].strip(), MARK.fullmatch(lines[number - 2].strip()) if number > 1 else None, [])
        elif inside is not None and line.startswith("```"):
            inside.text = "\n".join(inside.text)
            yield inside
            inside = None
        elif inside is not None:
            inside.text.append(line)


def prose(text):
    """The document's lines outside of fenced blocks, numbered."""
    inside = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("```"):
            inside = not inside
        elif not inside:
            yield number, line


def is_guide(path):
    return path.startswith("docs/")


def prints(source):
    """What a program says in its head that it prints."""
    found = None
    for line in source.split("\n"):
        if line.strip() == "// Prints:":
            found = []
        elif found is not None:
            if not line.startswith("//     "):
                break
            found.append(line[7:])
    return "\n".join(found or [])


def stands_in(quoted, source):
    """Whole lines of the source, moved to the left or as they are."""
    quoted = textwrap.dedent(quoted).split("\n")
    lines = source.split("\n")
    for i in range(len(lines) - len(quoted) + 1):
        if textwrap.dedent("\n".join(lines[i : i + len(quoted)])).split("\n") == quoted:
            return True
    return False


def quotes(tree):
    """C++ in a guide is quoted, letter by letter, from a program that the tests build and run"""
    for path in filter(is_guide, tree.documents()):
        for block in blocks(tree.texts[path]):
            if block.mark is None:
                if block.language == "cpp":
                    yield path, block.line, "no <!-- programs/….cpp --> in the line above"
                continue
            source = tree.texts.get("docs/" + block.mark[1])
            if source is None:
                yield path, block.line, f"there is no docs/{block.mark[1]}"
            elif block.mark[2] and block.text != prints(source):
                yield path, block.line, f"docs/{block.mark[1]} says otherwise of what it prints"
            elif not block.mark[2] and not stands_in(block.text, source):
                yield path, block.line, f"does not stand so in docs/{block.mark[1]}"


def every_program_is_quoted(tree):
    """every program of the guides is quoted, or linked, by one"""
    texts = "\n".join(tree.texts[path] for path in tree.documents() if is_guide(path))
    for path in tree.texts:
        if path.startswith("docs/programs/") and path.endswith(".cpp") and path[len("docs/") :] not in texts:
            yield path, 1, "no guide speaks of it"


LINK = re.compile(r"(?<!!)\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")


def anchors(text):
    """GitHub's names for the headings."""
    seen = {}
    for _, line in prose(text):
        heading = re.match(r"#+\s+(.*)", line)
        if not heading:
            continue
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).strip().lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count = seen.get(name, 0)
        seen[name] = count + 1
        yield name if count == 0 else f"{name}-{count}"


def links(tree):
    """relative links lead to files, and to headings, that are there"""
    for path in tree.documents():
        for number, line in prose(tree.texts[path]):
            for target in LINK.findall(line):
                if re.match(r"\w+:", target):
                    continue
                file, _, anchor = target.partition("#")
                there = posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) if file else path
                if not tree.has(there):
                    yield path, number, f"{target}: there is no {there}"
                elif anchor and anchor not in anchors(tree.texts.get(there, "")):
                    yield path, number, f"{target}: there is no such heading"


# In backticks, with a slash: a path if it ends as one. Built and made things are not there.
NAMED = re.compile(r"(?<!`)`([\w.*-]+(?:/[\w.*-]+)*/(?:[\w.*-]+\.(?:[ch]pp|[chS]|py|sh|md|cmake|json|txt|in|inc))?)`")
MADE = ("build/", "data/")


def paths(tree):
    """files and folders that are named in backticks are there, by their paths or the ends of these"""
    there = "\n".join(["", *tree.texts, *tree.folders, ""])
    for path in tree.documents():
        if path == "CHANGELOG.md":  # of what was there once
            continue
        for number, line in prose(tree.texts[path]):
            for name in NAMED.findall(line):
                ends = re.escape(name.rstrip("/")).replace(r"\*", "[^/\n]*")
                if not name.startswith(MADE) and not re.search(rf"[/\n]{ends}\n", there):
                    yield path, number, f"there is no {name}"


def map_is_right(tree):
    """what a row of the map says to look for stands in a file that the row links"""
    for path in tree.documents():
        if posixpath.basename(path) != "ARCHITECTURE.md":
            continue
        for number, line in prose(tree.texts[path]):
            row = [cell.strip() for cell in line.strip("|").split(" | ")]
            if len(row) != 3 or not LINK.search(row[1]):
                continue
            there = [posixpath.normpath(posixpath.join(posixpath.dirname(path), link)) for link in LINK.findall(row[1])]
            for name in re.findall(r"`([^`]+)`", row[2]):
                word = re.escape(name.removesuffix("()").split("::")[-1])
                if not any(re.search(rf"(?<!\w){word}(?!\w)", tree.texts.get(file, "")) for file in there):
                    yield path, number, f"{name} stands in none of {', '.join(there)}"


def both_languages(tree):
    """a document in Chinese has the programs of the English one, in its order"""
    for path in tree.documents():
        if not path.startswith("docs/zh/"):
            continue
        english = path.replace("docs/zh/", "docs/")
        if english not in tree.texts:
            yield path, 1, f"there is no {english}"
            continue
        ours, theirs = ([(b.mark and b.mark[0], b.text) for b in blocks(tree.texts[p]) if b.mark] for p in (path, english))
        if ours != theirs:
            yield path, 1, f"quotes other programs than {english}"
    for path in tree.documents():
        if re.fullmatch(r"docs/(\d-.*|ARCHITECTURE|glossary)\.md", path) and "docs/zh/" + path[len("docs/") :] not in tree.texts:
            yield path, 1, "is not there in Chinese"


RULES = [quotes, every_program_is_quoted, links, paths, map_is_right, both_languages]


def check(tree):
    return report(RULES, lambda rule: rule(tree))


PROGRAM = "// Says it.\n//\n// Prints:\n//     it\n//     all\nint f() {\n    if (a)\n        b();\n}\nint main() {}\n"
SOURCE = {"docs/programs/a.cpp": PROGRAM}


def quoting(text, mark="<!-- programs/a.cpp -->", language="cpp"):
    return {**SOURCE, "docs/a.md": f"{mark}\n```{language}\n{text}\n```\n"}


# (rule, files, does it break the rule)
CASES = [
    (quotes, quoting("int f() {\n    if (a)\n        b();"), False),
    (quotes, quoting("if (a)\n    b();"), False),
    (quotes, quoting("int f() {"), False),
    (quotes, quoting("int f() { }"), True),
    (quotes, quoting("int f()"), True),
    (quotes, quoting("int f() {\n    b();"), True),
    (quotes, quoting("int f() {", mark=""), True),
    (quotes, quoting("int f() {", mark="", language="text"), False),
    (quotes, quoting("int f() {", mark="<!-- programs/b.cpp -->"), True),
    (quotes, quoting("it\nall", mark="<!-- programs/a.cpp prints -->", language="text"), False),
    (quotes, quoting("it", mark="<!-- programs/a.cpp prints -->", language="text"), True),
    (quotes, {"README.md": "```cpp\nint f();\n```\n"}, False),
    (every_program_is_quoted, quoting("int f() {"), False),
    (every_program_is_quoted, {**SOURCE, "docs/a.md": "nothing\n"}, True),
    (links, {"a.md": "[b](b.md) [c](d/c.md#a-heading-of-c) [web](https://b.org/b)\n", "b.md": "", "d/c.md": "# A *heading* of `c`!\n"}, False),
    (links, {"a.md": "[d](d) [up](d/../b.md) [here](#x)\n# X\n", "b.md": "", "d/c.md": ""}, False),
    (links, {"a.md": "# 唤醒的一生\n[字](#唤醒的一生)\n"}, False),
    (links, {"a.md": "[b](b.md)\n"}, True),
    (links, {"d/a.md": "[b](b.md)\n", "b.md": ""}, True),
    (links, {"a.md": "[b](b.md#there)\n", "b.md": "# Here\n"}, True),
    (links, {"a.md": "```\n[b](b.md)\n# X\n```\n"}, False),
    (paths, {"d/a.md": "`weft/a.hpp` `a.hpp` `core/b.hpp` `d/c.py` `weft/*.hpp` `build/x.md` `a/b`\n", "weft/a.hpp": "", "weft/core/b.hpp": "", "d/c.py": ""}, False),
    (paths, {"a.md": "`weft/core/` `core/`\n", "weft/core/b.hpp": ""}, False),
    (paths, {"a.md": "`ore/b.hpp`\n", "weft/core/b.hpp": ""}, True),
    (paths, {"a.md": "`weft/a.hpp`\n"}, True),
    (paths, {"a.md": "`weft/*.hpp`\n", "weft/a.cpp": ""}, True),
    (paths, {"a.md": "`weft/core/`\n"}, True),
    (map_is_right, {"docs/ARCHITECTURE.md": "| a wake | [a](a.hpp), [b](b.hpp) | `x::post()`, `run` |\n", "docs/a.hpp": "void post();", "docs/b.hpp": "run"}, False),
    (map_is_right, {"docs/ARCHITECTURE.md": "| a wake | [a](a.hpp) | `post` |\n", "docs/a.hpp": "void post_all();"}, True),
    (both_languages, {"docs/1-a.md": quoting("x")["docs/a.md"], "docs/zh/1-a.md": quoting("x")["docs/a.md"]}, False),
    (both_languages, {"docs/1-a.md": quoting("x")["docs/a.md"], "docs/zh/1-a.md": "…\n"}, True),
    (both_languages, {"docs/1-a.md": "…\n"}, True),
    (both_languages, {"docs/zh/1-a.md": "…\n"}, True),
]


def self_test():
    failed = 0
    for rule, texts, breaks in CASES:
        found = list(rule(Tree(texts)))
        if bool(found) != breaks:
            failed += 1
            print(f"  FAIL  {rule.__name__} on {texts}: {'silent' if breaks else found}")
    for rule in RULES:
        if rule not in {r for r, _, breaks in CASES if breaks}:
            failed += 1
            print(f"  FAIL  nothing breaks {rule.__name__}")
    print(f"{len(CASES) + len(RULES) - failed} passed, {failed} failed")
    return failed == 0


if __name__ == "__main__":
    sys.exit(0 if (self_test() if "--self-test" in sys.argv else check(repository())) else 1)
