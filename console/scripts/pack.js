// After the build: each file's gzip and brotli forms beside it, which are what the server embeds and sends,
// and the check that the sign-in page and the first view stay small.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const DIST = new URL("../dist/site/", import.meta.url).pathname;
const MOST_FIRST_LOAD = 500 * 1024;
/** Compressed already. */
const PACKED = /\.(woff2?|png|gz)$/;

const sizes = new Map();
for (const entry of readdirSync(DIST, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || /\.(gz|br)$/.test(entry.name)) continue;
  const path = join(entry.parentPath ?? entry.path, entry.name);
  const bytes = readFileSync(path);
  const name = path.slice(DIST.length);
  if (PACKED.test(path) || name.startsWith(".vite/")) {
    sizes.set(name, bytes.length);
    continue;
  }
  const packed = brotliCompressSync(bytes);
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
  writeFileSync(`${path}.br`, packed);
  sizes.set(name, packed.length);
}

/** A file and what it imports at once, and the styles that the build's manifest puts beside it. */
const manifest = JSON.parse(readFileSync(join(DIST, ".vite/manifest.json"), "utf8"));
function load(key, into) {
  const chunk = manifest[key];
  if (chunk === undefined || into.has(chunk.file)) return into;
  into.add(chunk.file);
  for (const style of chunk.css ?? []) into.add(style);
  for (const other of chunk.imports ?? []) load(other, into);
  return into;
}

const first = load("src/pages/NowPage.tsx", load("index.html", new Set(["index.html"])));
// One weight of the typeface is fetched for the text of a page, and one for its headings.
const fonts = [...sizes].filter(([file]) => file.endsWith(".woff2"));
const bytes =
  [...first].reduce((sum, file) => sum + (sizes.get(file) ?? 0), 0) + fonts.reduce((sum, [, size]) => sum + size, 0);
const all = [...sizes.values()].reduce((sum, size) => sum + size, 0);
const kib = (count) => `${Math.round(count / 1024)} KiB`;
console.log(`first load: ${kib(bytes)} of at most ${kib(MOST_FIRST_LOAD)}; all ${sizes.size} files: ${kib(all)}`);
if (bytes > MOST_FIRST_LOAD) {
  console.error([...first].map((file) => `  ${kib(sizes.get(file) ?? 0)}\t${file}`).join("\n"));
  process.exit(1);
}
