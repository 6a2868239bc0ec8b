import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";
import { budget } from "./plugins/budget.ts";
import { compress } from "./plugins/compress.ts";
import { pages } from "./plugins/pages.ts";

const SERVICE = process.env.RAYLENS_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  // Relative URLs let the app work under any path.
  base: "./",
  plugins: [vue(), pages(), compress(), budget(150)],
  resolve: { alias: { "@": fileURLToPath(new URL("src", import.meta.url)) } },
  css: {
    preprocessorOptions: {
      // Bootstrap 5 requires Sass' @import.
      scss: { quietDeps: true, silenceDeprecations: ["import"] },
    },
  },
  build: {
    target: "es2022",
    // Inlined assets are not cached, and the Content-Security-Policy allows data: only for images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: { proxy: { "^/(api|auth|oauth)/": { target: SERVICE, changeOrigin: false } } },
});
