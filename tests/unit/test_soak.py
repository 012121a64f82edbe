"""The account of a soak: who passed how often in a row."""

from __future__ import annotations

from pathlib import Path

from tests.soak import DAYS_IN_A_JOB, FIRST_DAY, account, jobs, told


def report(folder: Path, name: str, *cases: tuple[str, str]) -> Path:
    body = "".join(
        f'<testcase classname="tests.e2e" name="{case}">{f"<{how}/>" if how else ""}</testcase>'
        for case, how in cases
    )
    file = folder / f"{name}.xml"
    file.write_text(f"<testsuites><testsuite>{body}</testsuite></testsuites>")
    return file


def test_in_a_row_since_the_last_failure(tmp_path: Path) -> None:
    reports = [
        report(tmp_path, "round-001", ("test_a", ""), ("test_b", "skipped")),
        report(tmp_path, "round-003", ("test_a", "")),
        report(tmp_path, "round-002", ("test_a", "failure")),
    ]
    found = account(reports)
    assert set(found) == {"tests.e2e::test_a"}
    one = found["tests.e2e::test_a"]
    assert (one.passed, one.failed, one.in_a_row, one.failures) == (2, 1, 1, ["round-002"])
    assert "FAILED in round-002" in told(found)


def test_days_are_counted_together_and_named_when_they_fail(tmp_path: Path) -> None:
    cases = [("test_a_day[asterisk22-1001]", ""), ("test_a_day[asterisk22-1002]", "error")]
    ((name, one),) = account([report(tmp_path, "days-01001-asterisk22", *cases)]).items()
    assert name == "tests.e2e::test_a_day[asterisk22]"
    assert (one.seeds, one.failures) == ([1001, 1002], ["1002"])


def test_the_times_of_one_job_are_one_test(tmp_path: Path) -> None:
    cases = [("test_a[asterisk22-time1]", ""), ("test_a[asterisk22-time2]", ""), ("test_b[time1]", "")]
    cases += [("test_c[asterisk22-time1-caller]", ""), ("test_c[asterisk22-time2-caller]", "")]
    found = account([report(tmp_path, "round-001", *cases)])
    in_a_row = {name: one.in_a_row for name, one in found.items()}
    assert in_a_row == {
        "tests.e2e::test_a[asterisk22]": 2,
        "tests.e2e::test_b": 1,
        "tests.e2e::test_c[asterisk22-caller]": 2,
    }


def test_each_job_has_a_name_of_its_own_and_the_days_come_first() -> None:
    all_jobs = list(jobs(2, 20))
    assert len({job.name for job in all_jobs}) == len(all_jobs)
    assert [job.first_day for job in all_jobs[:4]] == [FIRST_DAY] * 2 + [FIRST_DAY + DAYS_IN_A_JOB] * 2
    assert all(job.first_day is None for job in all_jobs[4:])
