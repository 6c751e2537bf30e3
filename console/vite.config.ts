// How the console is built: below /console/, nothing inlined, so that the page needs no exception in its policy.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// Where `npm run dev` finds a server: `fettle server --ephemeral` by default.
const server = process.env["FETTLE_ENDPOINT"] ?? "http://127.0.0.1:4510";
// As the server has it: what `npm run preview` shows is held to it as well.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const proxy = {
  "/_fettle": server,
  // The host is part of what is signed: it stays.
  "^/(configuration(Manager|Definition)/|configurationManager$|listConfiguration)": { target: server },
  "^/(groups|(un)?group-resources|(get|update|delete|list)-group|resources/)": { target: server },
  "^/$": {
    target: server,
    bypass: (request: { method?: string; url?: string }) => (request.method === "POST" ? undefined : request.url),
  },
};

export default defineConfig({
  base: "/console/",
  plugins: [react()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    manifest: true,
    outDir: "dist/site",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1500,
  },
  server: { proxy },
  preview: { proxy, headers: { "content-security-policy": POLICY } },
  test: { environment: "node", include: ["src/**/*.test.{ts,tsx}"] },
});
