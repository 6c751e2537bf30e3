// A patch baseline as a form: what it holds, what is wrong with it, and its form as JSON.

import type { CreatePatchBaselineCommandInput, GetPatchBaselineCommandOutput, PatchRule } from "@aws-sdk/client-ssm";

export const OPERATING_SYSTEMS = [
  "ALMA_LINUX",
  "AMAZON_LINUX",
  "AMAZON_LINUX_2",
  "AMAZON_LINUX_2022",
  "AMAZON_LINUX_2023",
  "CENTOS",
  "DEBIAN",
  "MACOS",
  "ORACLE_LINUX",
  "RASPBIAN",
  "REDHAT_ENTERPRISE_LINUX",
  "ROCKY_LINUX",
  "SUSE",
  "UBUNTU",
  "WINDOWS",
] as const;

export type OperatingSystem = (typeof OPERATING_SYSTEMS)[number];

export const LEVELS = ["CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNSPECIFIED"] as const;

/** The filters of rules that a system's packages can be told apart by. */
export function filterKeys(system: string): readonly string[] {
  if (system === "WINDOWS") return ["PRODUCT", "PRODUCT_FAMILY", "CLASSIFICATION", "MSRC_SEVERITY", "PATCH_SET"];
  if (system === "DEBIAN" || system === "UBUNTU" || system === "RASPBIAN") return ["PRODUCT", "SECTION", "PRIORITY"];
  if (system === "MACOS") return ["PRODUCT", "CLASSIFICATION"];
  return ["PRODUCT", "CLASSIFICATION", "SEVERITY"];
}

export interface Rule {
  readonly filters: Readonly<Record<string, readonly string[]>>;
  readonly level: string;
  /** Days of waiting, as typed; or the date of the cut-off. */
  readonly by: "days" | "date";
  readonly days: string;
  readonly date: string;
  readonly nonSecurity: boolean;
}

export interface Source {
  readonly name: string;
  readonly products: string;
  readonly configuration: string;
}

export interface BaselineForm {
  readonly name: string;
  readonly description: string;
  readonly system: string;
  readonly globalFilters: Readonly<Record<string, readonly string[]>>;
  readonly rules: readonly Rule[];
  readonly approved: string;
  readonly approvedLevel: string;
  readonly approvedNonSecurity: boolean;
  readonly rejected: string;
  readonly rejectedAction: string;
  readonly sources: readonly Source[];
  /** Of Windows: what security updates count as that no rule approves yet; empty: as the server has it. */
  readonly availableSecurity: string;
}

export const NEW_RULE: Rule = {
  filters: {},
  level: "UNSPECIFIED",
  by: "days",
  days: "7",
  date: "",
  nonSecurity: false,
};

export const NEW_BASELINE: BaselineForm = {
  name: "",
  description: "",
  system: "DEBIAN",
  globalFilters: {},
  rules: [NEW_RULE],
  approved: "",
  approvedLevel: "UNSPECIFIED",
  approvedNonSecurity: false,
  rejected: "",
  rejectedAction: "ALLOW_AS_DEPENDENCY",
  sources: [],
  availableSecurity: "",
};

/** One name a line, or several with commas. */
export function patchNames(text: string): string[] {
  return text
    .split(/[\n,]/)
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** What the server would refuse, by the place in the form: `name`, `rules.0.days`, `approved`. */
export function problems(form: BaselineForm): Record<string, string> {
  const found: Record<string, string> = {};
  if (!/^[a-zA-Z0-9_\-.]{3,128}$/.test(form.name))
    found["name"] = "3 to 128 letters, digits, dots, hyphens or underscores";
  if (form.description.length > 1024) found["description"] = "at most 1,024 characters";
  if (form.rules.length > 10) found["rules"] = "at most 10 rules";
  form.rules.forEach((rule, index) => {
    if (rule.by === "days") {
      const days = Number(rule.days);
      if (!/^\d+$/.test(rule.days) || days > 360) found[`rules.${index}.days`] = "a whole number of days from 0 to 360";
    } else if (!isDay(rule.date)) {
      found[`rules.${index}.date`] = "a day as YYYY-MM-DD";
    }
  });
  for (const [place, text] of [
    ["approved", form.approved],
    ["rejected", form.rejected],
  ] as const) {
    const names = patchNames(text);
    if (names.length > 50) found[place] = `at most 50 names, these are ${names.length}`;
    const long = names.find((name) => name.length > 100);
    if (long !== undefined) found[place] = `at most 100 characters a name: ${long.slice(0, 20)}…`;
  }
  form.rules.forEach(({ filters }, index) => {
    if (filters["PATCH_SET"]?.includes("APPLICATION") === true && (filters["PRODUCT"] ?? []).length === 0)
      found[`rules.${index}.filters`] = "the patch set APPLICATION needs a product as well";
  });
  const both = patchNames(form.approved).filter((name) => patchNames(form.rejected).includes(name));
  if (both[0] !== undefined) found["rejected"] = `${both[0]} is approved as well: rejected wins`;
  form.sources.forEach((source, index) => {
    if (!/^[a-zA-Z0-9_\-.]{3,50}$/.test(source.name))
      found[`sources.${index}.name`] = "3 to 50 letters, digits, dots, hyphens or underscores";
    if (patchNames(source.products).length === 0) found[`sources.${index}.products`] = "at least one product";
    if (source.configuration === "") found[`sources.${index}.configuration`] = "the lines of the repository's file";
  });
  return found;
}

function isDay(text: string): boolean {
  const date = new Date(`${text}T00:00:00Z`);
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

type Input = Omit<CreatePatchBaselineCommandInput, "ClientToken">;
type Availability = NonNullable<Input["AvailableSecurityUpdatesComplianceStatus"]>;
type Filters = NonNullable<CreatePatchBaselineCommandInput["GlobalFilters"]>;

function toFilters(filters: BaselineForm["globalFilters"]): Filters {
  const given = Object.entries(filters).filter(([, values]) => values.length > 0);
  // The keys come from the API's own list.
  return { PatchFilters: given.map(([Key, Values]) => ({ Key: Key as never, Values: [...Values] })) };
}

function toRule(rule: Rule, isLinux: boolean): PatchRule {
  return {
    PatchFilterGroup: toFilters(rule.filters),
    ComplianceLevel: rule.level as NonNullable<PatchRule["ComplianceLevel"]>,
    ...(rule.by === "days" ? { ApproveAfterDays: Number(rule.days) } : { ApproveUntilDate: rule.date }),
    ...(isLinux ? { EnableNonSecurity: rule.nonSecurity } : {}),
  };
}

/** What CreatePatchBaseline takes; UpdatePatchBaseline the same without the system. */
export function toInput(form: BaselineForm): Input {
  const isLinux = form.system !== "WINDOWS" && form.system !== "MACOS";
  return {
    Name: form.name,
    ...(form.description === "" ? {} : { Description: form.description }),
    OperatingSystem: form.system as OperatingSystem,
    GlobalFilters: toFilters(form.globalFilters),
    ApprovalRules: { PatchRules: form.rules.map((rule) => toRule(rule, isLinux)) },
    ApprovedPatches: patchNames(form.approved),
    ApprovedPatchesComplianceLevel: form.approvedLevel as NonNullable<Input["ApprovedPatchesComplianceLevel"]>,
    ...(isLinux ? { ApprovedPatchesEnableNonSecurity: form.approvedNonSecurity } : {}),
    RejectedPatches: patchNames(form.rejected),
    RejectedPatchesAction: form.rejectedAction as NonNullable<Input["RejectedPatchesAction"]>,
    ...(form.system === "WINDOWS" && form.availableSecurity !== ""
      ? { AvailableSecurityUpdatesComplianceStatus: form.availableSecurity as Availability }
      : {}),
    Sources: form.sources.map((source) => ({
      Name: source.name,
      Products: patchNames(source.products),
      Configuration: source.configuration,
    })),
  };
}

function fromFilters(
  group: { PatchFilters?: { Key?: string | undefined; Values?: string[] | undefined }[] | undefined } | undefined,
) {
  return Object.fromEntries((group?.PatchFilters ?? []).map((filter) => [filter.Key ?? "", filter.Values ?? []]));
}

export function fromBaseline(baseline: Partial<GetPatchBaselineCommandOutput>): BaselineForm {
  return {
    name: baseline.Name ?? "",
    description: baseline.Description ?? "",
    system: baseline.OperatingSystem ?? "WINDOWS",
    globalFilters: fromFilters(baseline.GlobalFilters),
    rules: (baseline.ApprovalRules?.PatchRules ?? []).map((rule) => ({
      filters: fromFilters(rule.PatchFilterGroup),
      level: rule.ComplianceLevel ?? "UNSPECIFIED",
      by: rule.ApproveUntilDate === undefined ? "days" : "date",
      days: String(rule.ApproveAfterDays ?? 0),
      date: rule.ApproveUntilDate ?? "",
      nonSecurity: rule.EnableNonSecurity === true,
    })),
    approved: (baseline.ApprovedPatches ?? []).join("\n"),
    approvedLevel: baseline.ApprovedPatchesComplianceLevel ?? "UNSPECIFIED",
    approvedNonSecurity: baseline.ApprovedPatchesEnableNonSecurity === true,
    rejected: (baseline.RejectedPatches ?? []).join("\n"),
    rejectedAction: baseline.RejectedPatchesAction ?? "ALLOW_AS_DEPENDENCY",
    sources: (baseline.Sources ?? []).map((source) => ({
      name: source.Name ?? "",
      products: (source.Products ?? []).join(", "),
      configuration: source.Configuration ?? "",
    })),
    availableSecurity: baseline.AvailableSecurityUpdatesComplianceStatus ?? "",
  };
}

/** A baseline from text, as `toInput` writes it or GetPatchBaseline answers. */
export function fromJson(text: string): BaselineForm {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed))
    throw new Error("a baseline is a JSON object");
  return fromBaseline(parsed);
}
