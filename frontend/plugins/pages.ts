import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const LIST = "src/router/pages.json";

/** Leaves the list of pages in the build: the service answers those with 200, and everything else with 404. */
export function pages(): Plugin {
  return {
    name: "raylens-pages",
    apply: "build",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "pages.json", source: readFileSync(LIST) });
    },
  };
}
