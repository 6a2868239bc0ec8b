import { onScopeDispose, readonly, ref, type Ref } from "vue";

/** Whether a media query matches. */
export function useMediaQuery(query: string): Readonly<Ref<boolean>> {
  const list = window.matchMedia(query);
  const matches = ref(list.matches);
  const update = (event: MediaQueryListEvent): void => {
    matches.value = event.matches;
  };
  list.addEventListener("change", update);
  onScopeDispose(() => {
    list.removeEventListener("change", update);
  });
  return readonly(matches);
}

export function usePreferredDark(): Readonly<Ref<boolean>> {
  return useMediaQuery("(prefers-color-scheme: dark)");
}

export function useReducedMotion(): Readonly<Ref<boolean>> {
  return useMediaQuery("(prefers-reduced-motion: reduce)");
}
