#!/usr/bin/env python3
"""The glossaries against the translations: where a text has a term, its translation has one of the glossary's words for it, and none of those that
the glossary turns down. A word counts by its stem and inside compounds; two senses of a term are two lines, and either's words will do: which sense a
text means no test can tell.

usage: glossary_test.py
"""
import re
import sys

from translations_test import FOLDER, forms_of, messages_of

LANGUAGES = {"de": ", ", "zh_CN": "、"}
# Endings of English words, the doubled letter of "stopped" among them.
ENDINGS = r"(?:e|y|s|es|ies|d|ed|ied|ing|([a-z])(?:ed|ing))?"


def glossary_of(language):
    """[terms, words, words turned down] of each line; senses in brackets are for people."""
    lines = (FOLDER / f"glossary_{language}.md").read_text().splitlines()
    separator = LANGUAGES[language]
    for line in lines[2 + next(at for at, line in enumerate(lines) if line.startswith("| English")):]:
        terms, words, others = (re.sub(r" ?[(（].*?[)）]", "", cell.strip()) for cell in line.strip("|").split("|"))
        yield [term for term in terms.split(", ")], words.split(separator), [word for word in others.split(separator) if word]


def pattern_of(term):
    stem = re.sub(r"[ey]$", "", term) if len(term) > 3 else term
    last = re.escape(stem[-1])
    return re.compile(r"\b" + re.escape(stem) + ENDINGS.replace("([a-z])", last) + r"\b", re.IGNORECASE)


def stem_of(word):
    """Of a word with its ending, or of two that other words may stand between."""
    parts = [re.sub(r"(?<=.{4})(en|e|n)$", "", part) for part in word.split(" … ")]
    return re.compile(".*".join(map(re.escape, parts)), re.IGNORECASE)


def problems_of(language):
    entries = {}
    for terms, words, others in glossary_of(language):
        for term in terms:
            entry = entries.setdefault(term, ([], []))
            entry[0].extend(words)
            entry[1].extend(others)
    texts = [(message.findtext("source"), forms_of(message)) for _, message in messages_of(FOLDER / f"pio_{language}.ts")]
    seen = set()
    for source, forms in texts:
        rest = source
        for term in sorted(entries, key=len, reverse=True):     # "graphics memory" is no "memory"
            rest, n = pattern_of(term).subn("·", rest)
            if n == 0:
                continue
            seen.add(term)
            words, others = entries[term]
            for form in forms:
                if not any(stem_of(word).search(form) for word in words):
                    yield f"{language}: {source!r} has {term!r}, its translation none of {words}: {form!r}"
                for word in set(others) - set(words):
                    if stem_of(word).search(form):
                        yield f"{language}: {source!r} has {term!r}, its translation {word!r}, which the glossary turns down: {form!r}"
    yield from (f"{language}: no text has {term!r}" for term in sorted(set(entries) - seen))


def main():
    problems = [problem for language in LANGUAGES for problem in problems_of(language)]
    print("\n".join(problems) if problems else "every term has its word")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
