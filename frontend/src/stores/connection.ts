import { Problem } from "@/api/problem";
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
  function failed(error: unknown): void {
    const isAway = !(error instanceof Problem) || error.status === 0 || error.status === 502 || error.status === 504;
    failures.value = isAway ? failures.value + 1 : 0;
  }

  return { isOnline, state, answered, failed };
});
