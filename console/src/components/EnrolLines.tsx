// The lines to paste on a machine so that it joins by an activation, for each system. The code in them is shown once.

import Tabs from "@cloudscape-design/components/tabs";

import { session } from "../api/session";
import { enrolLines } from "../logic/enrol";
import type { NewActivation, Platform } from "../logic/enrol";
import { Lines } from "./Lines";

const PLATFORMS: readonly Platform[] = ["Linux", "Windows", "macOS"];

export function EnrolLines({ activation }: { readonly activation: NewActivation }) {
  const region = session()?.region ?? "us-east-1";
  return (
    <Tabs
      ariaLabel="Lines to paste"
      tabs={PLATFORMS.map((platform) => ({
        id: platform,
        label: platform,
        content: <Lines text={enrolLines(platform, window.location.origin, region, activation)} />,
      }))}
    />
  );
}
