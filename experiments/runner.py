"""Run the jobs of an experiment side by side, store each result as it comes, and go on where an earlier call stopped.

A job is a named tuple, the arguments of one run. Its result is a row: a dictionary that holds the job's own fields
(``job._asdict()``), so that a stored row tells which job it is of. A *plan* gives the jobs that can be named so far,
from the rows that are there: runs with a tuned learning rate follow once the tuning's rows are in.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from filelock import FileLock

from attn_utils import results

__all__ = ["Row", "complete", "in_order", "store"]

J = TypeVar("J", bound=NamedTuple)
Row = dict[str, Any]
Plan = Callable[[Sequence[Row]], Sequence[J]]


def in_order(rows: Iterable[Row], plan: Plan[J]) -> list[Row]:
    """Return the rows of the jobs that the plan names, each once and in its order. Other rows are left out."""
    rows = list(rows)
    jobs = plan(rows)
    of_job = {job: row for job in jobs for row in rows if _is_of(row, job)}
    return [of_job[job] for job in jobs if job in of_job]


def complete(
    pool: Executor,
    side_by_side: int,
    work: Callable[[J], Row],
    plan: Plan[J],
    done: Sequence[Row],
    wanted: Callable[[J], bool] = lambda job: True,
) -> Iterator[Row]:
    """Do what the plan names and nobody has done yet.

    Args:
        pool: Where the runs are made.
        side_by_side: How many at once. No job waits in the pool: the plan's first is always the next.
        work: Makes one run.
        plan: Which jobs there are, given the rows that are there. Asked again after each run.
        done: Rows of earlier calls.
        wanted: Which jobs this call is to do. The others may be made by other calls, on other machines.

    Yields:
        Each new row, when it is there.
    """
    rows = list(done)
    running: dict[Future[Row], J] = {}
    try:
        while True:
            begun = set(running.values())
            for job in plan(rows):
                if len(running) == side_by_side:
                    break
                if wanted(job) and job not in begun and not any(_is_of(row, job) for row in rows):
                    running[pool.submit(work, job)] = job
            if not running:
                return
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                row = future.result()
                del running[future]
                rows.append(row)
                yield row
    finally:
        for future in running:
            future.cancel()  # after an error or Ctrl-C: do not begin what nobody will store


def store(
    name: str,
    program: str,
    figures: dict[str, Any],
    rows: Sequence[Row],
    plan: Plan[J],
    lists: Mapping[str, Callable[[Row], bool]],
) -> list[Row]:
    """Add rows to the stored results of an experiment, and return all that are stored then.

    Several calls may run side by side, each adding its own rows.

    Args:
        name: What :func:`attn_utils.results.load` will ask for.
        program: The module that runs, as after ``python -m``.
        figures: What else is stored. Rows that were stored beside other figures (another corpus, other settings) are
            not of this experiment, and are dropped.
        rows: The new rows.
        plan: In which order they are stored.
        lists: Under which names they are stored, and which rows belong there.
    """
    path = Path(results.__file__).with_name(f"{name}.json")
    with FileLock(path.with_suffix(".lock")):
        stored = results.load(name) if path.exists() else {}
        if all(stored.get(key) == value for key, value in figures.items()):
            rows = [row for key in lists for row in stored.get(key, [])] + list(rows)
        rows = in_order(rows, plan)
        if rows:
            listed = {key: [row for row in rows if belongs(row)] for key, belongs in lists.items()}
            results.save(name, program, {**figures, **listed})
    return rows


def _is_of(row: Row, job: NamedTuple) -> bool:
    return all(row.get(key) == value for key, value in job._asdict().items())
