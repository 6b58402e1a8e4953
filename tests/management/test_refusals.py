"""What start_run refuses. In this process: only the words and the exit code are looked at."""

import pytest

from runs.management.commands.start_run import Command
from runs.models import WorkflowRun
from tests.registered import register_workflows


@pytest.fixture
def workflows(db):
    register_workflows()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-workflow"], "There is no workflow no-such-workflow."),
        (["text-stream", "--input", '{"tokens": 1,}'], "--input: Line 1, column 13"),
        (["text-stream", "--input", '{"tokens": "many"}'], "tokens"),
        (["text-stream", "--input", '{"tokens": NaN}'], "--input: Line 1"),
        (["text-stream", "--input", "[" * 200 + "]" * 200], "--input: Line 1"),
        (["text-stream", "--input", "@/nowhere.json"], "--input @/nowhere.json: No such file or directory."),
        (["text-stream", "--trace-id", "x" * 32], "trace"),
        (["text-stream", "--trace-id", "a" * 33], "trace"),
        (["text-stream", "--parent-span-id", "a" * 17], "span"),
        (["text-stream", "--context", "tenant=acme"], "Text needs its quotes: tenant='\"acme\"'."),
        (["text-stream", "--context", "tenant"], "write KEY=JSON"),
        (["text-stream", "--context", "a=1", "--context", "a=2"], "--context a: the key is given twice."),
        (["text-stream", "--input", "-", "--metadata", "-"], "Standard input can be read once"),
        (["text-stream", "--metadata", "7"], "metadata"),
        (["text-stream", "--tag", ""], "tag"),
        (["text-stream", "--tag", "x" * 101], "tag"),
        (["text-stream", "--tag", "a\u202eb"], "tag"),
        *(
            (["text-stream", "--run-id", bad], "A run id has")
            for bad in ("a/b", "a\\b", ".", "..", " a", "a\nb", "x" * 201)
        ),
        (["text-stream", "--resource-id", "a\x00b"], "A resource id has"),
        (["text-stream", "--priority", "high"], "--priority"),
    ],
)
def test_bad_input_is_refused_with_a_sentence_and_nothing_is_stored(workflows, capsys, arguments, said):
    command = Command()
    command._called_from_command_line = True  # what run_from_argv() sets; it would also close the test's connection
    with pytest.raises(SystemExit) as ended:
        options = vars(command.create_parser("manage.py", "start_run").parse_args(arguments))
        command.execute(**options)
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert said.lower() in told.err.lower()
    assert told.out == ""
    assert not WorkflowRun.objects.exists()
