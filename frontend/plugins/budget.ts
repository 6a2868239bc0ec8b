import { gzipSync } from "node:zlib";
import type { Plugin, Rolldown } from "vite";

const KIB = 1024;

/** Stops the build where what a first visit loads has more compressed JavaScript than that. */
export function budget(limitKib: number): Plugin {
  return {
    name: "raylens-budget",
    apply: "build",
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
      const size = firstLoad(chunks).reduce((sum, { code }) => sum + gzipSync(code).length, 0);
      if (size > limitKib * KIB) {
        const loaded = (size / KIB).toFixed(1);
        this.error(`the first page loads ${loaded} KiB of JavaScript, ${String(limitKib)} are allowed`);
      }
    },
  };
}

/** The entry and all that it imports before it runs. */
function firstLoad(chunks: Rolldown.OutputChunk[]): Rolldown.OutputChunk[] {
  const needed = new Set(chunks.filter(({ isEntry }) => isEntry));
  for (const chunk of needed) {
    for (const imported of chunks.filter(({ fileName }) => chunk.imports.includes(fileName))) needed.add(imported);
  }
  return [...needed];
}
