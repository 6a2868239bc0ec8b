import { problemOf, unreachable } from "@/api/problem";
import { usePolling } from "@/composables/polling";
import { useConnection } from "@/stores/connection";
import { mount } from "@vue/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { defineComponent, h } from "vue";

const EVERY = 1000;

function polling(look: (signal: AbortSignal) => Promise<void>): ReturnType<typeof mount> {
  return mount(defineComponent({ setup: () => (usePolling(look, EVERY), () => h("p")) }));
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

test("it looks at once and then at every interval, until the component goes", async () => {
  const look = vi.fn(() => Promise.resolve());
  const wrapper = polling(look);
  await vi.advanceTimersByTimeAsync(EVERY * 2.5);
  expect(look).toHaveBeenCalledTimes(3);
  wrapper.unmount();
  await vi.advanceTimersByTimeAsync(EVERY * 5);
  expect(look).toHaveBeenCalledTimes(3);
});

test("a hidden tab asks for nothing, and looks at once when it is seen again", async () => {
  const look = vi.fn(() => Promise.resolve());
  const wrapper = polling(look);
  await vi.advanceTimersByTimeAsync(0);
  hide(true);
  await vi.advanceTimersByTimeAsync(EVERY * 5);
  expect(look).toHaveBeenCalledTimes(1);
  hide(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(look).toHaveBeenCalledTimes(2);
  wrapper.unmount();
});

test("a slow answer is not asked for twice, and is let go with the component", async () => {
  const signals: AbortSignal[] = [];
  const wrapper = polling((signal) => {
    signals.push(signal);
    return new Promise(() => undefined);
  });
  await vi.advanceTimersByTimeAsync(EVERY * 5);
  expect(signals).toHaveLength(1);
  wrapper.unmount();
  expect(signals[0]?.aborted).toBe(true);
});

test("two lost answers are an outage, one answer ends it", async () => {
  let isAway = true;
  const wrapper = polling(() => (isAway ? Promise.reject(unreachable()) : Promise.resolve()));
  const connection = useConnection();
  await vi.advanceTimersByTimeAsync(0);
  expect(connection.state).toBe("fine");
  await vi.advanceTimersByTimeAsync(EVERY);
  expect(connection.state).toBe("unreachable");
  isAway = false;
  await vi.advanceTimersByTimeAsync(EVERY);
  expect(connection.state).toBe("fine");
  wrapper.unmount();
});

test("a service that refuses is there", async () => {
  const wrapper = polling(() => Promise.reject(problemOf(503, { code: "unavailable", detail: "" }, "5")));
  await vi.advanceTimersByTimeAsync(EVERY * 4);
  expect(useConnection().state).toBe("fine");
  wrapper.unmount();
});
