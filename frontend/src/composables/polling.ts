import { useConnection } from "@/stores/connection";
import { onBeforeUnmount, onMounted } from "vue";

/**
 * Calls `look` at once and then `every` milliseconds after its last end, while the component is there and its tab is
 * seen. A failure is told to the connection store and not to the caller; the next look comes all the same.
 */
export function usePolling(look: (signal: AbortSignal) => Promise<void>, every: number): { now: () => void } {
  const connection = useConnection();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let abort = new AbortController();

  async function run(): Promise<void> {
    stop();
    const mine = (abort = new AbortController());
    try {
      await look(mine.signal);
      if (!mine.signal.aborted) connection.answered();
    } catch (error) {
      if (!mine.signal.aborted) connection.failed(error);
    }
    if (!mine.signal.aborted) timer = setTimeout(() => void run(), every);
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
  return { now: () => void run() };
}
