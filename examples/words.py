"""The functions of words.yaml."""

from collections import Counter

TEXT = """A directed acyclic graph has no way back. Each task of a graph starts when the tasks before it are done,
and a graph is done when its last task is.
""" * 50


def split(chunks: int) -> list[str]:
    """Cut the text into parts of about the same number of words."""
    words = TEXT.split()
    size = -(-len(words) // chunks)
    return [" ".join(words[i : i + size]) for i in range(0, len(words), size)]


def count(text: str) -> dict[str, int]:
    """Count the words of a part."""
    return dict(Counter(word.strip(".,").lower() for word in text.split()))


def merge(counts: list[dict[str, int]], most: int = 5) -> dict[str, int]:
    """Add up the counts of all parts, and keep the most frequent words."""
    total: Counter[str] = Counter()
    for part in counts:
        total.update(part)
    return dict(total.most_common(most))
