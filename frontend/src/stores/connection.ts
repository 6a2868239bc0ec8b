import type { Problem } from "@/api/problem";
import { defineStore } from "pinia";
import { computed, ref } from "vue";

const MAX_FAILURES = 2; // a single lost poll is not an outage

/** Whether the browser is online, and whether polls of the service succeed. */
export const useConnection = defineStore("connection", () => {
  const isOnline = ref(navigator.onLine);
  const failures = ref(0);
  const state = computed(() => {
    if (!isOnline.value) return "offline";
    return failures.value >= MAX_FAILURES ? "unreachable" : "connected";
  });

  window.addEventListener("online", () => {
    isOnline.value = true;
  });
  window.addEventListener("offline", () => {
    isOnline.value = false;
  });

  function pollSucceeded(): void {
    failures.value = 0;
  }

  /** Error responses also prove that the service is reachable, except those of a proxy in between. */
  function pollFailed(problem: Problem): void {
    const isUnreachable = [0, 502, 504].includes(problem.status);
    failures.value = isUnreachable ? failures.value + 1 : 0;
  }

  return { isOnline, state, pollSucceeded, pollFailed };
});
