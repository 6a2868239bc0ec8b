import { Problem } from "@/api/problem";
import { useConnection } from "@/stores/connection";
import { onBeforeUnmount, onMounted, shallowRef, type Ref } from "vue";

interface Polling {
  /** Look now instead of at the next time. */
  now: () => void;
  /** Why the last look failed; null when it did not. */
  problem: Readonly<Ref<Problem | null>>;
}

/**
 * Calls `look` at once and then `every` milliseconds after its last end, while the component is there and its tab is
 * seen. The connection store hears of failures, too, and the next look comes all the same.
 */
export function usePolling(look: (signal: AbortSignal) => Promise<void>, every: number): Polling {
  const connection = useConnection();
  const problem = shallowRef<Problem | null>(null);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let abort = new AbortController();

  async function run(): Promise<void> {
    stop();
    const mine = (abort = new AbortController());
    try {
      await look(mine.signal);
      if (!mine.signal.aborted) note(null);
    } catch (error) {
      if (!(error instanceof Problem) && !mine.signal.aborted) throw error;
      if (!mine.signal.aborted) note(error as Problem);
    }
    if (!mine.signal.aborted) timer = setTimeout(() => void run(), every);
  }

  function note(failure: Problem | null): void {
    problem.value = failure;
    if (failure) connection.failed(failure);
    else connection.answered();
  }

  function stop(): void {
    clearTimeout(timer);
    abort.abort();
  }

  function follow(): void {
    if (document.hidden) stop();
    else void run();
  }

  onMounted(() => {
    document.addEventListener("visibilitychange", follow);
    follow();
  });
  onBeforeUnmount(() => {
    document.removeEventListener("visibilitychange", follow);
    stop();
  });
  return { now: () => void run(), problem };
}
