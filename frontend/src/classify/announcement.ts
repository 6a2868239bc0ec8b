import { inWords } from "@/api/words";
import { useClassify, type Item } from "@/stores/classify";
import { useTexts } from "@/texts";
import { labelName, percent } from "@/texts/format";
import { readonly, ref, watch, type Ref } from "vue";

/** What became of the image that came to its end last, for who does not see the page. */
export function useAnnouncement(): Readonly<Ref<string>> {
  const t = useTexts();
  const store = useClassify();
  const said = ref("");

  function sentence({ source, state }: Item): string {
    if (state.name === "failed") {
      return t.value.classify.announceFailure(source.name, inWords(state.problem, t.value).title);
    }
    const first = state.name === "done" ? state.answer.classification.predictions[0] : undefined;
    if (!first) return "";
    return t.value.classify.announceResult(source.name, labelName(first.label), percent(first.probability));
  }

  watch(
    () => store.items.map(({ state }) => state),
    (now, before) => {
      const ended = store.items.find((item) => !before.includes(item.state) && sentence(item));
      if (ended && now.length) said.value = sentence(ended);
    },
  );
  return readonly(said);
}
