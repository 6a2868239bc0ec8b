"""Runs the simulation in steps of one second: arrivals, classification, scaling decisions, cluster changes."""

from collections import deque
from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.simulation.cluster import Cluster
from benchmarks.simulation.controller import Controller
from benchmarks.simulation.load import Rates
from benchmarks.simulation.outcome import Outcome
from benchmarks.simulation.plan import Machine, Plan
from benchmarks.simulation.server_queue import ServerQueue, StepResult


class Service:
    """The deployment graph, modelled as a queue with one server per Classifier, limited by the slowest stage."""

    def __init__(self, plan: Plan, machine: Machine, running: Mapping[str, int]) -> None:
        self._plan = plan
        self._machine = machine
        self._queue = ServerQueue(running["Classifier"])
        self.in_system = 0.0
        """Images waiting or being processed at the end of the last step."""
        self.busy: dict[str, float] = {}
        """Total utilization of the replicas in the last step, by deployment."""

    def serve(self, now: int, arrivals: np.ndarray, running: Mapping[str, int]) -> StepResult:
        """Simulate the second that starts at ``now``."""
        classifiers = running["Classifier"]
        self._queue.resize(classifiers, now)
        call_s = self._image_s(classifiers)
        service_s = max(call_s, classifiers / self._bottleneck(running))
        room = running["Ingress"] * (self._plan.max_waiting + classifiers * self._plan.max_in_flight)
        second = self._queue.step(arrivals, now + 1.0, service_s, room)
        begun = len(second.latencies)
        passing = begun * self._machine.overhead_ms / 1e3
        self.in_system = second.waiting + self._queue.in_service(now + 1.0) + passing
        self.busy = {
            "Classifier": min(classifiers, begun * call_s),
            "Ingress": min(running["Ingress"], begun * self._machine.ingress_ms / 1e3),
        }
        return second

    def _image_s(self, classifiers: int) -> float:
        """CPU seconds per image. The batch size follows from the images present, with two calls per Classifier."""
        batch = min(max(self.in_system / classifiers / 2, 1.0), self._plan.max_in_flight / 2)
        return (self._machine.image_ms + self._machine.call_ms / batch) / 1e3

    def _bottleneck(self, running: Mapping[str, int]) -> float:
        """Maximum images per second of the slowest stage other than the Classifier."""
        times = {
            "Ingress": self._machine.ingress_ms,
            "Preprocessor": self._machine.preprocessor_ms,
            "Results": self._machine.results_ms,
        }
        return min(running[name] / ms * 1e3 for name, ms in times.items())

    def observed(self, running: Mapping[str, int]) -> float:
        """Images known to the Ingresses. If they are the bottleneck, further images wait in sockets."""
        if self.busy["Ingress"] < 0.999 * running["Ingress"]:
            return self.in_system
        return min(self.in_system, running["Classifier"] * self._plan.max_in_flight / 2)


class Reports:
    """Metrics reported to Serve's controller every second, averaged over the look-back period."""

    def __init__(self, plan: Plan) -> None:
        seconds = {name: max(1, round(each.scaling.look_back_period_s)) for name, each in plan.deployments.items()}
        self._images: deque[float] = deque(maxlen=seconds["Ingress"])
        self._busy: dict[str, deque[float]] = {name: deque(maxlen=seconds[name]) for name in ("Classifier", "Ingress")}

    def add(self, images: float, busy: Mapping[str, float]) -> None:
        self._images.append(images)
        for name, share in busy.items():
            self._busy[name].append(share)

    @property
    def images(self) -> float:
        return sum(self._images) / len(self._images)

    @property
    def busy(self) -> dict[str, float]:
        return {name: sum(shares) / len(shares) for name, shares in self._busy.items()}


def simulate(
    plan: Plan,
    machine: Machine,
    rates: Rates,
    rng: np.random.Generator,
    on_step: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Arrivals are a Poisson process drawn from ``rng``. ``on_step`` is called with each second."""
    cluster, controller = Cluster(plan, machine), Controller(plan)
    service = Service(plan, machine, cluster.running)
    reports = Reports(plan)
    outcome = Outcome(len(rates))
    for now, count in enumerate(rng.poisson(rates)):
        arrivals = np.sort(rng.random(count)) + now
        if now:
            controller.decide(now, reports.images, reports.busy, cluster.running)
        cluster.step(now, controller.targets)
        second = service.serve(now, arrivals, cluster.running)
        observed = service.observed(cluster.running)
        reports.add(observed, service.busy)
        outcome.record(
            now,
            second.latencies + machine.overhead_ms / 1e3,
            arrived=count,
            answered=len(second.latencies),
            refused=second.refused,
            in_system=service.in_system,
            observed=observed,
            desired=controller.desired["Classifier"],
            target=controller.targets["Classifier"],
            classifiers=cluster.running["Classifier"],
            preprocessors=cluster.running["Preprocessor"],
            ingresses=cluster.running["Ingress"],
            workers=cluster.workers,
            nodes=cluster.nodes,
            cpus=cluster.workers * plan.workers.cpus,
        )
        on_step(now)
    return outcome
