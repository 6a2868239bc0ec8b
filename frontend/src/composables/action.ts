import { describeProblem } from "@/api/problemMessage";
import { useSubmission } from "@/composables/submission";
import { useToasts } from "@/stores/toasts";
import { useTexts } from "@/texts";

/** An action of a button without a form; problems appear as toasts. */
export function useAction() {
  const t = useTexts();
  const toasts = useToasts();
  const { problem, busy, submit } = useSubmission();

  /** Runs `work`, then shows `successText`. */
  async function run(work: () => Promise<unknown>, successText?: string): Promise<void> {
    const done = await submit(async () => {
      await work();
    });
    if (done && successText) toasts.show(successText);
    if (!problem.value) return;
    const { title, detail } = describeProblem(problem.value, t.value);
    toasts.show(detail ? `${title}: ${detail}` : title, "danger");
  }

  return { busy, run };
}
