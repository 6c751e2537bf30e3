import { readFileSync } from "node:fs";

import { describe, expect, it, test } from "vitest";

import { findRoute } from "../app/routes";
import { parsePlace } from "../app/place";
import { remedyOf } from "./remedy";

const node = "mi-0123456789abcdef0";
const baseline = "pb-0123456789abcdef0";
const run = "01234567-89ab-cdef-0123-456789abcdef";

/** As the server writes them: the model is what its answers are made of. */
function actionsOfTheServer(): string[] {
  const model: unknown = JSON.parse(
    readFileSync(new URL("../../../crates/api/model/fettle.json", import.meta.url), "utf8"),
  );
  return (model as { shapes: { RemedyAction: { enum: string[] } } }).shapes.RemedyAction.enum;
}

describe("remedies", () => {
  it.each(actionsOfTheServer())("has a page for %s", (action) => {
    const remedy = remedyOf(action, { cause: {}, node, baseline });
    const place = parsePlace(remedy?.href ?? "");
    expect(findRoute(place.path)?.route.pattern, remedy?.href).toBeDefined();
    expect(place.path).not.toBe("/");
    expect(remedy?.label).not.toBe("");
  });

  test.each([
    ["SCAN", `#/patch-now/start?nodes=${node}&operation=Scan`],
    ["INSTALL", `#/patch-now/start?nodes=${node}&operation=Install`],
    ["RESTART", `#/commands/send?nodes=${node}&document=Fettle-RestartNode`],
    ["READ_OUTPUT", `#/commands/${run}/${node}`],
    ["CHANGE_BASELINE", `#/baselines/${baseline}/edit`],
  ])("%s opens %s", (action, expected) => {
    const cause = { Evidence: [{ Field: "CommandId", Value: run }] };
    expect(remedyOf(action, { cause, node, baseline })?.href).toBe(expected);
  });

  it("clones what cannot be changed", () => {
    const predefined = "arn:aws:ssm:us-east-1:1:patchbaseline/pb-1";
    const found = remedyOf("CHANGE_BASELINE", { cause: {}, node, baseline: predefined });
    expect(found?.label).toBe("Clone the patch baseline");
    expect(remedyOf("CHANGE_BASELINE", { cause: {}, node, baseline: undefined })?.href).toBe("#/baselines");
  });

  it("runs each command of the items once", () => {
    const cause = {
      Items: [{ Remedy: "apt-mark unhold a" }, { Name: "b" }, { Remedy: "apt-mark unhold a" }, { Remedy: "apk add c" }],
    };
    const { query } = parsePlace(remedyOf("RUN_ON_NODE", { cause, node, baseline })?.href ?? "");
    expect(query.get("document")).toBe("AWS-RunShellScript");
    expect(JSON.parse(query.get("parameters") ?? "")).toEqual({ commands: ["apt-mark unhold a", "apk add c"] });
    const nothing = parsePlace(remedyOf("RUN_ON_NODE", { cause: {}, node, baseline })?.href ?? "");
    expect(nothing.query.has("parameters")).toBe(false);
  });

  it.each([undefined, "", "REPAINT", "toString"])("offers nothing for %s", (action) =>
    expect(remedyOf(action, { cause: {}, node, baseline })).toBeUndefined(),
  );
});
