"""A question with two answers, and how soon tests ask again."""

from __future__ import annotations

from assay_client import Retrying

QUERY, GOOD, BAD = "What is 3 + 4?", "3 + 4 = 7. The answer is 7.", "3 + 4 = 9. The answer is 9."
QUICK = Retrying(tries=3, first_wait_s=0.01, longest_wait_s=0.02)
