import { describe, expect, it, test } from "vitest";

import {
  configureParameters,
  EXAMPLE_MANIFEST,
  kindWords,
  manifestProblem,
  NEW_PACKAGE,
  packageProblems,
  readManifest,
  toAttachments,
} from "./package";

const SUM = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
const MANIFEST = {
  schemaVersion: "2.0",
  version: "1.2",
  publisher: "Ada",
  packages: {
    debian: { "12": { x86_64: { file: "deb.zip" } } },
    _any: { _any: { arm64: { file: "any.zip" } } },
  },
  files: {
    "deb.zip": { checksums: { sha256: SUM }, size: 12 },
    "any.zip": { checksums: { sha256: SUM } },
  },
};
const FORM = { ...NEW_PACKAGE, name: "tool", manifest: JSON.stringify(MANIFEST), folder: "s3://packages/tool" };

describe("a manifest", () => {
  it("says which file is for which machine, and what each file must be", () => {
    expect(readManifest(JSON.stringify(MANIFEST))).toEqual({
      version: "1.2",
      publisher: "Ada",
      targets: [
        { platform: "debian", version: "12", architecture: "x86_64", file: "deb.zip" },
        { platform: "_any", version: "_any", architecture: "arm64", file: "any.zip" },
      ],
      files: [
        { name: "deb.zip", sha256: SUM.toLowerCase(), size: 12 },
        { name: "any.zip", sha256: SUM.toLowerCase(), size: undefined },
      ],
    });
    expect(kindWords("_any")).toBe("any");
    expect(kindWords("debian")).toBe("debian");
  });

  test.each([
    ["no json", /JSON/],
    ["[]", /an object/],
    [JSON.stringify({ ...MANIFEST, version: "" }), /^version/],
    [JSON.stringify({ ...MANIFEST, packages: {} }), /^packages: at least one/],
    [JSON.stringify({ ...MANIFEST, packages: { debian: { "12": { x86_64: {} } } } }), /^packages\.debian\.12\.x86_64/],
    [JSON.stringify({ ...MANIFEST, files: {} }), /^deb\.zip is not among/],
    [JSON.stringify({ ...MANIFEST, files: { "deb.zip": {} } }), /^files\.deb\.zip\.checksums/],
    // Its sum is for whoever has the file.
    [EXAMPLE_MANIFEST, /^files\.tool\.zip\.checksums/],
  ])("%s is refused", (text, problem) => {
    expect(manifestProblem(text)).toMatch(problem);
    expect(readManifest(text)).toBeUndefined();
  });
});

describe("the form of a package", () => {
  it("takes its files from a folder", () => {
    expect(packageProblems(FORM)).toEqual({});
    expect(toAttachments(FORM)).toEqual([{ Key: "SourceUrl", Values: ["s3://packages/tool"] }]);
  });

  it("or each from where it is", () => {
    const files = { "deb.zip": "s3://packages/deb.zip", "any.zip": "tool/1/any.zip" };
    const form = { ...FORM, from: "files" as const, files };
    expect(packageProblems(form)).toEqual({});
    expect(toAttachments(form)).toEqual([
      { Key: "S3FileUrl", Name: "deb.zip", Values: ["s3://packages/deb.zip"] },
      { Key: "AttachmentReference", Name: "any.zip", Values: ["tool/1/any.zip"] },
    ]);
    expect(Object.keys(packageProblems({ ...form, files: { "deb.zip": "here" } }))).toEqual([
      "files.deb.zip",
      "files.any.zip",
    ]);
  });

  test.each([
    ["name", { name: "x" }],
    ["manifest", { manifest: "{}" }],
    ["folder", { folder: "packages/tool" }],
  ])("says what is wrong with its %s", (place, change) =>
    expect(Object.keys(packageProblems({ ...FORM, ...change }))).toEqual([place]),
  );
});

it("is installed by a document with parameters", () => {
  expect(configureParameters("tool", "Install")).toEqual({ action: ["Install"], name: ["tool"] });
  expect(configureParameters("tool", "Uninstall", "2")).toMatchObject({ action: ["Uninstall"], version: ["2"] });
});
