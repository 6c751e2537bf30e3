// Packages: what a manifest says, what is wrong with one, and where its files come from.

import type { AttachmentsSource } from "@aws-sdk/client-ssm";

/** One file for machines of a kind. */
export interface ManifestTarget {
  readonly platform: string;
  readonly version: string;
  readonly architecture: string;
  readonly file: string;
}

export interface ManifestFile {
  readonly name: string;
  readonly sha256: string;
  readonly size: number | undefined;
}

export interface Manifest {
  readonly version: string;
  readonly publisher: string | undefined;
  readonly targets: readonly ManifestTarget[];
  readonly files: readonly ManifestFile[];
}

export const EXAMPLE_MANIFEST = `{
  "schemaVersion": "2.0",
  "version": "1.0",
  "publisher": "Example",
  "packages": {
    "_any": {"_any": {"x86_64": {"file": "tool.zip"}}}
  },
  "files": {
    "tool.zip": {"checksums": {"sha256": ""}}
  }
}
`;

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function entries(value: unknown, path: string): [string, unknown][] {
  if (!isObject(value)) throw new Error(`${path} is an object`);
  return Object.entries(value);
}

function targetsOf(packages: unknown): ManifestTarget[] {
  return entries(packages, "packages").flatMap(([platform, versions]) =>
    entries(versions, `packages.${platform}`).flatMap(([version, architectures]) =>
      entries(architectures, `packages.${platform}.${version}`).map(([architecture, one]) => {
        if (isObject(one) && typeof one["file"] === "string")
          return { platform, version, architecture, file: one["file"] };
        throw new Error(`packages.${platform}.${version}.${architecture} needs a file`);
      }),
    ),
  );
}

function fileOf([name, file]: [string, unknown]): ManifestFile {
  const checksums = isObject(file) ? file["checksums"] : undefined;
  const sum = isObject(checksums) ? checksums["sha256"] : undefined;
  if (typeof sum !== "string" || !/^[0-9a-f]{64}$/i.test(sum.trim()))
    throw new Error(`files.${name}.checksums.sha256 has 64 hexadecimal digits`);
  const size = isObject(file) ? file["size"] : undefined;
  return { name, sha256: sum.trim().toLowerCase(), size: typeof size === "number" ? size : undefined };
}

/** Throws what is wrong with it. */
function parse(text: string): Manifest {
  const value: unknown = JSON.parse(text);
  if (!isObject(value)) throw new Error("a manifest is an object");
  const { version, publisher, packages, files } = value;
  if ((typeof version !== "string" || version.trim() === "") && typeof version !== "number")
    throw new Error("version: the version of the package");
  const targets = targetsOf(packages);
  if (targets.length === 0) throw new Error("packages: at least one platform");
  const read = entries(files, "files").map(fileOf);
  const lacks = targets.find(({ file }) => read.every(({ name }) => name !== file));
  if (lacks !== undefined) throw new Error(`${lacks.file} is not among the files`);
  return {
    version: String(version),
    publisher: typeof publisher === "string" ? publisher : undefined,
    targets,
    files: read,
  };
}

export function readManifest(text: string): Manifest | undefined {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

export function manifestProblem(text: string): string | undefined {
  try {
    parse(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** `_any` is what manifests say of all. */
export function kindWords(kind: string): string {
  return kind === "_any" || kind === "*" ? "any" : kind;
}

export interface PackageForm {
  readonly name: string;
  readonly manifest: string;
  readonly from: "folder" | "files";
  readonly folder: string;
  /** Where each file is, by its name. */
  readonly files: Readonly<Record<string, string>>;
}

export const NEW_PACKAGE: PackageForm = { name: "", manifest: EXAMPLE_MANIFEST, from: "folder", folder: "", files: {} };

const ADDRESS = /^(s3|https?):\/\/[^/\s]+/;
const REFERENCE = /^[^/\s]+\/[^/\s]+\/[^/\s]+$/;

/** By place: `name`, `manifest`, `folder`, `files.NAME`. */
export function packageProblems(form: PackageForm): Record<string, string> {
  const found: Record<string, string> = {};
  if (!/^[a-zA-Z0-9_\-.]{3,128}$/.test(form.name))
    found["name"] = "3 to 128 letters, digits, dots, hyphens or underscores";
  const manifest = manifestProblem(form.manifest);
  if (manifest !== undefined) found["manifest"] = manifest;
  if (form.from === "folder") {
    if (!ADDRESS.test(form.folder.trim())) found["folder"] = "an address such as s3://packages/tool/1.0";
    return found;
  }
  for (const { name } of readManifest(form.manifest)?.files ?? []) {
    const address = form.files[name]?.trim() ?? "";
    if (!ADDRESS.test(address) && !REFERENCE.test(address))
      found[`files.${name}`] = "s3://BUCKET/KEY, or DOCUMENT/VERSION/FILE";
  }
  return found;
}

/** What CreateDocument and UpdateDocument take as attachments. */
export function toAttachments(form: PackageForm): AttachmentsSource[] {
  if (form.from === "folder") return [{ Key: "SourceUrl", Values: [form.folder.trim()] }];
  return (readManifest(form.manifest)?.files ?? []).map(({ name }) => {
    const address = form.files[name]?.trim() ?? "";
    return { Key: ADDRESS.test(address) ? "S3FileUrl" : "AttachmentReference", Name: name, Values: [address] };
  });
}

export const CONFIGURE = "AWS-ConfigureAWSPackage";

/** What the document takes that installs and removes packages; without a version it is the default one, or whichever is there. */
export function configureParameters(name: string, action: "Install" | "Uninstall", version?: string) {
  return {
    action: [action],
    name: [name],
    ...(version === undefined || version === "" ? {} : { version: [version] }),
  };
}
