import { computed, onScopeDispose, ref, toValue, type ComputedRef, type MaybeRefOrGetter } from "vue";

/** Whole seconds until a timestamp in milliseconds, at least 0. */
export function useCountdown(until: MaybeRefOrGetter<number>): ComputedRef<number> {
  const now = ref(Date.now());
  const timer = setInterval(() => {
    now.value = Date.now();
  }, 250);
  onScopeDispose(() => {
    clearInterval(timer);
  });
  return computed(() => Math.max(0, Math.ceil((toValue(until) - now.value) / 1000)));
}
