// What the types of Quick Setup configurations that have pages share: where their pages are, how one is called, the
// calls that save one.

import type { Request } from "../api/call";
import { HOST_MANAGEMENT, PATCH_POLICY } from "../api/quickSetup";
import type { DefinitionKey, Parameters } from "../api/quickSetup";
import { href, part } from "../app/place";

export interface Kind {
  /** Of its definitions. */
  readonly type: string;
  /** As sentences call one. */
  readonly what: string;
  /** Of its list; the pages of one are below it. */
  readonly path: string;
}

export const POLICIES: Kind = { type: PATCH_POLICY, what: "patch policy", path: "/policies" };
export const HOSTS: Kind = { type: HOST_MANAGEMENT, what: "host management", path: "/host-management" };

export function pageOf({ path }: Kind, arn: string): string {
  return href(`${path}/${part(arn)}`);
}

export interface NameForm {
  readonly name: string;
  readonly description: string;
}

/** By place: `name`, `description`. */
export function nameProblems({ name, description }: NameForm): Record<string, string> {
  const isName = /^[ A-Za-z0-9._-]{1,120}$/.test(name) && name.trim() !== "";
  return {
    ...(isName ? {} : { name: "1 to 120 letters, digits, spaces, dots, hyphens or underscores" }),
    ...(description.length > 512 ? { description: "at most 512 characters" } : {}),
  };
}

/** The call that makes a configuration, or gives one other parameters. */
export function savingRequest(
  { type }: Kind,
  name: string,
  parameters: Parameters,
  of: DefinitionKey | undefined,
): Request {
  const service = "ssm-quicksetup";
  return of === undefined
    ? {
        service,
        operation: "CreateConfigurationManager",
        input: { Name: name, ConfigurationDefinitions: [{ Type: type, Parameters: parameters }] },
      }
    : {
        service,
        operation: "UpdateConfigurationDefinition",
        input: { ManagerArn: of.ManagerArn, Id: of.DefinitionId, Parameters: parameters },
      };
}
