import { defineConfig } from "vite";

// The service puts the path it is mounted at before `./assets/` of index.html; what a script loads later is relative to the script itself.
export default defineConfig({
  base: "./",
  build: {
    outDir: "dist",
    target: "es2023",
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    sourcemap: false,
    reportCompressedSize: false,
    license: { fileName: "licences.md" },
  },
});
