def test_a_log_that_kept_the_rules_has_no_findings(world, case):
    world.mark()
    assert world.audit() == []
