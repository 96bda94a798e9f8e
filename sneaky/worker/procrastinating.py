"""A worker driven by procrastinate: each knock names a row, and the row says what is to be done."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from flask import Flask
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Status
from sqlalchemy import make_url

from sneaky.core.settings import settings
from sneaky.engine import LETTERS, RUN_TASK, RUNS, SEND_TASK
from sneaky.executions import workers
from sneaky.jobs import hands
from sneaky.jobs.hands import Unknown
from sneaky.jobs.retrying import log_failure
from sneaky.worker import LETTERS_JOB, SENDERS, Pace, Worker

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EnginePace(Pace):
    """How long, in seconds, until a worker that is silent is taken for gone, and until one begins again.

    `heartbeat` and `stalled` are the engine's: only a knock is lost with such a worker, and the row under its
    lease is taken up by our own clock.
    """

    heartbeat: float = 2.0
    stalled: float = 6.0
    rescue: float = 5.0
    begin_again: float = 2.0


class EngineWorker(Worker):
    """A worker that waits for procrastinate to knock instead of looking for rows.

    Runs, leases, hard limits and hand-over are those of every worker. Whatever ends procrastinate's own loop,
    such as a database that is away, it begins again until this worker is told to stop.
    """

    _ASIDE = 1  # for the beat, which must not wait for a run to end

    def __init__(self, app: Flask, *, threads: int, pace: EnginePace | None = None) -> None:
        self._engine_pace = pace or EnginePace()
        super().__init__(app, threads=threads, pace=self._engine_pace)
        with app.app_context():
            url = make_url(settings().database_url).set(drivername="postgresql")
        self._address = url.render_as_string(hide_password=False)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_told: asyncio.Event | None = None

    def begin_stop(self) -> None:
        """Ask the worker to stop, and wait for nothing: for signal handlers."""
        super().begin_stop()
        loop, is_told = self._loop, self._is_told
        if loop is not None and is_told is not None and not loop.is_closed():
            loop.call_soon_threadsafe(is_told.set)

    def work(self) -> bool:
        """Answer knocks until told to stop, then let runs finish their batch. False: a run hangs."""
        logger.info("this process is a worker of procrastinate", extra={"instance": self._runner.instance})
        while not self._stopping.is_set():
            try:
                asyncio.run(self._listen())
            except Exception as error:  # noqa: BLE001  (an outage is told once, and ends by itself)
                self._tell_outage(error)
            self._stopping.wait(self._engine_pace.begin_again)
        self._pool.shutdown(wait=False)
        return self._finish(within=1.0)  # listening ended with the runs, or their time was up

    def _tell_outage(self, error: Exception) -> None:
        if self._is_answered:
            log_failure(logger, "procrastinate stopped listening, and begins again", error)
        self._is_answered = False

    async def _listen(self) -> None:
        """Listen on both queues, beat, and clear away what stalled, until one of them ends."""
        self._is_told, self._loop = asyncio.Event(), asyncio.get_running_loop()
        if self._stopping.is_set():  # told before there was anybody to tell
            return
        engine = App(connector=PsycopgConnector(conninfo=self._address, min_size=1, max_size=8))
        engine.task(name=RUN_TASK)(self._run)
        engine.task(name=SEND_TASK)(self._send)
        async with engine.open_async():
            parts = [
                asyncio.ensure_future(part)
                for part in (
                    self._until_told(self._is_told),
                    self._listen_on(engine, RUNS, self._threads),
                    self._listen_on(engine, LETTERS, SENDERS),
                    self._again_and_again(self._pace.beat, self._beat_aside),
                    self._again_and_again(self._engine_pace.rescue, lambda: self._clear_stalled(engine)),
                )
            ]
            ended, others = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in others:
                part.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            for part in ended:
                part.result()

    @staticmethod
    async def _until_told(is_told: asyncio.Event) -> None:
        await is_told.wait()

    def _listen_on(self, engine: App, queue: str, at_once: int) -> Awaitable[None]:
        pace = self._engine_pace
        return engine.run_worker_async(
            queues=[queue],
            name=queue,
            concurrency=at_once,
            fetch_job_polling_interval=pace.look,
            shutdown_graceful_timeout=pace.stop_within,
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=pace.heartbeat,
            stalled_worker_timeout=pace.stalled,
        )

    async def _again_and_again(self, every: float, part: Callable[[], Awaitable[None]]) -> None:
        while True:
            await part()
            self._is_answered = True
            await asyncio.sleep(every)

    async def _beat_aside(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._pool, self._beat_in_the_app)

    def _beat_in_the_app(self) -> None:
        with self._app.app_context():
            workers.beat(self._runner.instance, self._since)

    async def _clear_stalled(self, engine: App) -> None:
        """Throw knocks away whose worker is gone; what they were for is taken up by its row's lease.

        So no job is ever retried by the engine, which would not count the attempts; our rows do.
        """
        manager = engine.job_manager
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=self._engine_pace.stalled):
            await manager.finish_job(job, Status.FAILED, delete_job=True)

    async def _run(self, execution_id: int) -> None:
        """The engine's task for a run: make it, if it still waits."""
        await self._in_thread(RUNS, RUN_TASK, lambda: self._take_and_run(execution_id))

    async def _send(self) -> None:
        """The engine's task for letters: send those that are due, if any still are."""
        await self._in_thread(LETTERS, LETTERS_JOB, self._deliver_what_is_due)

    async def _in_thread(self, pool: str, job: str, run: Callable[[], object]) -> None:
        """In a thread of ours: the event loop's own are few, and would be waited for at the end."""
        self._count(pool, 1)
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._pool, self._inside_the_app, pool, job, run)

    def _deliver_what_is_due(self) -> None:
        if self._are_letters_due():
            self._deliver()

    def _take_and_run(self, execution_id: int) -> None:
        try:
            taken = hands.take(self._runner, only=execution_id)
        except Unknown as unknown:
            logger.warning("a run waits for another release", extra={"job": unknown.job_id})
            return
        if taken is not None:
            taken.run()
