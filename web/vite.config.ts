import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

/** Asks for the letters together with the script: they are there at the first paint, and nothing jumps. */
function letters(): Plugin {
  return {
    name: "letters",
    transformIndexHtml: {
      order: "post",
      handler: (_, context) =>
        Object.keys(context.bundle ?? {})
          .filter((name) => /ibm-plex-sans.*\.woff2$/.test(name))
          .map((name) => ({
            tag: "link",
            attrs: { rel: "preload", as: "font", type: "font/woff2", crossorigin: "", href: `./${name}` },
            injectTo: "head",
          })),
    },
  };
}

/** Writes sw.js with the list of shell files, so that the installed page opens without the network. */
function shell(): Plugin {
  return {
    name: "shell",
    generateBundle(_, bundle) {
      const built = Object.keys(bundle).filter((name) => name !== "index.html" && !name.endsWith(".map"));
      const fixed = readdirSync("public").filter((name) => name !== "sw.js");
      const files = ["./", ...[...built, ...fixed].sort().map((name) => `./${name}`)];
      const digest = createHash("sha256");
      for (const name of built.sort()) {
        const item = bundle[name];
        digest.update(name).update(item?.type === "asset" ? item.source : (item?.code ?? ""));
      }
      for (const name of fixed) digest.update(readFileSync(`public/${name}`));
      digest.update(readFileSync("index.html"));
      const source = readFileSync("src/sw.js", "utf8")
        .replace("__FILES__", JSON.stringify(files))
        .replace("__VERSION__", JSON.stringify(digest.digest("hex").slice(0, 12)));
      this.emitFile({ type: "asset", fileName: "sw.js", source });
    },
  };
}

const service = process.env["VERISCOPE_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  base: "./",
  plugins: [letters(), shell()],
  build: {
    outDir: "../src/veriscope/web",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the content policy allows no data: fonts, scripts or styles
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: { proxy: { "/api": service, "/health": service } },
});
