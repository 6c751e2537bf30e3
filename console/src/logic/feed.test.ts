import { expect, test } from "vitest";

import { distributionsText, formatText, importLine } from "./feed";

test.each([
  ["DEBIAN_TRACKER", "Debian's security tracker"],
  ["OF_TOMORROW", "OF_TOMORROW"],
])("the format %s is %s", (format, text) => expect(formatText(format)).toBe(text));

test.each([
  [["debian:bookworm"], "debian:bookworm"],
  [["a", "b", "c", "d"], "a, b, c, d"],
  [["a", "b", "c", "d", "e", "f"], "a, b, c, d and 2 more"],
  [[], ""],
])("the distributions %j are %s", (distributions, text) => expect(distributionsText(distributions)).toBe(text));

const WHERE = { endpoint: "https://fettle.example:4510", region: "eu-west-1" };
const TO = "--endpoint https://fettle.example:4510 --region eu-west-1";

test.each([
  ["", "", `fettle advisories import FILE ${TO}`],
  [" tracker.json ", " debian ", `fettle advisories import tracker.json --feed debian ${TO}`],
  ["my feeds; ls", "it's", `fettle advisories import 'my feeds; ls' --feed 'it'\\''s' ${TO}`],
])("%j named %j is imported by a line", (source, feed, line) => expect(importLine(source, feed, WHERE)).toBe(line));
