// What a text in the command palette may mean.

import { href, part } from "../app/place";

export interface Destination {
  readonly label: string;
  readonly description: string;
  readonly href: string;
}

const PAGES: readonly (readonly [string, string, string])[] = [
  ["Now", "/", "home overview fleet dashboard"],
  ["Nodes", "/nodes", "machines instances servers"],
  ["Compliance", "/compliance", "reporting patching details"],
  ["Patch baselines", "/baselines", "rules approved rejected patch groups"],
  ["Create patch baseline", "/baselines/create", "new"],
  ["Patch now", "/patch-now", "runs scan install"],
  ["Start Patch now", "/patch-now/start", "new scan install"],
  ["Run Command", "/commands", "commands history"],
  ["Send command", "/commands/send", "run script shell"],
  ["Documents", "/documents", "runbooks"],
  ["Create document", "/documents/create", "new runbook"],
  ["State Manager", "/associations", "associations"],
  ["Create association", "/associations/create", "new"],
  ["Maintenance windows", "/windows", "schedules calendar"],
  ["Create maintenance window", "/windows/create", "new"],
  ["Automation", "/automations", "runbooks executions"],
  ["Start automation", "/automations/start", "new execution"],
];

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Pages whose words begin so, and what an id of this form names. */
export function destinations(text: string): Destination[] {
  const wanted = text.trim();
  const lower = wanted.toLowerCase();
  const pages = PAGES.filter(([title, , words]) => {
    const all = `${title} ${words}`.toLowerCase().split(" ");
    return lower.split(/\s+/).every((word) => all.some((other) => other.startsWith(word)));
  }).map(([title, path]) => ({ label: title, description: "Page", href: href(path) }));
  if (wanted === "") return pages;
  return [...byForm(wanted), ...pages, ...bySearch(wanted)];
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
  if (UUID.test(id)) {
    return [
      at(id, "Command", `/commands/${part(id)}`),
      at(id, "Automation execution", `/automations/${part(id)}`),
      at(id, "Association", `/associations/${part(id)}`),
      at(id, "Patch now", `/patch-now/${part(id)}`),
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
    { label: text, description: "Nodes whose name begins so", href: href("/nodes", { Name: `^${text}` }) },
    {
      label: text,
      description: "Advisories of this package",
      href: href("/compliance", { tab: "cve", package: text }),
    },
  ];
}
