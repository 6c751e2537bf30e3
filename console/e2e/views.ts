// Every view that can be opened without making something first, with a text that it shows.

export const VIEWS: readonly (readonly [name: string, path: string, shows: string])[] = [
  ["nodes", "/nodes", "Nodes"],
  ["compliance", "/compliance", "Compliance"],
  ["compliance-types", "/compliance?tab=resources", "Resources"],
  ["compliance-cve", "/compliance?tab=cve&package=tb-ssl", "Affected nodes"],
  ["baselines", "/baselines", "Patch baselines"],
  ["baseline-create", "/baselines/create", "Create patch baseline"],
  ["patch-now", "/patch-now", "Patch now"],
  ["patch-now-start", "/patch-now/start", "Operation"],
  ["commands", "/commands", "Commands"],
  ["command-send", "/commands/send", "Send command"],
  ["documents", "/documents", "Documents"],
  ["document", "/documents/AWS-RunPatchBaseline", "AWS-RunPatchBaseline"],
  ["document-create", "/documents/create", "Create document"],
  ["associations", "/associations", "Associations"],
  ["association-create", "/associations/create", "Create association"],
  ["windows", "/windows", "Maintenance windows"],
  ["window-create", "/windows/create", "Create maintenance window"],
  ["automations", "/automations", "Automation executions"],
  ["automation-start", "/automations/start", "Start automation"],
];
