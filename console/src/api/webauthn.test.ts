import { describe, expect, it } from "vitest";

import { fromBase64Url, toBase64Url } from "./webauthn";

describe("base64url", () => {
  it("is what WebAuthn's bytes are written as, and back", () => {
    const rows: readonly [number[], string][] = [
      [[], ""],
      [[0], "AA"],
      [[251, 255], "-_8"],
      [[255, 254, 253, 252], "__79_A"],
    ];
    for (const [bytes, text] of rows) {
      expect(toBase64Url(Uint8Array.from(bytes).buffer)).toBe(text);
      expect([...fromBase64Url(text)]).toEqual(bytes);
    }
  });
});
