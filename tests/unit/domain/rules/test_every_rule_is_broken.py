"""A rule that no test breaks may not work at all; one that the guide leaves out, nobody understands."""

import re
from pathlib import Path

from meyasubako.domain.rules import RULES

HERE = Path(__file__).parent
GUIDE = HERE.parents[3] / "docs" / "auditors.md"


def test_every_rule_has_a_test_that_breaks_it():
    tests = "".join(file.read_text() for file in HERE.glob("test_*.py"))
    broken = set(re.findall(r'\.refuse\(\s*"([a-z0-9-]+)"', tests))
    assert broken == {rule.name for rule in RULES}


def test_every_rule_says_why():
    assert all(rule.why and not rule.why.endswith(".") for rule in RULES)


def test_rules_have_names_of_their_own():
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_every_rule_is_in_the_auditors_guide_with_its_reason():
    guide = GUIDE.read_text()
    missing = [rule.name for rule in RULES if f"| `{rule.name}` |" not in guide or rule.why not in guide]
    assert missing == []
