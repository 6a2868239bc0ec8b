import { createPinia, setActivePinia } from "pinia";
import { afterEach, beforeEach } from "vitest";

beforeEach(() => {
  setActivePinia(createPinia());
});

afterEach(() => {
  localStorage.clear();
  document.body.innerHTML = "";
});
