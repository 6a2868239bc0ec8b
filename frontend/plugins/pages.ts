import { readFileSync } from "node:fs";
import type { Plugin } from "vite";

const PAGES_FILE = "src/router/pages.json";

/** Adds the list of pages to the build: the service responds to other paths with 404. */
export function pages(): Plugin {
  return {
    name: "raylens-pages",
    apply: "build",
    generateBundle() {
      this.emitFile({ type: "asset", fileName: "pages.json", source: readFileSync(PAGES_FILE) });
    },
  };
}
