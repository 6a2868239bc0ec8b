import { describeProblem } from "@/api/problemMessage";
import { useClassify, type ClassifyItem } from "@/stores/classify";
import { useTexts } from "@/texts";
import { formatLabel, formatPercent } from "@/texts/format";
import { readonly, ref, watch, type Ref } from "vue";

/** The latest result as a sentence for screen readers. */
export function useAnnouncement(): Readonly<Ref<string>> {
  const t = useTexts();
  const store = useClassify();
  const announcement = ref("");

  function sentence({ source, state }: ClassifyItem): string {
    if (state.name === "failed") {
      return t.value.classify.announceFailure(source.name, describeProblem(state.problem, t.value).title);
    }
    const first = state.name === "done" ? state.result.classification.predictions[0] : undefined;
    if (!first) return "";
    return t.value.classify.announceResult(source.name, formatLabel(first.label), formatPercent(first.probability));
  }

  watch(
    () => store.items.map(({ state }) => state),
    (states, before) => {
      const ended = store.items.find((item) => !before.includes(item.state) && sentence(item));
      if (ended && states.length) announcement.value = sentence(ended);
    },
  );
  return readonly(announcement);
}
