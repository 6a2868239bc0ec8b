import asyncio
import contextvars
import gc
import random

import pytest

from serve_app.batching.single_flight import SingleFlight
from serve_app.errors import CorruptImage, DeadlineExceeded, Overloaded


class Work:
    """A computation that counts its starts and ends when ``outcome`` is set."""

    def __init__(self) -> None:
        self.started = 0
        self.cancelled = 0
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.started += 1
        try:
            return await asyncio.shield(self.outcome)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture
def flights() -> SingleFlight[str, str]:
    return SingleFlight()


@pytest.fixture(autouse=True)
async def no_unhandled_errors():
    """The loop's exception handler is not called, for example for an exception that was never retrieved."""
    gc.freeze()  # limits the collection below to objects of this test
    errors: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: errors.append(context))
    yield
    gc.collect()
    await turns()
    assert errors == []


async def test_callers_of_one_key_share_one_computation(flights):
    work = Work()
    callers = [asyncio.create_task(flights.run("a", work)) for _ in range(10)]
    await turns()
    work.outcome.set_result("dog")
    assert await asyncio.gather(*callers) == [("dog", False)] + [("dog", True)] * 9
    assert work.started == 1
    assert len(flights) == 0


async def test_keys_are_separate_and_results_are_not_stored(flights):
    async def value_of(key: str) -> str:
        await asyncio.sleep(0)
        return key

    pairs = [(key, flights.run(key, lambda key=key: value_of(key))) for key in "abab"]
    replies = await asyncio.gather(*(run for _, run in pairs))
    assert [value for value, _ in replies] == list("abab")
    assert await flights.run("a", lambda: value_of("later")) == ("later", False)


async def test_a_cancelled_leader_does_not_affect_its_followers(flights):
    work = Work()
    leader, follower = (asyncio.create_task(flights.run("a", work)) for _ in range(2))
    await turns()
    leader.cancel()
    await turns()
    work.outcome.set_result("dog")
    assert await follower == ("dog", True)
    assert leader.cancelled()
    assert (work.started, work.cancelled) == (1, 0)


async def test_work_is_cancelled_when_its_last_caller_is(flights):
    work = Work()
    callers = [asyncio.create_task(flights.run("a", work)) for _ in range(3)]
    await turns()
    for caller in callers:
        caller.cancel()
    await turns()
    assert work.cancelled == 1
    assert len(flights) == 0
    fresh = Work()
    fresh.outcome.set_result("cat")
    assert await flights.run("a", fresh) == ("cat", False)


async def test_a_new_caller_does_not_join_cancelled_work(flights):
    gate = asyncio.Event()

    async def slow_to_cancel() -> str:
        try:
            await asyncio.sleep(60)
        finally:
            await gate.wait()
        return "never"

    abandoned = asyncio.create_task(flights.run("a", slow_to_cancel))
    await turns()
    abandoned.cancel()
    await turns()
    work = Work()
    newcomer = asyncio.create_task(flights.run("a", work))
    await turns()
    gate.set()
    await turns()
    work.outcome.set_result("cat")
    assert await newcomer == ("cat", False)
    assert len(flights) == 0


async def test_errors_of_the_image_are_raised_for_all_callers(flights):
    work = Work()
    callers = [asyncio.create_task(flights.run("a", work)) for _ in range(3)]
    await turns()
    work.outcome.set_exception(CorruptImage("cut short"))
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [CorruptImage] * 3
    assert work.started == 1


@pytest.mark.parametrize("failure", [DeadlineExceeded, Overloaded])
async def test_limits_of_the_leader_do_not_apply_to_its_followers(flights, failure):
    first, second, third = Work(), Work(), Work()
    callers = [asyncio.create_task(flights.run("a", work)) for work in (first, second, third)]
    await turns()
    first.outcome.set_exception(failure("too late"))
    await turns(10)
    second.outcome.set_exception(failure("too late again"))
    await turns(10)
    third.outcome.set_result("dog")
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes[:2]] == [failure] * 2
    assert outcomes[2] == ("dog", False)
    assert (first.started, second.started, third.started) == (1, 1, 1)
    assert len(flights) == 0


async def test_followers_of_a_failed_leader_share_the_next_computation(flights):
    failing, work = Work(), Work()
    leader = asyncio.create_task(flights.run("a", failing))
    followers = [asyncio.create_task(flights.run("a", work)) for _ in range(4)]
    await turns()
    failing.outcome.set_exception(DeadlineExceeded("too late"))
    await turns(10)
    work.outcome.set_result("dog")
    assert await asyncio.gather(*followers) == [("dog", False)] + [("dog", True)] * 3
    assert work.started == 1
    with pytest.raises(DeadlineExceeded):
        await leader


async def test_an_error_during_cancellation_is_not_reported(flights):
    async def fails_when_cancelled() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise CorruptImage("cut short") from None
        return "never"

    caller = asyncio.create_task(flights.run("a", fails_when_cancelled))
    await turns()
    caller.cancel()
    await turns()
    assert caller.cancelled()


async def test_work_runs_outside_of_the_context_of_its_first_caller(flights):
    request = contextvars.ContextVar("request", default="none")

    async def context() -> str:
        return request.get()

    request.set("of the first client")
    assert await flights.run("a", context) == ("none", False)


@pytest.mark.parametrize("seed", range(20))
async def test_cancellation_at_any_moment_neither_hangs_nor_mixes_results(flights, seed):
    rng = random.Random(seed)

    async def make(key: str) -> str:
        await turns(rng.randrange(6))
        match rng.randrange(8):
            case 0:
                raise DeadlineExceeded("too late")
            case 1:
                raise CorruptImage(key)
        return key

    async def call(key: str) -> None:
        await turns(rng.randrange(20))
        try:
            value, _ = await flights.run(key, lambda: make(key))
        except CorruptImage as error:
            value = str(error)
        except DeadlineExceeded:
            return
        assert value == key

    async def disturb(callers: list[asyncio.Task[None]]) -> None:
        for _ in range(40):
            await turns(rng.randrange(2))
            rng.choice(callers).cancel()

    callers = [asyncio.create_task(call(rng.choice("abc"))) for _ in range(120)]
    async with asyncio.timeout(10):
        await disturb(callers)
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
    failures = [o for o in outcomes if isinstance(o, BaseException) and not isinstance(o, asyncio.CancelledError)]
    assert failures == []
    assert sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes) in range(1, 41)
    await turns(20)
    assert len(flights) == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}
