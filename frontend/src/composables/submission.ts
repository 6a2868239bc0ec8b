import { Problem } from "@/api/problem";
import { computed, ref, shallowRef } from "vue";

/** State of a form submission: whether it is in progress, its problem, and the messages by field. */
export function useSubmission() {
  const problem = shallowRef<Problem | null>(null);
  const busy = ref(false);
  const fields = computed(() => problem.value?.fields ?? {});

  /** Runs `work` unless a submission is in progress; returns whether it succeeded. */
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
