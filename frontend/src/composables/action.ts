import { inWords } from "@/api/words";
import { useSubmission } from "@/composables/submission";
import { useNotices } from "@/stores/notices";
import { useTexts } from "@/texts";

/** Something a button does at once: what goes wrong is said in the corner. */
export function useAction() {
  const t = useTexts();
  const notices = useNotices();
  const { problem, busy, submit } = useSubmission();

  /** Run `work`; say `said` where it went well. */
  async function act(work: () => Promise<unknown>, said?: string): Promise<void> {
    const done = await submit(async () => {
      await work();
    });
    if (done && said) notices.show(said);
    if (!problem.value) return;
    const { title, detail } = inWords(problem.value, t.value);
    notices.show(detail ? `${title}: ${detail}` : title, "danger");
  }

  return { busy, act };
}
