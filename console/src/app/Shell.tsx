// What is around every page: the bar at the top, navigation, where the reader is, messages.

import AppLayout from "@cloudscape-design/components/app-layout";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import Flashbar from "@cloudscape-design/components/flashbar";
import SideNavigation from "@cloudscape-design/components/side-navigation";
import type { SideNavigationProps } from "@cloudscape-design/components/side-navigation";
import TopNavigation from "@cloudscape-design/components/top-navigation";
import { lazy, Suspense, useEffect, useState, useSyncExternalStore } from "react";

import { followEvents } from "../api/events";
import { signOut } from "../api/session";
import type { Session } from "../api/session";
import { flashError, queries } from "../api/use";
import { toCallError } from "../api/errors";
import { Loading } from "../components/Loading";
import { CrashGuard } from "./CrashGuard";
import { dismiss, flashes, onFlash } from "./flash";
import { useNames } from "./names";
import { go, href, usePlace } from "./place";
import { findRoute, trailOf } from "./routes";
import { isDark, toggleTheme } from "./theme";

const Palette = lazy(() => import("./Palette"));
const RegionChoice = lazy(() => import("./RegionChoice"));

/** The design system has no sign for light and dark. */
const HALF_DARK = (
  <svg viewBox="0 0 16 16" focusable="false" aria-hidden="true">
    <circle cx="8" cy="8" r="6" />
    <path className="filled no-stroke" d="M8 2a6 6 0 0 1 0 12z" />
  </svg>
);

const NAVIGATION: SideNavigationProps.Item[] = [
  { type: "link", text: "Now", href: "#/" },
  { type: "link", text: "Nodes", href: "#/nodes" },
  { type: "link", text: "Compliance", href: "#/compliance" },
  {
    type: "section",
    text: "Patch Manager",
    items: [
      { type: "link", text: "Patch now", href: "#/patch-now" },
      { type: "link", text: "Rollouts", href: "#/rollouts" },
      { type: "link", text: "Patch policies", href: "#/policies" },
      { type: "link", text: "Patch baselines", href: "#/baselines" },
      { type: "link", text: "Advisory feeds", href: "#/feeds" },
    ],
  },
  {
    type: "section",
    text: "Node tools",
    items: [
      { type: "link", text: "Run Command", href: "#/commands" },
      { type: "link", text: "Inventory", href: "#/inventory" },
      { type: "link", text: "State Manager", href: "#/associations" },
      { type: "link", text: "Packages", href: "#/packages" },
      { type: "link", text: "Host management", href: "#/host-management" },
      { type: "link", text: "Hybrid activations", href: "#/activations" },
      { type: "link", text: "Resource groups", href: "#/groups" },
    ],
  },
  {
    type: "section",
    text: "Change tools",
    items: [
      { type: "link", text: "Maintenance windows", href: "#/windows" },
      { type: "link", text: "Change calendars", href: "#/calendars" },
      { type: "link", text: "Automation", href: "#/automations" },
      { type: "link", text: "Documents", href: "#/documents" },
    ],
  },
  {
    type: "section",
    text: "Application tools",
    items: [{ type: "link", text: "Parameter Store", href: "#/parameters" }],
  },
  { type: "section", text: "Settings", items: [{ type: "link", text: "Users", href: "#/users" }] },
];

export function Shell({ session }: { readonly session: Session }) {
  const [palette, setPalette] = useState(false);
  const [choosing, setChoosing] = useState(false);
  const [navigation, setNavigation] = useState(window.innerWidth > 900);
  const [dark, setDark] = useState(isDark);
  const { path } = usePlace();
  const found = findRoute(path);
  const messages = useSyncExternalStore(onFlash, flashes);

  useEffect(() => (session.kept ? followEvents() : undefined), [session.kept]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setPalette(true);
      }
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  useEffect(() => {
    document.title = `${found?.route.title ?? "No such page"} · Fettle`;
  }, [found?.route.title]);

  const leave = (everywhere: boolean): void => {
    signOut(everywhere)
      .catch((error: unknown) => flashError(toCallError("EndSession", error)))
      .finally(() => queries.clear());
  };

  return (
    <>
      <header id="top">
        <TopNavigation
          identity={{ href: "#/", title: "Fettle" }}
          utilities={[
            {
              type: "button",
              iconName: "search",
              text: "Search (Ctrl-K)",
              ariaLabel: "Search and go to",
              disableUtilityCollapse: true,
              onClick: () => setPalette(true),
            },
            {
              type: "button",
              iconSvg: HALF_DARK,
              ariaLabel: dark ? "Light mode" : "Dark mode",
              title: dark ? "Light mode" : "Dark mode",
              onClick: () => {
                toggleTheme();
                setDark(isDark());
              },
            },
            {
              type: "button",
              text: session.region,
              ariaLabel: `Region ${session.region}`,
              onClick: () => setChoosing(true),
            },
            {
              type: "menu-dropdown",
              iconName: "user-profile",
              text: session.userName,
              ...(session.accountId === "" ? {} : { description: `Account ${session.accountId}` }),
              items: [
                ...(session.kept ? [{ id: "password", text: "Change password" }] : []),
                { id: "out", text: "Sign out" },
                ...(session.kept ? [{ id: "everywhere", text: "Sign out everywhere" }] : []),
              ],
              onItemClick: ({ detail }) => {
                if (detail.id === "password") go(href("/account"));
                else leave(detail.id === "everywhere");
              },
            },
          ]}
        />
      </header>
      <AppLayout
        headerSelector="#top"
        toolsHide
        navigationOpen={navigation}
        onNavigationChange={({ detail }) => setNavigation(detail.open)}
        navigation={
          <SideNavigation
            header={{ text: "Fettle", href: "#/" }}
            activeHref={`#${found?.route.section ?? path}`}
            items={NAVIGATION}
          />
        }
        breadcrumbs={<Crumbs path={path} />}
        notifications={
          <Flashbar
            items={messages.map((message) => ({
              ...message,
              dismissible: true,
              dismissLabel: "Dismiss",
              onDismiss: () => dismiss(message.id),
            }))}
          />
        }
        content={
          <CrashGuard key={path}>
            <Suspense fallback={<Loading what="page" />}>
              {found === undefined ? <>There is no page at {path}.</> : <found.route.page params={found.params} />}
            </Suspense>
          </CrashGuard>
        }
      />
      {palette ? (
        <Suspense fallback={null}>
          <Palette onClose={() => setPalette(false)} />
        </Suspense>
      ) : null}
      {choosing ? (
        <Suspense fallback={null}>
          <RegionChoice region={session.region} onClose={() => setChoosing(false)} />
        </Suspense>
      ) : null}
    </>
  );
}

function Crumbs({ path }: { readonly path: string }) {
  const items = trailOf(path, useNames()).map((crumb) => ({ text: crumb.text, href: `#${crumb.path}` }));
  return <BreadcrumbGroup ariaLabel="Where you are" items={[{ text: "Fettle", href: "#/" }, ...items]} />;
}
