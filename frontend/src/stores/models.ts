import { api, unwrap } from "@/api/client";
import { usePreferences } from "@/stores/preferences";
import { defineStore } from "pinia";
import { shallowRef } from "vue";
import type { components } from "../../openapi";

export type ModelCard = components["schemas"]["ModelCard"];

/** The models that are served; empty until they are loaded. */
export const useModels = defineStore("models", () => {
  const preferences = usePreferences();
  const items = shallowRef<ModelCard[]>([]);

  /** Throws Problem. */
  async function load(): Promise<void> {
    items.value = (await unwrap(api.GET("/api/v1/models"))).items;
    // A stored choice may no longer be served.
    if (!items.value.some((model) => model.name === preferences.model)) preferences.model = "";
  }

  return { items, load };
});
