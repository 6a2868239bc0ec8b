import { gzipSync } from "node:zlib";
import type { Plugin, Rolldown } from "vite";

const KIB = 1024;

/** Fails the build if the first page loads more than this much gzipped JavaScript. */
export function budget(limitKib: number): Plugin {
  return {
    name: "raylens-budget",
    apply: "build",
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
      const size = initialChunks(chunks).reduce((sum, { code }) => sum + gzipSync(code).length, 0);
      if (size > limitKib * KIB) {
        const loaded = (size / KIB).toFixed(1);
        this.error(`the first page loads ${loaded} KiB of gzipped JavaScript; the limit is ${String(limitKib)} KiB`);
      }
    },
  };
}

/** The entry chunk and its static imports. */
function initialChunks(chunks: Rolldown.OutputChunk[]): Rolldown.OutputChunk[] {
  const initial = new Set(chunks.filter(({ isEntry }) => isEntry));
  for (const chunk of initial) {
    for (const imported of chunks.filter(({ fileName }) => chunk.imports.includes(fileName))) initial.add(imported);
  }
  return [...initial];
}
