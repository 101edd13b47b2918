import csv
import logging
from collections import defaultdict

logger = logging.getLogger(__name__)


class Inventory:
    """Keeps how many of each article lie in which store."""

    def __init__(self, minimum=5):
        self.minimum = minimum
        self.stock = defaultdict(dict)
        self.listeners = []

    def load(self, path):
        # Read every row of the file, skip the ones that are broken
        with open(path, newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                try:
                    count = int(row["count"])
                except (KeyError, ValueError):
                    logger.warning("line %d: no valid count", number)
                    continue
                # A negative count is a correction and is taken as zero
                if count < 0:
                    count = 0
                self.stock[row["store"]][row["article"]] = count

    def add(self, store, article, count):
        # Everything that comes in is written down at once
        before = self.stock[store].get(article, 0)
        self.stock[store][article] = before + count
        self.notify(store, article, before + count)

    def take(self, store, article, count):
        before = self.stock[store].get(article, 0)
        # Nobody may take more than there is
        if count > before:
            raise ValueError(f"{article}: {count} wanted, {before} in {store}")
        self.stock[store][article] = before - count
        self.notify(store, article, before - count)

    def missing(self):
        # Collect the articles that have to be ordered again
        result = []
        for store, articles in sorted(self.stock.items()):
            for article, count in sorted(articles.items()):
                if count < self.minimum:
                    result.append((store, article, self.minimum - count))
        return result

    def notify(self, store, article, count):
        # Listeners hear of every change, in the order in which they came
        for listener in self.listeners:
            listener(store, article, count)

    def total(self, article):
        # The sum over all stores
        return sum(articles.get(article, 0) for articles in self.stock.values())
