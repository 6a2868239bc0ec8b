import { Problem } from "@/api/problem";
import { computed, ref, shallowRef } from "vue";

/** A form on its way to the service: whether it is, what came back wrong, and what of it belongs to which field. */
export function useSubmission() {
  const problem = shallowRef<Problem | null>(null);
  const busy = ref(false);
  const fields = computed(() => problem.value?.fields ?? {});

  /** Run `work`, once at a time; whether it went well. */
  async function submit(work: () => Promise<void>): Promise<boolean> {
    if (busy.value) return false;
    busy.value = true;
    problem.value = null;
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      problem.value = error;
      return false;
    } finally {
      busy.value = false;
    }
  }

  return { problem, busy, fields, submit };
}
