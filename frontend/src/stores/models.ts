import { answer, api } from "@/api/client";
import { usePreferences } from "@/stores/preferences";
import { defineStore } from "pinia";
import { computed, shallowRef } from "vue";
import type { components } from "../../openapi";

export type ModelCard = components["schemas"]["ModelCard"];

/** The models that are served here; empty until the service said so. */
export const useModels = defineStore("models", () => {
  const preferences = usePreferences();
  const items = shallowRef<ModelCard[]>([]);
  const byDefault = computed(() => items.value.find((model) => model.default) ?? null);

  /** Throws Problem. */
  async function load(): Promise<void> {
    items.value = (await answer(api.GET("/api/v1/models"))).items;
    // A choice of long ago may no longer be served.
    if (!items.value.some((model) => model.name === preferences.model)) preferences.model = "";
  }

  return { items, byDefault, load };
});
