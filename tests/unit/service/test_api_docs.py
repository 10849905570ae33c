import re
from pathlib import Path

from meyasubako.service import problems
from meyasubako.service.handler.app import create_app as handler
from meyasubako.service.log.app import create_app as log
from meyasubako.service.mechanism import Mechanism
from meyasubako.service.reporter import program
from tests.unit.service.doors import NONCES

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def test_every_path_of_the_programs_doors_is_on_the_page(mechanism: Mechanism) -> None:
    site = log(mechanism, NONCES)
    site.register_blueprint(program.blueprint(mechanism, NONCES))
    rules = [*handler(mechanism, NONCES).url_map.iter_rules(), *site.url_map.iter_rules()]
    fixed = {rule.rule.split("<")[0].rstrip("/") for rule in rules if rule.endpoint != "static"}
    assert [path for path in sorted(fixed) if path and path not in PAGE] == []


def test_every_problem_is_on_the_page() -> None:
    named = {name for _, _, name, _ in problems._STATUS}
    doors = ("handler/app.py", "log/app.py", "reporter/program.py")
    for path in (*doors, "payloads.py", "problems.py", "tus.py", "uploads.py"):
        text = (ROOT / "service" / path).read_text(encoding="utf-8")
        named |= set(re.findall(r'Problem\(\s*\d{3}, "([a-z-]+)"', text))
    assert len(named) > 15
    assert [name for name in sorted(named) if f"`{name}`" not in PAGE] == []
