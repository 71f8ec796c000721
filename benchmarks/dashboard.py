"""What the dashboard costs: the time to stack a frame with and without viewers, and its answers.

    python benchmarks/dashboard.py [--viewers 50] [--frames 20] [--interval 1.0]

Frames of 1080 x 1920 are stacked in this process, one every `--interval` seconds; 0 stacks
them back to back. The viewers live in another process: each reads the events and fetches
every new preview. A client of its own asks for the status four times a second.
"""

import argparse
import multiprocessing
import statistics
import time

from seestack import CaptureSession, Dashboard, LiveStacker, Settings, Transform
from seestack.server.sessions import Sessions
from seestack.simulation import random_field, simulate_frame

SHAPE = (1080, 1920)


class TimedStacker(LiveStacker):
    """Notes how long each frame takes."""

    def __init__(self):
        self.seconds = []
        super().__init__()

    def add_frame(self, frame):
        """Stack the frame and note the time."""
        began = time.perf_counter()
        report = super().add_frame(frame)
        self.seconds.append(time.perf_counter() - began)
        return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--interval", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    field = random_field(SHAPE, 400, seed=3)
    images = [
        simulate_frame(
            field, SHAPE, transform=Transform.rigid(shift_px=(1.3 * n, -0.7 * n)), seed=n
        )
        for n in range(8)
    ]
    alone, watched, latencies, previews = [], [], [], []
    for _ in range(options.rounds):
        alone += run(images, options, viewers=0)[0]
        seconds, milliseconds, fetched = run(images, options, viewers=options.viewers)
        watched += seconds
        latencies += milliseconds
        previews.append(fetched)
    for name, of in (("median", statistics.median), ("quartile", quartile), ("minimum", min)):
        before, after = of(alone), of(watched)
        print(
            f"{name:8} time to stack a frame: {1000 * before:6.1f} ms alone, "
            f"{1000 * after:6.1f} ms with {options.viewers} viewers, {after / before - 1:+.1%}"
        )
    latencies.sort()
    p95 = latencies[int(0.95 * len(latencies))]
    print(
        f"status: median {statistics.median(latencies):.1f} ms, 95th percentile {p95:.1f} ms, "
        f"longest {latencies[-1]:.1f} ms, {len(latencies)} answers"
    )
    print(f"previews fetched by the viewers in each round: {previews}")


def quartile(values):
    """Return the value that a quarter of the others stays below; less noisy than the rest."""
    return statistics.quantiles(values, n=4)[0]


def run(images, options, *, viewers):
    """Return the seconds of each frame, the milliseconds of each status, the previews."""
    stacker = TimedStacker()

    def source():
        for n in range(options.frames + 2):
            time.sleep(options.interval)
            yield images[n % len(images)]

    def make(settings):
        return CaptureSession(source(), stacker, frames=None)

    context = multiprocessing.get_context("spawn")
    with Dashboard(Sessions(make, Settings()), port=0) as dashboard:
        results = context.SimpleQueue()
        jobs = []
        if viewers:
            jobs = [
                context.Process(target=watch, args=(dashboard.url, viewers, results)),
                context.Process(target=poll, args=(dashboard.url, results)),
            ]
        for job in jobs:
            job.start()
        for _ in jobs:
            assert results.get() == "ready"
        dashboard.sessions.start()
        dashboard.sessions.current.session.wait()
        gathered = dict(results.get() for _ in jobs)
        for job in jobs:
            job.join()
    # The first frame only becomes the reference, the second fills caches.
    return stacker.seconds[2:], gathered.get("poll", []), gathered.get("watch", 0)


def watch(url, viewers, results):
    """Read events and previews as `viewers` browsers do, until the session ends."""
    import asyncio
    import json

    from tornado.httpclient import AsyncHTTPClient

    AsyncHTTPClient.configure(None, max_clients=viewers)
    client = AsyncHTTPClient()
    host, port = url.removeprefix("http://").rstrip("/").split(":")
    fetched = 0

    async def follow():
        nonlocal fetched
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"GET /api/events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        seen, state = 0, ""
        while state != "finished":
            line = await reader.readline()
            if not line.startswith(b"data: "):
                continue
            status = json.loads(line[6:])
            state = status["state"]
            if state == "idle":
                joined.release()
            if status["preview_number"] > seen:
                seen = status["preview_number"]
                await client.fetch(f"{url}api/preview.png")
                fetched += 1
        writer.close()

    joined = asyncio.Semaphore(0)

    async def everyone():
        tasks = [asyncio.ensure_future(follow()) for _ in range(viewers)]
        for _ in range(viewers):
            await joined.acquire()
        results.put("ready")
        await asyncio.gather(*tasks)

    asyncio.run(everyone())
    results.put(("watch", fetched))


def poll(url, results):
    """Ask for the status four times a second until the session ends."""
    import requests

    milliseconds, state = [], "idle"
    with requests.Session() as web:
        web.get(f"{url}api/status", timeout=5)
        results.put("ready")
        while state in ("idle", "running"):
            began = time.perf_counter()
            state = web.get(f"{url}api/status", timeout=5).json()["state"]
            milliseconds.append(1000 * (time.perf_counter() - began))
            time.sleep(0.25)
    results.put(("poll", milliseconds))


if __name__ == "__main__":
    main()
