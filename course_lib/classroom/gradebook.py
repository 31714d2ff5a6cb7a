"""From a folder of submissions to a folder of results.

In the result folder: `results.sqlite` (everything, stored result by result), and made from it `results.csv`,
`index.html` (the class), `similar.html`, `feedback/STUDENT.html`; beside them `executed/STUDENT.ipynb`. A run that was
killed at any moment is simply started again: what is stored is not graded again as long as the submission, the
exercise, the library and the limits are the same.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from course_lib.classroom.earlier import read_earlier
from course_lib.classroom.exhibits import expected_pictures, own_outputs
from course_lib.classroom.exports import canvas_csv, json_text, moodle_csv, plain_csv
from course_lib.classroom.grading import GradingPlan, SubmissionResult
from course_lib.classroom.lesson import Lesson
from course_lib.classroom.lms_zip import unpack
from course_lib.classroom.marks import Mark, MarkRules, final_marks, read_late, read_moment, student_of
from course_lib.classroom.report import write_feedback, write_overview, write_similar
from course_lib.classroom.roster import Student, read_manual, read_roster
from course_lib.classroom.similarity import similar_pairs
from course_lib.classroom.store import ResultStore, Stored
from course_lib.classroom.submission import Submission, class_folder, find_submissions
from course_lib.classroom.whole_files import write_whole
from course_lib.classroom.workers import grade_class
from course_lib.errors import CourseError

__all__ = ["EXPORTS", "Terms", "grade_folder"]

EXPORTS = {"canvas": "canvas.csv", "moodle": "moodle.csv", "json": "results.json"}
"""What can be exported, and the file in the result folder."""


@dataclass(frozen=True)
class Terms:
    """
    What a teacher says about the class; what is None holds as it was said before for the same result folder.

    Parameters
    ----------
    roster, manual : Path, optional
        CSVs as `course_lib.classroom.roster` reads them.
    deadline : str, optional
        A date or time; "none" takes it back.
    late : str, optional
        Percent a day begun, ``10``, or with a cap, ``10:50``.
    tries : str, optional
        "last" or "best" counts.
    exports : sequence of str
        Keys of `EXPORTS`.
    earlier : sequence of Path
        Result folders of earlier topics; empty for what was said before.
    assignment : str, optional
        Its name in Canvas or Moodle; the title of the exercise by default.
    regrade : bool
        Grade what is unchanged, too.
    """

    roster: Path | None = None
    manual: Path | None = None
    deadline: str | None = None
    late: str | None = None
    tries: str | None = None
    exports: Sequence[str] = ()
    earlier: Sequence[Path] = ()
    assignment: str | None = None
    regrade: bool = False


@dataclass(frozen=True)
class _Class:
    """What holds for the class in this run."""

    lesson: Lesson
    rules: MarkRules
    roster: dict[str, Student]
    manual: dict[str, tuple[float, str]]

    @property
    def title(self) -> str:
        return str(self.lesson.metadata["title"])

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(task.name for task in self.lesson.tasks)

    @property
    def max_points(self) -> float:
        return float(sum(task.points for task in self.lesson.tasks))

    def marks(self, results: Sequence[Stored], *, everyone: bool = True) -> tuple[Mark, ...]:
        roster = self.roster if everyone else {}
        marks = final_marks(
            results, rules=self.rules, roster=self.roster, manual=self.manual, max_points=self.max_points
        )
        return tuple(one for one in marks if one.result or one.student in roster)


def grade_folder(
    lesson: Lesson,
    submissions: Path,
    out: Path,
    *,
    plan: GradingPlan,
    workers: int = 1,
    cluster: str = "",
    progress: Callable[[SubmissionResult, int, int], None] = lambda result, done, total: None,
    terms: Terms | None = None,
    remark: Callable[[str], None] = lambda line: None,
) -> tuple[SubmissionResult, ...]:
    """
    Grade a class and write everything about it; start it again after whatever stopped it.

    Parameters
    ----------
    lesson : Lesson
        The exercise.
    submissions, out : Path
        Where the notebooks are (a folder, or a zip from Canvas or Moodle), and where the results go (made if need be).
    plan : GradingPlan
        Limits and sandbox.
    workers : int
        Submissions graded at the same time.
    cluster : str
        Address of a Dask scheduler whose workers grade instead.
    progress : callable
        Called with each new result, the number done and the number of all.
    terms : Terms, optional
        Roster, deadline, tries, points by hand, exports.
    remark : callable
        Called with each line that a teacher should read.

    Returns
    -------
    tuple of SubmissionResult
        Of all submissions, in the order in which they were first graded.

    Raises
    ------
    CourseError
        A lecture, no submissions, results among the submissions, no sandbox, a slip in a list, a results file that
        cannot be used, a full disk: one line. What was stored before is kept.
    """
    if not lesson.tasks:
        raise CourseError(f"{lesson.topic} has no tasks to grade; wanted a topic with exercises")
    submissions = class_folder(submissions)
    if out.resolve().is_relative_to(submissions.resolve()):
        raise CourseError(f"--out {out} lies among the submissions; name a folder outside of {submissions}")
    terms = terms or Terms()
    grader = _on_cluster(cluster) if cluster else partial(grade_class, workers=workers)
    with _room_on_disk(out):
        if not submissions.exists():
            find_submissions(submissions, lesson.topic)  # says what is missing before anything is made
        out.mkdir(parents=True, exist_ok=True)
        with _one_run(out), ResultStore(out / "results.sqlite", topic=lesson.topic) as store:
            decided = _decided(store, terms)
            class_ = _read_class(lesson, store, decided)
            found = _submissions(lesson, submissions, out, class_, remark)
            class_ = _with_manual(class_, store, terms.manual, decided, found)
            todo = _sort_out(store, found, class_, plan, regrade=terms.regrade)
            pages = _Pages(out, class_, store.take_pages())
            try:
                _grade(store, todo, len(found), class_, pages, plan, out, grader, progress)
            finally:
                _write_all(store, class_, pages, out, terms, found)
            return tuple(one.result for one in store.results())


@dataclass(frozen=True)
class _Job:
    """A submission and what its result is stored with."""

    submission: Submission
    file: str
    fingerprint: str
    content: str
    handed_in: float


def _decided(store: ResultStore, terms: Terms) -> dict[str, object]:
    """Read what the teacher said now; nothing is kept before all of it is read."""
    decided: dict[str, object] = {}
    if terms.deadline is not None:
        none = terms.deadline == "none"
        decided["deadline"] = None if none else read_moment(terms.deadline, where="--deadline")
    if terms.late is not None:
        decided["late"] = read_late(terms.late)
    if terms.tries is not None:
        decided["tries"] = MarkRules(tries=terms.tries).tries
    if terms.roster is not None:
        decided["roster"] = list(read_roster(terms.roster, moment=read_moment).values())
    if terms.earlier:
        decided["earlier"] = read_earlier(terms.earlier)
    for name in terms.exports:
        if name not in EXPORTS:
            raise CourseError(f"--export needs one of {', '.join(EXPORTS)}, got {name}")
    return decided


def _read_class(lesson: Lesson, store: ResultStore, decided: dict[str, object]) -> _Class:
    def now(name: str) -> object:
        return decided[name] if name in decided else store.value(name)

    late = now("late") or (0, 100)
    assert isinstance(late, tuple | list)
    rows = now("roster") or []
    assert isinstance(rows, list)
    students = [one if isinstance(one, Student) else Student(**one) for one in rows]
    deadline = now("deadline")
    assert deadline is None or isinstance(deadline, float)
    rules = MarkRules(deadline, late[0], late[1], str(now("tries") or "last"))
    return _Class(lesson, rules, {one.id: one for one in students}, {})


def _submissions(
    lesson: Lesson, path: Path, out: Path, class_: _Class, remark: Callable[[str], None]
) -> dict[str, Submission]:
    """Return the submissions by the name of their file or folder."""
    if path.is_file() and path.suffix.lower() == ".zip":
        unpacked = unpack(path, out / "submissions", roster=class_.roster.values())
        for line in unpacked.remarks:
            remark(line)
        path = unpacked.folder
    found = {_file_name(one, path): one for one in find_submissions(path, lesson.topic)}
    seen: dict[tuple[str, int], str] = {}
    for file, one in found.items():
        written = file.removesuffix(Path(file).suffix) if one.path.name == file else file
        key = student_of(written)
        if key in seen:
            remark(f"two submissions by {key[0]}: {seen[key]} and {file}: keep one, or name a later try {key[0]}__2")
        seen.setdefault(key, file)
    for student in sorted({student_of(one.student)[0] for one in found.values()} - class_.roster.keys()):
        if class_.roster:
            remark(f"{student}: not on the roster; graded all the same")
    return found


def _with_manual(
    class_: _Class, store: ResultStore, path: Path | None, decided: dict[str, object], found: dict[str, Submission]
) -> _Class:
    """Merge points given by hand, and keep all that was decided in one step."""
    manual = {}
    if path is not None:
        students = {student_of(one.student)[0] for one in found.values()} | class_.roster.keys()
        manual = read_manual(path, students=students)
    if decided or manual:
        store.keep(decided, manual=manual)
    return dataclasses.replace(class_, manual=store.manual())


def _sort_out(
    store: ResultStore, found: dict[str, Submission], class_: _Class, plan: GradingPlan, *, regrade: bool
) -> list[_Job]:
    """Return what must be graded: new, changed, or failed by the machine's fault."""
    known = {one.file: one for one in store.results(all_files=True)}
    rest = _digest(class_.lesson.path.read_text("utf-8"), repr(plan), _library())
    todo = []
    for file, one in found.items():
        content = _digest(one.cells, one.problem)
        before = known.get(file)
        times = [time for time in (_modified(one.path), before.handed_in if before else 0) if time]
        same = before is not None and before.content == content
        handed_in = min(times, default=0.0) if same else _modified(one.path)  # a copied file makes nobody late
        fingerprint = _digest(one.student, one.page, content, rest)
        if regrade or not before or not before.final or before.fingerprint != fingerprint:
            todo.append(_Job(one, file, fingerprint, content, handed_in))
    store.present(list(found))
    if regrade:
        store.distrust(list(found))  # so that a run that is stopped can go on without --regrade
    return todo


def _grade(
    store: ResultStore,
    todo: list[_Job],
    total: int,
    class_: _Class,
    pages: _Pages,
    plan: GradingPlan,
    out: Path,
    grader: Callable[..., Iterator[SubmissionResult]],
    progress: Callable[[SubmissionResult, int, int], None],
) -> None:
    """Grade, and store each result before anything else is done with it."""
    if not todo:
        return
    jobs = {one.submission.page: one for one in todo}
    tries: dict[str, list[Stored]] = {}
    for one in store.results():
        tries.setdefault(student_of(one.result.student)[0], []).append(one)
    done = total - len(todo)
    ordered = [one.submission for one in todo]
    for result in grader(class_.lesson, ordered, plan=plan, executed=out / "executed"):
        job = jobs[result.page]
        final = not result.problem or result.problem == job.submission.problem
        one = Stored(result, job.file, job.fingerprint, job.content, job.handed_in, final)
        store.add(one)
        student = student_of(result.student)[0]
        own = tries[student] = [old for old in tries.get(student, []) if old.file != one.file] + [one]
        for mark in class_.marks(own, everyone=False):
            pages.write(mark, own)
        done += 1
        progress(result, done, total)


def _on_cluster(address: str) -> Callable[..., Iterator[SubmissionResult]]:
    try:
        from course_lib.classroom.cluster import grade_on_cluster
    except ModuleNotFoundError as problem:
        if problem.name not in ("dask", "distributed"):
            raise
        raise CourseError("--cluster needs Dask: pip install 'course-lib[classroom,cluster]'") from None
    return partial(grade_on_cluster, address=address)


def _write_all(
    store: ResultStore, class_: _Class, pages: _Pages, out: Path, terms: Terms, found: dict[str, Submission]
) -> None:
    """Make every file from the database; each is replaced in one step, and only where it differs."""
    results = store.results()
    marks = class_.marks(results)
    by_student: dict[str, list[Stored]] = {}
    for one in results:
        by_student.setdefault(student_of(one.result.student)[0], []).append(one)
    for mark in marks:
        pages.write(mark, by_student.get(mark.student, []))
    store.keep_pages(pages.made_of)
    write_whole(out / "results.csv", plain_csv(marks, tasks=class_.tasks))
    shown = [_shown(mark) for mark in marks if mark.result]
    whole = len(results) == len(found)  # of a run that was stopped, there will be another
    similar = _compare(store, marks, found, pages, out) if whole else None
    write_overview(
        shown, out / "index.html", title=class_.title, tasks=class_.tasks, earlier=store.value("earlier"),
        absent=[mark.student for mark in marks if not mark.result], similar=similar,
    )  # fmt: skip
    assignment = terms.assignment or class_.title
    for name in terms.exports:
        if name == "canvas":
            text = canvas_csv(marks, assignment=assignment, max_points=class_.max_points, roster=class_.roster)
        elif name == "moodle":
            text = moodle_csv(marks, assignment=assignment, roster=class_.roster)
        else:
            text = json_text(marks, topic=class_.lesson.topic)
        write_whole(out / EXPORTS[name], text)


def _compare(
    store: ResultStore, marks: Sequence[Mark], found: dict[str, Submission], pages: _Pages, out: Path
) -> int | None:
    """Write the pairs of similar submissions, unless it would be the same page; return how many there are."""
    handed_in = {one.page: one for one in found.values() if one.cells}
    counted = [
        dataclasses.replace(handed_in[one.result.page], student=one.student)
        for one in marks
        if one.result and one.result.page in handed_in
    ]
    if len(counted) < 2:
        return None
    made_of = _digest(pages.style, [(one.student, one.page, one.digest) for one in counted])
    known = store.value("similar") or ("", 0)
    if known[0] != made_of or not (out / "similar.html").exists():
        pairs = similar_pairs(counted, pages.class_.lesson)
        write_similar(pairs, out / "similar.html", title=pages.class_.title, compared=len(counted))
        known = (made_of, len(pairs))
        store.keep({"similar": known})
    return int(known[1])


class _Pages:
    """The students' pages; what is there already, made of the same, is not made again."""

    def __init__(self, out: Path, class_: _Class, made_of: dict[str, str]) -> None:
        self.out, self.class_, self.made_of = out, class_, made_of
        self.expected = expected_pictures(class_.lesson)
        templates = sorted((Path(__file__).parent / "templates").iterdir())
        self.style = _digest(
            class_.title,
            repr(self.expected),
            _library(),
            *(path.read_text("utf-8") for path in templates if path.is_file()),
        )

    def write(self, mark: Mark, tries: Sequence[Stored]) -> None:
        """Write the page of every try; the counted one shows the final mark and how it came about."""
        for one in tries:
            if mark.result is not None and one.result.page == mark.result.page:
                self._write(_shown(mark), _remarks(mark))
            else:
                number = student_of(one.result.student)[1]
                self._write(one.result, [f"This is try {number}; try {mark.counted} counts."])

    def _write(self, result: SubmissionResult, remarks: list[str]) -> None:
        made_of = _digest(self.style, repr(result), remarks)
        folder = self.out / "feedback"
        if self.made_of.get(result.page) != made_of or not (folder / f"{result.page}.html").exists():
            own = own_outputs(self.out / "executed" / f"{result.page}.ipynb", self.class_.lesson)
            write_feedback(result, folder, title=self.class_.title, remarks=remarks, own=own, expected=self.expected)
            self.made_of[result.page] = made_of


def _shown(mark: Mark) -> SubmissionResult:
    assert mark.result is not None
    return dataclasses.replace(mark.result, student=mark.student, points=mark.points)


def _remarks(mark: Mark) -> list[str]:
    assert mark.result is not None
    lines = []
    if mark.tries > 1:
        lines.append(f"This is try {mark.counted} of {mark.tries}, and the one that counts.")
    if mark.late_percent:
        lines.append(f"The checks gave {mark.result.points:g} points.")
        lines.append(f"{mark.late_days} day(s) late: {mark.late_percent:g} % off.")
    if mark.manual:
        lines.append(f"Your teacher {'added' if mark.manual > 0 else 'took off'} {abs(mark.manual):g} points.")
    return [*lines, f"Your teacher writes: {mark.comment}"] if mark.comment else lines


def _file_name(one: Submission, folder: Path) -> str:
    """Return the name of the file or folder among the submissions; the same text for the same bytes only."""
    inside = one.path.relative_to(folder).parts
    name = os.fsencode(inside[0] if inside else one.path.name)
    return name.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")


def _modified(path: Path) -> float:
    try:
        return max(0.0, path.lstat().st_mtime)
    except OSError:
        return 0.0


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _library() -> str:
    """Return a digest of the course's library and of the Python that runs it."""
    package = Path(__file__).parents[1]
    return _digest(sys.version, *(path.read_text("utf-8") for path in sorted(package.rglob("*.py"))))


@contextlib.contextmanager
def _one_run(out: Path) -> Iterator[None]:
    """Hold the result folder for this run; the system lets go of it whatever ends the run."""
    folder = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):  # a file system without locks: SQLite's own must do
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CourseError(
                    f"another run is writing to {out}: wait until it is done, or name another folder"
                ) from None
        yield
    finally:
        os.close(folder)


@contextlib.contextmanager
def _room_on_disk(out: Path) -> Iterator[None]:
    """Say a full disk in one line."""
    try:
        yield
    except OSError as problem:
        if problem.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        full = problem.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "make room and run this again" if full else "name another folder with --out"
        where = problem.filename or out
        raise CourseError(f"{where}: {problem.strerror}; {advice}. What was stored before is kept") from None
