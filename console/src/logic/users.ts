// Users as forms: what is wrong with a name, a password or a policy, and policies to begin with.

export const LEAST_PASSWORD = 12;

export function userNameProblem(name: string): string | undefined {
  return /^[\w+=,.@-]{1,64}$/.test(name) ? undefined : "1 to 64 letters, digits or + = , . @ _ -";
}

/** `again` is the same once more. */
export function passwordProblem(password: string, again: string): string | undefined {
  if (password.length < LEAST_PASSWORD) return `at least ${LEAST_PASSWORD} characters`;
  if (password.length > 256) return "at most 256 characters";
  return password === again ? undefined : "the two are not the same";
}

/** What the server finds in a policy it says itself; this is what cannot be one. */
export function policyProblem(text: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const isObject = typeof parsed === "object" && parsed !== null && !Array.isArray(parsed);
    return isObject && "Statement" in parsed ? undefined : "a policy is a JSON object with Version and Statement";
  } catch (error) {
    return error instanceof Error ? error.message : "this is no JSON";
  }
}

export function policiesProblem(policies: Readonly<Record<string, string>>): string | undefined {
  for (const [name, text] of Object.entries(policies)) {
    const problem = policyProblem(text);
    if (problem !== undefined) return `${name}: ${problem}`;
  }
  return undefined;
}

function allow(actions: readonly string[]): string {
  const Statement = [{ Effect: "Allow", Action: actions, Resource: "*" }];
  return JSON.stringify({ Version: "2012-10-17", Statement }, null, 2);
}

export interface Preset {
  readonly id: string;
  readonly label: string;
  readonly description: string;
  readonly policy: string;
}

const READ = ["Describe*", "Get*", "List*"];

export const PRESETS: readonly Preset[] = [
  {
    id: "read",
    label: "Look at everything",
    description: "Reads nodes, patches, compliance and settings; changes nothing.",
    policy: allow([
      ...READ.map((action) => `ssm:${action}`),
      ...READ.map((action) => `fettle:${action}`),
      ...READ.map((action) => `ssm-quicksetup:${action}`),
      ...[...READ, "Search*"].map((action) => `resource-groups:${action}`),
      "fettle:Preview*",
      "fettle:Explain*",
      "fettle:ChangePassword",
    ]),
  },
  {
    id: "operate",
    label: "Operate",
    description: "All of Systems Manager and patching; no users.",
    policy: JSON.stringify(
      {
        Version: "2012-10-17",
        Statement: [
          { Effect: "Allow", Action: ["ssm:*", "ssm-quicksetup:*", "resource-groups:*", "fettle:*"], Resource: "*" },
          {
            Effect: "Deny",
            Action: ["fettle:CreateUser", "fettle:UpdateUser", "fettle:DeleteUser", "fettle:CreateSignInCode"],
            Resource: "*",
          },
        ],
      },
      null,
      2,
    ),
  },
  {
    id: "all",
    label: "Everything",
    description: "Users as well: whoever has this can give it to others.",
    policy: allow(["*"]),
  },
];
