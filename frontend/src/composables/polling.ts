import { Problem } from "@/api/problem";
import { useConnection } from "@/stores/connection";
import { onBeforeUnmount, onMounted, shallowRef, type Ref } from "vue";

interface Polling {
  /** Polls immediately. */
  refresh: () => void;
  /** Why the last poll failed; null if it succeeded. */
  problem: Readonly<Ref<Problem | null>>;
}

/**
 * Calls `poll` on mount and then `intervalMs` after each call ends, while the component is mounted and the tab is
 * visible. Failures are passed to the connection store and do not stop the polling.
 */
export function usePolling(poll: (signal: AbortSignal) => Promise<void>, intervalMs: number): Polling {
  const connection = useConnection();
  const problem = shallowRef<Problem | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let controller = new AbortController();

  async function run(): Promise<void> {
    stop();
    const { signal } = (controller = new AbortController());
    try {
      await poll(signal);
      if (!signal.aborted) setOutcome(null);
    } catch (error) {
      if (!(error instanceof Problem) && !signal.aborted) throw error;
      if (!signal.aborted) setOutcome(error as Problem);
    }
    if (!signal.aborted) timer = setTimeout(() => void run(), intervalMs);
  }

  function setOutcome(failure: Problem | null): void {
    problem.value = failure;
    if (failure) connection.pollFailed(failure);
    else connection.pollSucceeded();
  }

  function stop(): void {
    clearTimeout(timer);
    controller.abort();
  }

  function onVisibilityChange(): void {
    if (document.hidden) stop();
    else void run();
  }

  onMounted(() => {
    document.addEventListener("visibilitychange", onVisibilityChange);
    onVisibilityChange();
  });
  onBeforeUnmount(() => {
    document.removeEventListener("visibilitychange", onVisibilityChange);
    stop();
  });
  return { refresh: () => void run(), problem };
}
