"""A day, second by second: images arrive, Classifiers work, the policy looks, Serve decides, the cluster follows."""

from collections import deque
from collections.abc import Callable, Mapping

import numpy as np

from benchmarks.day.cluster import Cluster
from benchmarks.day.controller import Controller
from benchmarks.day.load import Rates
from benchmarks.day.outcome import Outcome
from benchmarks.day.plan import Machine, Plan
from benchmarks.day.station import Second, Station


class Service:
    """The graph: a station of as many servers as Classifiers, as fast as the narrowest stage lets them be."""

    def __init__(self, plan: Plan, machine: Machine, running: Mapping[str, int]) -> None:
        self._plan = plan
        self._machine = machine
        self._station = Station(running["Classifier"])
        self.in_system = 0.0
        """Images waiting or in work, at the end of the last second."""
        self.busy: dict[str, float] = {}
        """Replicas' worth of work in the last second, by deployment."""

    def serve(self, now: int, arrivals: np.ndarray, running: Mapping[str, int]) -> Second:
        """The second from ``now`` on."""
        classifiers = running["Classifier"]
        self._station.resize(classifiers, now)
        call_s = self._image_s(classifiers)
        service_s = max(call_s, classifiers / self._narrowest(running))
        room = running["Ingress"] * (self._plan.max_waiting + classifiers * self._plan.in_work)
        second = self._station.step(arrivals, now + 1.0, service_s, room)
        begun = len(second.latencies)
        passing = begun * self._machine.overhead_ms / 1e3
        self.in_system = second.waiting + self._station.in_service(now + 1.0) + passing
        self.busy = {
            "Classifier": min(classifiers, begun * call_s),
            "Ingress": min(running["Ingress"], begun * self._machine.ingress_ms / 1e3),
        }
        return second

    def _image_s(self, classifiers: int) -> float:
        """Processor time an image, in a batch as large as what waits makes it: two calls a Classifier are under way."""
        batch = min(max(self.in_system / classifiers / 2, 1.0), self._plan.in_work / 2)
        return (self._machine.image_ms + self._machine.call_ms / batch) / 1e3

    def _narrowest(self, running: Mapping[str, int]) -> float:
        """Images a second the stages beside the Classifier can take."""
        times = {
            "Ingress": self._machine.ingress_ms,
            "Preprocessor": self._machine.preprocessor_ms,
            "Results": self._machine.results_ms,
        }
        return min(running[name] / ms * 1e3 for name, ms in times.items())

    def seen(self, running: Mapping[str, int]) -> float:
        """Images the ingresses know of. Where they are the narrowest stage the others wait for them in sockets."""
        if self.busy["Ingress"] < 0.999 * running["Ingress"]:
            return self.in_system
        return min(self.in_system, running["Classifier"] * self._plan.in_work / 2)


class Reports:
    """What replicas told Serve's controller, one report a second, averaged over the look-back of their deployment."""

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
    chance: np.random.Generator,
    heard: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """``chance`` says when within its second each image arrives, and how many do. ``heard`` gets each second."""
    cluster, controller = Cluster(plan, machine), Controller(plan)
    service = Service(plan, machine, cluster.running)
    reports = Reports(plan)
    outcome = Outcome(len(rates))
    for now, count in enumerate(chance.poisson(rates)):
        arrivals = np.sort(chance.random(count)) + now
        if now:
            controller.decide(now, reports.images, reports.busy, cluster.running)
        cluster.step(now, controller.targets)
        second = service.serve(now, arrivals, cluster.running)
        seen = service.seen(cluster.running)
        reports.add(seen, service.busy)
        outcome.record(
            now,
            second.latencies + machine.overhead_ms / 1e3,
            arrived=count,
            answered=len(second.latencies),
            refused=second.refused,
            in_system=service.in_system,
            seen=seen,
            wanted=controller.wanted["Classifier"],
            target=controller.targets["Classifier"],
            classifiers=cluster.running["Classifier"],
            preprocessors=cluster.running["Preprocessor"],
            ingresses=cluster.running["Ingress"],
            workers=cluster.workers,
            nodes=cluster.nodes,
            cpus=cluster.workers * plan.workers.cpus,
        )
        heard(now)
    return outcome
