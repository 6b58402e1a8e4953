"""What one run may not do."""


def test_a_run_that_writes_without_end_fails_at_the_limit_and_keeps_what_it_wrote(start, executor, until, settings):
    settings.MAX_CHUNKS = 50
    run = start("chatting", {})
    until(run, "failed")
    assert run.detail == "chatter: The run has written 50 events; a chunk more is not taken."
    assert 50 <= run.last_seq <= 52  # the step's end and the run's come after the limit
