// Every view with its address. Each page is fetched when it is first opened.

import { lazy } from "react";
import type { ComponentType, LazyExoticComponent } from "react";

import type { Names } from "./names";
import { matchPath } from "./place";

export interface PageProps {
  readonly params: Readonly<Record<string, string>>;
}

export interface Route {
  readonly pattern: string;
  readonly title: string;
  /** The entry of the navigation that it belongs to. */
  readonly section: string;
  readonly page: LazyExoticComponent<ComponentType<PageProps>>;
}

type Load = () => Promise<{ default: ComponentType<PageProps> }>;

function route(pattern: string, section: string, title: string, load: Load): Route {
  return { pattern, title, section, page: lazy(load) };
}

export const ROUTES: readonly Route[] = [
  route("/", "/", "Now", () => import("../pages/NowPage")),
  route("/days/:day", "/", "A day", () => import("../pages/DayPage")),
  route("/nodes", "/nodes", "Nodes", () => import("../pages/NodesPage")),
  route("/nodes/:id", "/nodes", "Node", () => import("../pages/node/NodePage")),
  route("/activations", "/activations", "Hybrid activations", () => import("../pages/activations/ActivationsPage")),
  route(
    "/activations/create",
    "/activations",
    "Create activation",
    () => import("../pages/activations/ActivationCreatePage"),
  ),
  route("/activations/:id", "/activations", "Activation", () => import("../pages/activations/ActivationPage")),
  route("/inventory", "/inventory", "Inventory", () => import("../pages/inventory/InventoryPage")),
  route("/compliance", "/compliance", "Compliance", () => import("../pages/CompliancePage")),
  route("/baselines", "/baselines", "Patch baselines", () => import("../pages/baselines/BaselinesPage")),
  route(
    "/baselines/create",
    "/baselines",
    "Create patch baseline",
    () => import("../pages/baselines/BaselineEditPage"),
  ),
  route("/baselines/:id", "/baselines", "Patch baseline", () => import("../pages/baselines/BaselinePage")),
  route(
    "/baselines/:id/edit",
    "/baselines",
    "Edit patch baseline",
    () => import("../pages/baselines/BaselineEditPage"),
  ),
  route("/patch-now", "/patch-now", "Patch now", () => import("../pages/patchnow/PatchNowListPage")),
  route("/patch-now/start", "/patch-now", "Start", () => import("../pages/patchnow/PatchNowStartPage")),
  route("/patch-now/:id", "/patch-now", "Run", () => import("../pages/patchnow/PatchNowRunPage")),
  route("/rollouts", "/rollouts", "Rollouts", () => import("../pages/rollouts/RolloutsPage")),
  route("/rollouts/:id", "/rollouts", "Rollout", () => import("../pages/rollouts/RolloutPage")),
  route("/policies", "/policies", "Patch policies", () => import("../pages/policies/PoliciesPage")),
  route("/policies/create", "/policies", "Create patch policy", () => import("../pages/policies/PolicyEditPage")),
  route("/policies/:arn", "/policies", "Patch policy", () => import("../pages/policies/PolicyPage")),
  route("/policies/:arn/edit", "/policies", "Edit patch policy", () => import("../pages/policies/PolicyEditPage")),
  route("/host-management", "/host-management", "Host management", () => import("../pages/hosts/HostsPage")),
  route(
    "/host-management/create",
    "/host-management",
    "Create host management",
    () => import("../pages/hosts/HostsEditPage"),
  ),
  route("/host-management/:arn", "/host-management", "Host management", () => import("../pages/hosts/HostPage")),
  route(
    "/host-management/:arn/edit",
    "/host-management",
    "Edit host management",
    () => import("../pages/hosts/HostsEditPage"),
  ),
  route("/feeds", "/feeds", "Advisory feeds", () => import("../pages/feeds/FeedsPage")),
  route("/groups", "/groups", "Resource groups", () => import("../pages/groups/GroupsPage")),
  route("/create/group", "/groups", "Create resource group", () => import("../pages/groups/GroupEditPage")),
  route("/groups/:name", "/groups", "Resource group", () => import("../pages/groups/GroupPage")),
  route("/groups/:name/edit", "/groups", "Edit resource group", () => import("../pages/groups/GroupEditPage")),
  route("/commands", "/commands", "Run Command", () => import("../pages/commands/CommandsPage")),
  route("/commands/send", "/commands", "Send command", () => import("../pages/commands/SendCommandPage")),
  route("/commands/:id", "/commands", "Command", () => import("../pages/commands/CommandPage")),
  route("/commands/:id/:node", "/commands", "Output", () => import("../pages/commands/InvocationPage")),
  route("/documents", "/documents", "Documents", () => import("../pages/documents/DocumentsPage")),
  route("/create/document", "/documents", "Create document", () => import("../pages/documents/DocumentEditPage")),
  route("/documents/:name", "/documents", "Document", () => import("../pages/documents/DocumentPage")),
  route("/documents/:name/edit", "/documents", "New version", () => import("../pages/documents/DocumentEditPage")),
  route("/packages", "/packages", "Packages", () => import("../pages/packages/PackagesPage")),
  route("/create/package", "/packages", "Create package", () => import("../pages/packages/PackageEditPage")),
  route("/packages/:name", "/packages", "Package", () => import("../pages/packages/PackagePage")),
  route("/packages/:name/edit", "/packages", "New version", () => import("../pages/packages/PackageEditPage")),
  route("/calendars", "/calendars", "Change calendars", () => import("../pages/calendars/CalendarsPage")),
  route(
    "/create/calendar",
    "/calendars",
    "Create change calendar",
    () => import("../pages/calendars/CalendarEditPage"),
  ),
  route("/calendars/:name", "/calendars", "Change calendar", () => import("../pages/calendars/CalendarPage")),
  route(
    "/calendars/:name/edit",
    "/calendars",
    "Edit change calendar",
    () => import("../pages/calendars/CalendarEditPage"),
  ),
  route("/associations", "/associations", "State Manager", () => import("../pages/associations/AssociationsPage")),
  route(
    "/associations/create",
    "/associations",
    "Create association",
    () => import("../pages/associations/AssociationEditPage"),
  ),
  route(
    "/associations/:id/edit",
    "/associations",
    "Edit association",
    () => import("../pages/associations/AssociationEditPage"),
  ),
  route("/associations/:id", "/associations", "Association", () => import("../pages/associations/AssociationPage")),
  route("/windows", "/windows", "Maintenance windows", () => import("../pages/windows/WindowsPage")),
  route("/windows/create", "/windows", "Create maintenance window", () => import("../pages/windows/WindowEditPage")),
  route("/windows/:id", "/windows", "Maintenance window", () => import("../pages/windows/WindowPage")),
  route("/windows/:id/edit", "/windows", "Edit maintenance window", () => import("../pages/windows/WindowEditPage")),
  route("/windows/:id/tasks/create", "/windows", "Add a task", () => import("../pages/windows/TaskEditPage")),
  route("/windows/:id/tasks/:task", "/windows", "Edit task", () => import("../pages/windows/TaskEditPage")),
  route("/windows/:id/targets/create", "/windows", "Add targets", () => import("../pages/windows/TargetEditPage")),
  route("/windows/:id/targets/:target", "/windows", "Edit targets", () => import("../pages/windows/TargetEditPage")),
  route("/windows/:id/executions/:execution", "/windows", "Run", () => import("../pages/windows/WindowExecutionPage")),
  route("/automations", "/automations", "Automation", () => import("../pages/automations/AutomationsPage")),
  route(
    "/automations/start",
    "/automations",
    "Start automation",
    () => import("../pages/automations/AutomationStartPage"),
  ),
  route("/automations/:id", "/automations", "Execution", () => import("../pages/automations/AutomationPage")),
  route("/parameters", "/parameters", "Parameter Store", () => import("../pages/parameters/ParametersPage")),
  route("/create/parameter", "/parameters", "Create parameter", () => import("../pages/parameters/ParameterEditPage")),
  route("/parameters/:name", "/parameters", "Parameter", () => import("../pages/parameters/ParameterPage")),
  route("/parameters/:name/edit", "/parameters", "New version", () => import("../pages/parameters/ParameterEditPage")),
  route("/users", "/users", "Users", () => import("../pages/users/UsersPage")),
  route("/create/user", "/users", "Create user", () => import("../pages/users/UserCreatePage")),
  route("/users/:name", "/users", "User", () => import("../pages/users/UserPage")),
  route("/account", "/account", "Change password", () => import("../pages/users/AccountPage")),
];

export function findRoute(path: string): { route: Route; params: Record<string, string> } | undefined {
  for (const candidate of ROUTES) {
    const params = matchPath(candidate.pattern, path);
    if (params !== undefined) return { route: candidate, params };
  }
  return undefined;
}

interface Crumb {
  readonly text: string;
  readonly path: string;
}

/** The pages above one, then itself: the list, the thing by its name, else by its id, what is done with it. */
export function trailOf(path: string, names: Names): Crumb[] {
  const section = findRoute(findRoute(path)?.route.section ?? "/")?.route;
  const trail =
    section === undefined || section.pattern === "/" ? [] : [{ text: section.title, path: section.pattern }];
  const parts = path.split("/");
  for (let length = 2; length <= parts.length; length += 1) {
    const above = parts.slice(0, length).join("/");
    const found = findRoute(above);
    if (found === undefined || found.route === section || found.route.pattern === "/") continue;
    const isNamed = found.route.pattern.split("/").pop()?.startsWith(":") === true;
    const id = isNamed ? Object.values(found.params).pop() : undefined;
    // Of an ARN, what tells it from others.
    const short = id?.startsWith("arn:") === true ? id.split("/").pop() : id;
    const name = isNamed ? names.get(above) : undefined;
    trail.push({ text: name ?? short ?? found.route.title, path: above });
  }
  return trail;
}
