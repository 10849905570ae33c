"""A rule that no test breaks may not work at all; one that the page leaves out, nobody understands."""

import re
from pathlib import Path

from meyasubako.domain import kinds
from meyasubako.domain.rules import RULES, reference

HERE = Path(__file__).parent
PAGE = HERE.parents[3] / "docs" / "rules.md"


def test_every_rule_has_a_test_that_breaks_it():
    tests = "".join(file.read_text() for file in HERE.glob("test_*.py"))
    broken = set(re.findall(r'\.refuse\(\s*"([a-z0-9-]+)"', tests))
    assert broken == {rule.name for rule in RULES}


def test_every_rule_says_why():
    assert all(rule.why and not rule.why.endswith(".") for rule in RULES)


def test_rules_have_names_of_their_own():
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_the_page_of_kinds_and_rules_is_the_codes_own():
    assert PAGE.read_text() == reference.render(), (
        "write it anew: python -m meyasubako.domain.rules.reference > docs/rules.md"
    )


def test_every_kind_is_somebodys_to_write():
    assert all(kind.by for kind in kinds.KINDS.values())
