import contextlib
import os
import signal
import socket
import sys
import threading
import time

import pytest

from ingest import sandbox
from ingest.sandbox import Limits
from storage.errors import Cancelled, DocumentError
from tests.ingest import hostile

QUICK = Limits(memory=1024**3, cpu_seconds=1, wall_seconds=20, output=1 << 20)
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own limits are Linux's")


def test_a_result_comes_back_as_json():
    assert sandbox.run(hostile.double, {"page": 1, "text": "naïve\n"}) == [{"page": 1, "text": "naïve\n"}] * 2


def test_a_function_that_spins_is_stopped_by_the_processor_limit():
    with pytest.raises(DocumentError, match=r"took longer than 1 s and was stopped\. Split the document"):
        sandbox.run(hostile.spin, limits=QUICK)


def test_a_function_that_waits_is_stopped_by_the_wall_limit():
    begun = time.monotonic()
    with pytest.raises(DocumentError, match=r"took longer than 0\.6 s"):
        sandbox.run(hostile.sleep, limits=Limits(wall_seconds=0.6))
    assert time.monotonic() - begun < 60  # it would sleep for 600


@on_linux
def test_a_function_that_swells_is_stopped_by_the_memory_limit():
    with pytest.raises(DocumentError, match="too much memory"):
        sandbox.run(hostile.hog, limits=QUICK)


@on_linux
def test_memory_is_what_can_be_filled_and_not_what_is_reserved():
    limits = Limits(memory=200 * 1024**2, cpu_seconds=5, wall_seconds=20)
    assert sandbox.run(hostile.fill, 100, limits=limits) == 100 << 20
    assert sandbox.run(hostile.reserve, 600, limits=limits)
    with pytest.raises(DocumentError, match="too much memory"):
        sandbox.run(hostile.fill, 220, limits=limits)
    with pytest.raises(DocumentError, match="could not be read"):
        sandbox.run(hostile.share, 2_000, limits=limits)


def test_items_come_one_by_one_and_are_no_result():
    items = []
    assert sandbox.run(hostile.pieces, 3, take=items.append) is None
    assert items == [{"count": 3}, ["", "\ud800"], ["€", "\ud800"], ["€€", "\ud800"]]


def test_a_refusal_after_some_items_is_raised():
    items = []
    with pytest.raises(DocumentError, match="It is torn"):
        sandbox.run(hostile.pieces_and_failure, 2, take=items.append)
    assert items == [0, 1]


def test_items_count_towards_the_output_limit():
    with pytest.raises(DocumentError, match="more text than can be taken"):
        sandbox.run(hostile.pieces, 3_000, limits=QUICK, take=lambda item: None)


@pytest.mark.parametrize("function", [hostile.abort, hostile.vanish, hostile.babble])
def test_a_crash_is_a_document_error(function):
    with pytest.raises(sandbox.Crashed, match="crashed on this file"):
        sandbox.run(function, limits=QUICK)


def test_an_unforeseen_error_is_named_without_its_details():
    with pytest.raises(DocumentError, match="ValueError") as caught:
        sandbox.run(hostile.fail)
    assert "secret" not in str(caught.value)


def test_a_refusal_keeps_its_reason_and_remedy():
    with pytest.raises(DocumentError) as caught:
        sandbox.run(hostile.refuse)
    assert (caught.value.reason, caught.value.remedy) == ("The file is odd.", "Upload another one.")


def test_what_a_library_prints_is_no_result():
    assert sandbox.run(hostile.talk) == "real"


def test_an_answer_beyond_the_output_limit_is_refused():
    with pytest.raises(DocumentError, match="more text than can be taken"):
        sandbox.run(hostile.flood, limits=QUICK)


def test_progress_reaches_the_caller():
    seen = []
    assert sandbox.run(hostile.count_pages, on_progress=lambda done, total: seen.append((done, total))) == "counted"
    assert seen[-1:] in ([], [(3, 3)])
    assert all(total in (0, 3) for _, total in seen)


def test_a_function_whose_child_the_system_ends_is_called_again():
    killed: list[int] = []

    def kill_twice(pid: int, total: int) -> None:
        if total and pid not in killed and len(killed) < 2:
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)

    assert sandbox.run(hostile.tell_pid_and_wait, on_progress=kill_twice) == "done"
    assert len(killed) == 2


def test_one_that_is_ended_each_time_is_a_document_error():
    def kill(pid: int, total: int) -> None:
        if total:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(sandbox.Killed, match="again and again"):
        sandbox.run(hostile.tell_pid_and_wait, on_progress=kill)


def test_an_error_in_the_progress_callback_ends_the_child():
    pids = []

    def cancel(done, total):
        if total:
            pids.append(done)
            raise Cancelled("stopped by somebody")

    with pytest.raises(Cancelled):
        sandbox.run(hostile.tell_pid_and_sleep, on_progress=cancel)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_a_silent_child_can_be_cancelled():
    def cancel(done, total):
        raise Cancelled("stopped by somebody")

    with pytest.raises(Cancelled):
        sandbox.run(hostile.sleep, on_progress=cancel)


def test_the_network_is_cut():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with pytest.raises(DocumentError, match="PermissionError"):
            sandbox.run(hostile.connect, server.getsockname()[1])
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()


@on_linux
def test_native_code_can_open_no_socket_either():
    if "kernel" not in sandbox.describe().split("network")[1]:
        pytest.skip("this kernel or machine has no seccomp filter")
    assert sandbox.run(hostile.native_socket) == -1


@on_linux
def test_no_program_can_be_started():
    if "kernel" not in sandbox.describe().split("network")[1]:
        pytest.skip("this kernel or machine has no seccomp filter")
    with pytest.raises(DocumentError, match="PermissionError"):
        sandbox.run(hostile.start_program)


def test_nothing_can_be_written(tmp_path):
    path = tmp_path / "file"
    path.write_text("before")
    with pytest.raises(DocumentError, match=r"PermissionError|OSError"):
        sandbox.run(hostile.write, str(path), readable=[path])
    with pytest.raises(DocumentError, match=r"PermissionError|OSError"):
        sandbox.run(hostile.write, str(tmp_path / "other"))


def has_landlock():
    return "files: its own only" in sandbox.describe()


def test_only_the_given_file_can_be_read(tmp_path):
    if not has_landlock():
        pytest.skip("this system has no Landlock")
    given, other = tmp_path / "given", tmp_path / "other"
    given.write_text("given")
    other.write_text("secret")
    assert sandbox.run(hostile.read, str(given), readable=[given]) == "given"
    with pytest.raises(DocumentError, match="PermissionError"):
        sandbox.run(hostile.read, str(other), readable=[given])


def test_the_parents_environment_can_not_be_read():
    if not has_landlock():
        pytest.skip("this system has no Landlock")
    with pytest.raises(DocumentError, match="PermissionError"):
        sandbox.run(hostile.peek_at_parent)


def test_the_environment_holds_no_secrets(monkeypatch):
    monkeypatch.setenv("FOOTNOTE_SECRET", "1")
    assert "FOOTNOTE_SECRET" not in sandbox.run(hostile.environment)


def test_the_child_dies_with_the_thread_that_holds_its_pipe():
    pids = []
    stop = threading.Event()

    def watch(done, total):
        if total:
            pids.append(done)
            stop.set()

    def hold():
        with pytest.raises(DocumentError):
            sandbox.run(hostile.tell_pid_and_sleep, limits=Limits(wall_seconds=1), on_progress=watch)

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join(20)
    assert stop.is_set()
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_describe_says_what_is_in_force():
    text = sandbox.describe()
    assert "processor time" in text
    assert "network: off" in text
    assert "ends with its parent: yes" in text


@on_linux
def test_no_more_files_can_be_opened_than_allowed():
    with pytest.raises(DocumentError, match="OSError"):
        sandbox.run(hostile.open_many, limits=QUICK)


def test_a_child_that_talks_without_end_is_cut_off():
    with pytest.raises(DocumentError, match="more text than can be taken"):
        sandbox.run(hostile.say_again_and_again, "", limits=QUICK)


def test_one_child_serves_many_calls_and_outlives_refusals():
    with sandbox.Child(hostile.__name__, limits=QUICK) as child:
        assert child.call(hostile.add, 1, 2, wall_seconds=20) == 3
        with pytest.raises(DocumentError, match="The file is odd"):
            child.call(hostile.refuse, wall_seconds=20)
        with pytest.raises(DocumentError, match="ValueError"):
            child.call(hostile.fail, wall_seconds=20)
        assert child.call(hostile.add, "a\n", "b", wall_seconds=20) == "a\nb"


def test_each_call_has_its_own_processor_time():
    with sandbox.Child(hostile.__name__, limits=QUICK) as child:
        child.call(hostile.add, 1, 2, wall_seconds=20)
        with pytest.raises(DocumentError, match="took longer"):
            child.call(hostile.spin, wall_seconds=60)


def test_a_call_after_the_end_of_the_child_is_a_document_error():
    with sandbox.Child(hostile.__name__, limits=QUICK) as child:
        for _ in range(2):
            with pytest.raises(DocumentError):
                child.call(hostile.abort, wall_seconds=20)


def test_questions_are_answered_in_time_that_is_not_the_childs():
    asked = []

    def answer(question, beat):
        asked.append(question)
        beat()
        time.sleep(1.5)
        return {"seen": question}

    assert sandbox.run(hostile.ask, ["what?\n"], limits=Limits(wall_seconds=1.2), answer=answer) == {
        "seen": ["what?\n"]
    }
    assert asked == [["what?\n"]]


def test_nobody_answers_outside_a_child():
    assert hostile.ask("what?") is None


def test_a_question_that_nobody_answers_is_no_result():
    with pytest.raises(sandbox.Crashed):
        sandbox.run(hostile.ask, "what?", limits=QUICK)


def test_a_child_that_takes_no_answer_is_stopped_by_the_wall_limit():
    answer = "x" * 5_000_000  # more than a pipe holds
    with pytest.raises(DocumentError, match="took longer than 2 s"):
        sandbox.run(hostile.ask_and_freeze, limits=Limits(wall_seconds=2), answer=lambda question, beat: answer)


def test_whoever_asks_without_end_can_be_cancelled():
    def answer(question, beat):
        if question["number"] == 50:
            raise Cancelled("stopped by somebody")
        return question["number"] + 1

    with pytest.raises(Cancelled):
        sandbox.run(hostile.ask_for_ever, limits=Limits(wall_seconds=60), answer=answer)
