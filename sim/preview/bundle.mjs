// Writes one HTML file that draws the chosen messages and asks nothing of any network.
// node sim/preview/bundle.mjs CHOSEN.json PAGE.html

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const [chosen, page] = process.argv.slice(2);
const policy = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:";

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("picture.js", import.meta.url))],
  bundle: true,
  minify: true,
  write: false,
  outdir: "out",
  jsx: "automatic",
  charset: "utf8",
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "error",
});
const output = (ending) => outputFiles.find((file) => file.path.endsWith(ending)).text;

// Inside a script element "</script" would end it, wherever it stands; data needs no "<" at all.
const messages = JSON.stringify(JSON.parse(readFileSync(chosen, "utf8"))).replaceAll("<", "\\u003c");
const script = output(".js").replaceAll("</script", "<\\/script");

writeFileSync(
  page,
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Alerts</title>
<meta http-equiv="Content-Security-Policy" content="${policy}">
<style>${output(".css")}</style></head><body><main id="picture"></main>
<script>window.messages = ${messages};</script>
<script>${script}</script></body></html>
`,
);
