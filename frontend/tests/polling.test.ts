import { networkProblem, parseProblem } from "@/api/problem";
import { usePolling } from "@/composables/polling";
import { useConnection } from "@/stores/connection";
import { mount } from "@vue/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { defineComponent, h } from "vue";

const INTERVAL_MS = 1000;

function polling(poll: (signal: AbortSignal) => Promise<void>): ReturnType<typeof mount> {
  return mount(defineComponent({ setup: () => (usePolling(poll, INTERVAL_MS), () => h("p")) }));
}

function hide(hidden: boolean): void {
  vi.spyOn(document, "hidden", "get").mockReturnValue(hidden);
  document.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test("it polls on mount and at every interval until the component is unmounted", async () => {
  const poll = vi.fn(() => Promise.resolve());
  const wrapper = polling(poll);
  await vi.advanceTimersByTimeAsync(INTERVAL_MS * 2.5);
  expect(poll).toHaveBeenCalledTimes(3);
  wrapper.unmount();
  await vi.advanceTimersByTimeAsync(INTERVAL_MS * 5);
  expect(poll).toHaveBeenCalledTimes(3);
});

test("a hidden tab does not poll; a visible one polls again immediately", async () => {
  const poll = vi.fn(() => Promise.resolve());
  const wrapper = polling(poll);
  await vi.advanceTimersByTimeAsync(0);
  hide(true);
  await vi.advanceTimersByTimeAsync(INTERVAL_MS * 5);
  expect(poll).toHaveBeenCalledTimes(1);
  hide(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(poll).toHaveBeenCalledTimes(2);
  wrapper.unmount();
});

test("a slow poll is not repeated, and is aborted on unmount", async () => {
  const signals: AbortSignal[] = [];
  const wrapper = polling((signal) => {
    signals.push(signal);
    return new Promise(() => undefined);
  });
  await vi.advanceTimersByTimeAsync(INTERVAL_MS * 5);
  expect(signals).toHaveLength(1);
  wrapper.unmount();
  expect(signals[0]?.aborted).toBe(true);
});

test("two failed polls are an outage, one success ends it", async () => {
  let isUnreachable = true;
  const wrapper = polling(() => (isUnreachable ? Promise.reject(networkProblem()) : Promise.resolve()));
  const connection = useConnection();
  await vi.advanceTimersByTimeAsync(0);
  expect(connection.state).toBe("connected");
  await vi.advanceTimersByTimeAsync(INTERVAL_MS);
  expect(connection.state).toBe("unreachable");
  isUnreachable = false;
  await vi.advanceTimersByTimeAsync(INTERVAL_MS);
  expect(connection.state).toBe("connected");
  wrapper.unmount();
});

test("an error response counts as reachable", async () => {
  const wrapper = polling(() => Promise.reject(parseProblem(503, { code: "unavailable", detail: "" }, "5")));
  await vi.advanceTimersByTimeAsync(INTERVAL_MS * 4);
  expect(useConnection().state).toBe("connected");
  wrapper.unmount();
});
