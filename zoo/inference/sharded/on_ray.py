"""Compute shards in Ray processes: one actor for each worker, which opens its model once."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from typing import Any

from zoo.inference.sharded.folder import ShardFolder, write_shard
from zoo.inference.sharded.jobs import Job, Shard

_TRIES = 3  # how often a worker is started again, and a shard begun again, after it was killed
_STORE = 100 * 2**20  # bytes that Ray's processes share; results go through files


class _Worker:
    """What runs in a Ray process."""

    def __init__(self, job: Job):
        self.schema, self.compute = job.schema, job.opened()

    def write(self, shard: Shard, path: str) -> int:
        return write_shard(self.compute, shard, self.schema, path)


def results(
    job: Job, missing: Sequence[Shard], folder: ShardFolder, workers: int | None
) -> Iterator[int]:
    """Compute shards by Ray; yield the number of rows of each, as soon as it is written.

    It connects to the cluster of the environment variable RAY_ADDRESS; without it, it starts one
    for this call on this machine, which other machines cannot reach. A worker that is killed is
    started again, and computes its shard again.

    Args:
        job, missing, folder: as in `engines.run`; all machines must see the folder at its path.
        workers: how many actors, each on one CPU; None takes one for each CPU, at most one for each
            shard.

    Raises:
        ImportError: Ray is not installed.
        RuntimeError: Ray does not start, a worker cannot load the model, or was killed more than
            three times.
        Exception: what the job raises.
    """
    with _cluster(workers) as ray:
        cpus = max(1, int(ray.cluster_resources().get("CPU", 1)))
        count = min(workers or cpus, cpus, len(missing))
        limits: dict[str, Any] = {"max_restarts": _TRIES, "max_task_retries": _TRIES}
        actor = ray.remote(num_cpus=1, **limits)(_Worker)
        free = [actor.remote(job) for _ in range(count)]
        waiting, running = list(reversed(missing)), {}
        while waiting or running:
            while waiting and free:
                worker, shard = free.pop(), waiting.pop()
                running[worker.write.remote(shard, str(folder.file(shard)))] = worker
            (done,), _ = ray.wait(list(running), num_returns=1)
            free.append(running.pop(done))
            yield _result(ray, done)


def _result(ray, reference) -> int:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise (error.cause if isinstance(error.cause, Exception) else error) from None
    except ray.exceptions.RayActorError as error:
        if error.actor_init_failed:
            why = str(error).strip().splitlines()[-1]
            raise RuntimeError(
                f"A Ray worker cannot load the model: {why} Every machine must have the zoo "
                "installed, and see the folder of the model and of the results at the same path."
            ) from error
        raise RuntimeError(
            f"A Ray worker was killed, or crashed, {_TRIES + 1} times. If it needs more memory "
            "than there is, take fewer workers (--workers). Whole shards are kept: run the command "
            "again."
        ) from error


@contextlib.contextmanager
def _cluster(workers):
    """Yield Ray, connected to a cluster; what this starts, it also ends."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if local := "RAY_ADDRESS" not in os.environ:
        # Ray's switch for its own processes to listen at 127.0.0.1 alone.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    try:
        import ray
    except ModuleNotFoundError as error:
        raise ImportError(
            "The engine ray needs Ray, which is not installed: pip install 'autoencoder-zoo[ray]'. "
            "Or leave out --engine ray to compute in one process."
        ) from error
    if ray.is_initialized():
        yield ray
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if local:
        options |= {"num_cpus": workers or os.cpu_count(), "include_dashboard": False}
        options |= {"object_store_memory": _STORE}
    try:
        ray.init(**options)
    except Exception as error:  # Ray raises errors without a class of their own here
        raise RuntimeError(
            f"Ray did not start, or did not answer: {error} Try again when the machine is less "
            "busy, or leave out --engine ray to compute in one process."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()
