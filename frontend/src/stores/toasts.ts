import { defineStore } from "pinia";
import { ref } from "vue";

export type ToastVariant = "success" | "danger";

export interface Toast {
  id: number;
  text: string;
  variant: ToastVariant;
}

const DURATION_MS = 6000;

/** Short messages in the corner. Errors stay until they are dismissed. */
export const useToasts = defineStore("toasts", () => {
  const items = ref<Toast[]>([]);
  let lastId = 0;

  function show(text: string, variant: ToastVariant = "success"): void {
    const id = ++lastId;
    items.value = [...items.value.filter((toast) => toast.text !== text), { id, text, variant }];
    if (variant !== "danger") setTimeout(() => { dismiss(id); }, DURATION_MS);
  }

  function dismiss(id: number): void {
    items.value = items.value.filter((toast) => toast.id !== id);
  }

  return { items, show, dismiss };
});
