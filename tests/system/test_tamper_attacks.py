"""Every attack that has a name is found by an audit without any key, and it names the right thing."""

import pytest

from meyasubako.service.inspection import Demands, Memory, audit
from tests.system import attacks, attacks_on_checkpoints, attacks_on_rows, attacks_with_keys
from tests.system.attacks import Scene
from tests.system.lived import found_lived

ON_A_DIRECTORY = [
    *attacks.DATABASE,
    *attacks.VAULT,
    *attacks.CHECKPOINTS,
    *attacks.WITH_SERVER_KEYS,
]
EVERY = [*ON_A_DIRECTORY, *attacks.EXPORT, *attacks.REMEMBERED]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A mechanism and another one of the same origin, each built once."""
    place = tmp_path_factory.mktemp("built")
    return found_lived(place / "one"), found_lived(place / "other")


@pytest.fixture
def scene(built, tmp_path):
    backup, other = built
    return Scene(backup.copied(tmp_path / "box"), backup, other, tmp_path)


def named(attack):
    return attack.__name__


def check(told, result):
    """That the finding is there, names the place, and is not told behind something that leads astray."""
    findings = [each for each in result.findings if each.rule == told.rule]
    assert findings, f"not found; told was {[each.rule for each in result.findings[:5]]}"
    assert any(told.words in each.sentence for each in findings), findings
    if told.index is not None:
        assert told.index in {each.index for each in findings}, findings
        if not told.anywhere:
            places = [each.index for each in result.findings if each.index is not None]
            assert places[0] == told.index, result.findings[:3]
    if not told.anywhere:
        assert result.findings[0].rule == told.rule, result.findings[:3]


@pytest.mark.parametrize("attack", ON_A_DIRECTORY, ids=named)
def test_it_is_found_in_the_directory(scene, attack):
    told = attack(scene)
    check(told, audit(scene.directory))


@pytest.mark.parametrize("attack", attacks.EXPORT, ids=named)
def test_it_is_found_in_an_export(scene, attack):
    told = attack(scene)
    check(told, audit(scene.exported))


@pytest.mark.parametrize("attack", attacks.REMEMBERED, ids=named)
def test_it_is_found_by_whoever_remembers_what_was_shown(scene, attack):
    memory = Memory(scene.place / "memory")
    with scene.lived.open() as box:
        box.publish()
    assert audit(scene.directory, Demands(memory=memory)).good
    told = attack(scene)
    check(told, audit(scene.directory, Demands(memory=memory)))
    # Who sees it for the first time sees nothing wrong: that is what witnesses and kept checkpoints are for.
    assert audit(scene.directory).good


def test_the_attacks_are_many_and_each_has_its_name():
    names = [named(attack) for attack in EVERY]
    modules = {attack.__module__ for attack in EVERY}
    assert modules == {each.__name__ for each in (attacks_on_checkpoints, attacks_on_rows, attacks_with_keys)}
    assert len(names) == len(set(names)) >= 80


def test_what_nobody_attacked_has_no_findings(scene):
    result = audit(scene.directory)
    assert result.good, result.findings
    exported = audit(scene.exported)
    assert exported.good, exported.findings


def test_what_witnesses_have_seen_has_no_findings(scene):
    attacks_on_checkpoints.witnessed(scene)
    result = audit(scene.directory)
    assert result.good, result.findings
    assert (result.witnessed.quorum_met, result.witnessed.cosigned) == (True, ("w0", "w1"))
    assert audit(scene.exported).good


def test_a_checkpoint_below_its_quorum_can_be_accepted(scene):
    attacks_on_checkpoints.a_cosignature_removed(scene)
    assert not audit(scene.directory).good
    assert audit(scene.directory, Demands(accept_unwitnessed=True)).good
