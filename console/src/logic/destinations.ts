// What a text in the command palette may mean.

import { href, part } from "../app/place";
import type { SavedView } from "./views";

export interface Destination {
  readonly label: string;
  readonly description: string;
  readonly href: string;
}

const PAGES: readonly (readonly [string, string, string])[] = [
  ["Now", "/", "home overview fleet dashboard"],
  ["Nodes", "/nodes", "machines instances servers"],
  ["Hybrid activations", "/activations", "register join machines codes"],
  ["Create activation", "/activations/create", "new add nodes enrol register join machines"],
  ["Advisory feeds", "/feeds", "cve osv debian import"],
  ["Resource groups", "/groups", "tags targets"],
  ["Create resource group", "/create/group", "new tags"],
  ["Compliance", "/compliance", "reporting patching details"],
  ["Patch baselines", "/baselines", "rules approved rejected patch groups"],
  ["Create patch baseline", "/baselines/create", "new"],
  ["Patch now", "/patch-now", "runs scan install"],
  ["Start Patch now", "/patch-now/start", "new scan install"],
  ["Rollouts", "/rollouts", "rings gates staged canary"],
  ["Patch policies", "/policies", "quick setup schedules nightly"],
  ["Create patch policy", "/policies/create", "new quick setup"],
  ["Host management", "/host-management", "quick setup inventory agents updates scans"],
  ["Create host management", "/host-management/create", "new quick setup"],
  ["Run Command", "/commands", "commands history"],
  ["Send command", "/commands/send", "run script shell"],
  ["Documents", "/documents", "runbooks"],
  ["Create document", "/create/document", "new runbook"],
  ["Packages", "/packages", "distributor software install"],
  ["Create package", "/create/package", "new distributor software"],
  ["State Manager", "/associations", "associations"],
  ["Create association", "/associations/create", "new"],
  ["Maintenance windows", "/windows", "schedules calendar"],
  ["Create maintenance window", "/windows/create", "new"],
  ["Change calendars", "/calendars", "freeze open closed events"],
  ["Create change calendar", "/create/calendar", "new freeze events"],
  ["Automation", "/automations", "runbooks executions"],
  ["Start automation", "/automations/start", "new execution"],
  ["Parameter Store", "/parameters", "parameters values settings secrets secure strings"],
  ["Create parameter", "/create/parameter", "new value secret secure string"],
  ["Users", "/users", "accounts policies permissions"],
  ["Create user", "/create/user", "new account"],
];
/** An access key has none. */
const PASSWORD = ["Change password", "/account", "own account"] as const;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Pages whose words begin so, and what an id of this form names. */
export function destinations(text: string, views: readonly SavedView[] = [], hasPassword = true): Destination[] {
  const wanted = text.trim();
  const lower = wanted.toLowerCase();
  const saved = views
    .filter((view) => view.name.toLowerCase().includes(lower))
    .map((view) => ({ label: view.name, description: "Saved view", href: `#${view.address}` }));
  const pages = [...PAGES, ...(hasPassword ? [PASSWORD] : [])]
    .filter(([title, , words]) => {
      const all = `${title} ${words}`.toLowerCase().split(" ");
      return lower.split(/\s+/).every((word) => all.some((other) => other.startsWith(word)));
    })
    .map(([title, path]) => ({ label: title, description: "Page", href: href(path) }));
  if (wanted === "") return [...saved, ...pages];
  return [...byForm(wanted), ...saved, ...pages, ...bySearch(wanted)];
}

function byForm(id: string): Destination[] {
  const at = (label: string, description: string, path: string): Destination => ({
    label,
    description,
    href: href(path),
  });
  if (/^(mi|i)-[0-9a-f]{8,17}$/.test(id)) return [at(id, "Node", `/nodes/${part(id)}`)];
  if (/^pb-[0-9a-f]{17}$/.test(id)) return [at(id, "Patch baseline", `/baselines/${part(id)}`)];
  if (/^mw-[0-9a-f]{17}$/.test(id)) return [at(id, "Maintenance window", `/windows/${part(id)}`)];
  if (/^(\/[\w.-]+)+$/.test(id)) return [at(id, "Parameter", `/parameters/${part(id)}`)];
  if (UUID.test(id)) {
    return [
      at(id, "Command", `/commands/${part(id)}`),
      at(id, "Automation execution", `/automations/${part(id)}`),
      at(id, "Association", `/associations/${part(id)}`),
      at(id, "Patch now", `/patch-now/${part(id)}`),
      at(id, "Rollout", `/rollouts/${part(id)}`),
      at(id, "Hybrid activation", `/activations/${part(id)}`),
    ];
  }
  if (/^KB\d{5,9}$/i.test(id)) {
    const patch = id.toUpperCase();
    return [
      {
        label: patch,
        description: "This update, as nodes are offered it",
        href: href("/compliance", { tab: "patches", patch }),
      },
    ];
  }
  if (/^CVE-\d{4}-\d{4,}$/i.test(id)) {
    return [
      {
        label: id.toUpperCase(),
        description: "Nodes with this CVE",
        href: href("/compliance", { tab: "cve", cve: id.toUpperCase() }),
      },
    ];
  }
  return [];
}

function bySearch(text: string): Destination[] {
  return [
    { label: text, description: "Nodes with this in their name or id", href: href("/nodes", { AnyName: text }) },
    {
      label: text,
      description: "Parameters with this in their name",
      href: href("/parameters", { Name: `~${text}` }),
    },
    {
      label: text,
      description: "Versions of this package that nodes are offered",
      href: href("/compliance", { tab: "patches", patch: text }),
    },
    {
      label: text,
      description: "Advisories of this package",
      href: href("/compliance", { tab: "cve", package: text }),
    },
  ];
}
