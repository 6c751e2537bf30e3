// Quick Setup, whose patch policies and host management are shown here: a service that names its operations by method and path.

import type { Call } from "./call";
import { fettle } from "./fettle";
import { rest } from "./rest";
import type { RolloutPlan } from "./rollouts";

export const PATCH_POLICY = "AWSQuickSetupType-PatchPolicy";
export const HOST_MANAGEMENT = "AWSQuickSetupType-SSMHostMgmt";
const SERVICE = "ssm-quicksetup";

export type Parameters = Record<string, string>;

export interface StatusSummary {
  StatusType: "Deployment" | "AsyncExecutions";
  Status?: string;
  StatusMessage?: string;
  /** Of AsyncExecutions: what each association came to, by what it is for. */
  StatusDetails?: Record<string, string>;
  LastUpdatedAt: string;
}

export interface ManagerSummary {
  ManagerArn: string;
  Name?: string;
  Description?: string;
  StatusSummaries?: StatusSummary[];
  ConfigurationDefinitionSummaries?: { Id?: string; Type?: string; FirstClassParameters?: Parameters }[];
}

export interface Definition {
  Id?: string;
  Type: string;
  Parameters: Parameters;
}

export interface Manager {
  ManagerArn: string;
  Name?: string;
  Description?: string;
  CreatedAt?: string;
  LastModifiedAt?: string;
  StatusSummaries?: StatusSummary[];
  ConfigurationDefinitions?: Definition[];
}

export interface Configuration {
  Id?: string;
  Account?: string;
  Region?: string;
  Type?: string;
  StatusSummaries?: StatusSummary[];
}

function quickSetup<I extends object, O>(operation: string, method: string, path: string): Call<I, O> {
  return rest(SERVICE, operation, { method, path });
}

interface ManagersInput {
  Filters?: { Key: string; Values: string[] }[];
}

interface ManagersOutput {
  ConfigurationManagersList?: ManagerSummary[];
  NextToken?: string;
}

const listFrom = quickSetup<ManagersInput & { StartingToken?: string }, ManagersOutput>(
  "ListConfigurationManagers",
  "POST",
  "/listConfigurationManagers",
);

/** The operation has a name of its own for where it goes on. */
export const listManagers: Call<ManagersInput & { NextToken?: string | undefined }, ManagersOutput> = {
  service: SERVICE,
  operation: listFrom.operation,
  run: ({ NextToken, ...input }, signal) =>
    listFrom.run({ ...input, ...(NextToken === undefined ? {} : { StartingToken: NextToken }) }, signal),
};

export const getManager = quickSetup<{ ManagerArn: string }, Manager>(
  "GetConfigurationManager",
  "GET",
  "/configurationManager/{ManagerArn}",
);
const createManager = quickSetup<
  { Name?: string; Description?: string; ConfigurationDefinitions: { Type: string; Parameters: Parameters }[] },
  { ManagerArn: string }
>("CreateConfigurationManager", "POST", "/configurationManager");
const updateManager = quickSetup<{ ManagerArn: string; Name?: string; Description?: string }, object>(
  "UpdateConfigurationManager",
  "PUT",
  "/configurationManager/{ManagerArn}",
);
const updateDefinition = quickSetup<{ ManagerArn: string; Id: string; Parameters: Parameters }, object>(
  "UpdateConfigurationDefinition",
  "PUT",
  "/configurationDefinition/{ManagerArn}/{Id}",
);
export const deleteManager = quickSetup<{ ManagerArn: string }, object>(
  "DeleteConfigurationManager",
  "DELETE",
  "/configurationManager/{ManagerArn}",
);
export const listConfigurations = quickSetup<
  { ManagerArn: string },
  { ConfigurationsList?: Configuration[]; NextToken?: string }
>("ListConfigurations", "POST", "/listConfigurations");

/** A definition of a manager that is there. */
export interface DefinitionKey {
  readonly ManagerArn: string;
  readonly DefinitionId: string;
}

const putRings = fettle<DefinitionKey & { Plan: RolloutPlan }, object>("PutPatchPolicyRollout");
const deleteRings = fettle<DefinitionKey, object>("DeletePatchPolicyRollout");

/** Without a plan the policy has no rings. */
export const findRings = fettle<DefinitionKey, { Plan?: RolloutPlan }>("GetPatchPolicyRollout");

const BUSY = ["INITIALIZING", "DEPLOYING", "DELETING", "STOPPING"];
const LOOK_EVERY_MS = 500;
const LOOKS = 60;

export function deploymentOf(manager: { StatusSummaries?: StatusSummary[] }): StatusSummary | undefined {
  return manager.StatusSummaries?.find((summary) => summary.StatusType === "Deployment");
}

/** What its associations came to. */
export function runsOf(manager: { StatusSummaries?: StatusSummary[] }): StatusSummary | undefined {
  return manager.StatusSummaries?.find((summary) => summary.StatusType === "AsyncExecutions");
}

export function isBusy(manager: { StatusSummaries?: StatusSummary[] }): boolean {
  return BUSY.includes(deploymentOf(manager)?.Status ?? "");
}

/** A change comes after the deployment of the one before it. */
async function settled(arn: string): Promise<Manager> {
  for (let look = 0; ; look += 1) {
    const manager = await getManager.run({ ManagerArn: arn });
    if (!isBusy(manager) || look === LOOKS) return manager;
    await new Promise((next) => setTimeout(next, LOOK_EVERY_MS));
  }
}

export interface ConfigurationInput {
  Name: string;
  Description: string;
  Parameters: Parameters;
}

function create(Type: string, { Name, Description, Parameters }: ConfigurationInput): Promise<{ ManagerArn: string }> {
  return createManager.run({
    Name,
    ...(Description === "" ? {} : { Description }),
    ConfigurationDefinitions: [{ Type, Parameters }],
  });
}

/** Of a manager that is not being deployed. */
async function update({
  ManagerArn,
  DefinitionId: Id,
  Name,
  Description,
  Parameters,
}: ConfigurationInput & DefinitionKey): Promise<object> {
  await updateManager.run({ ManagerArn, Name, Description });
  return updateDefinition.run({ ManagerArn, Id, Parameters });
}

export const createHostManagement: Call<ConfigurationInput, { ManagerArn: string }> = {
  service: SERVICE,
  operation: createManager.operation,
  run: (input) => create(HOST_MANAGEMENT, input),
};

export const updateHostManagement: Call<ConfigurationInput & DefinitionKey, object> = {
  service: SERVICE,
  operation: updateDefinition.operation,
  run: async (input) => {
    await settled(input.ManagerArn);
    return update(input);
  },
};

export interface PolicyInput extends ConfigurationInput {
  Rings: RolloutPlan | undefined;
}

/**
 * With rings it is made as one that only scans, gets its rings, and then what it is asked to be: an installation that is
 * due at once would else go to all nodes.
 */
export const createPolicy: Call<PolicyInput, { ManagerArn: string }> = {
  service: SERVICE,
  operation: createManager.operation,
  run: async ({ Rings, ...input }) => {
    const { Parameters } = input;
    if (Rings === undefined) return create(PATCH_POLICY, input);
    const scanning = { ...Parameters, ConfigurationOptionsPatchOperation: "Scan" };
    const { ManagerArn } = await create(PATCH_POLICY, { ...input, Parameters: scanning });
    const Id = definitionOf(await settled(ManagerArn), PATCH_POLICY)?.Id ?? "";
    await putRings.run({ ManagerArn, DefinitionId: Id, Plan: Rings });
    await updateDefinition.run({ ManagerArn, Id, Parameters });
    return { ManagerArn };
  },
};

/** The rings first, so that an installation that is due at once goes by them. */
export const updatePolicy: Call<PolicyInput & DefinitionKey & { HadRings: boolean }, object> = {
  service: SERVICE,
  operation: updateDefinition.operation,
  run: async ({ Rings, HadRings, ...input }) => {
    const { ManagerArn, DefinitionId } = input;
    await settled(ManagerArn);
    if (Rings !== undefined) await putRings.run({ ManagerArn, DefinitionId, Plan: Rings });
    else if (HadRings) await deleteRings.run({ ManagerArn, DefinitionId });
    return update(input);
  },
};

export function definitionOf(manager: Manager, type: string): Definition | undefined {
  return manager.ConfigurationDefinitions?.find((definition) => definition.Type === type);
}
