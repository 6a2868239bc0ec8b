import type { Problem } from "@/api/problem";
import { defineStore } from "pinia";
import { computed, ref } from "vue";

const PATIENCE = 2; // one lost poll is no outage

/** Whether this browser has a network, and whether the service answers those who ask it regularly. */
export const useConnection = defineStore("connection", () => {
  const isOnline = ref(navigator.onLine);
  const failures = ref(0);
  const state = computed(() => {
    if (!isOnline.value) return "offline";
    return failures.value >= PATIENCE ? "unreachable" : "fine";
  });

  window.addEventListener("online", () => {
    isOnline.value = true;
  });
  window.addEventListener("offline", () => {
    isOnline.value = false;
  });

  function answered(): void {
    failures.value = 0;
  }

  /** A look failed; a reply that refuses is an answer, too, unless it comes from something in between. */
  function failed(problem: Problem): void {
    const isAway = [0, 502, 504].includes(problem.status);
    failures.value = isAway ? failures.value + 1 : 0;
  }

  return { isOnline, state, answered, failed };
});
