// Another region to look at: everything that is shown belongs to one.

import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import { useState } from "react";

import { chooseRegion } from "../api/session";
import { queries } from "../api/use";
import { regionProblem } from "../logic/region";
import { go } from "./place";
import { FormDialog } from "../components/FormDialog";

interface Props {
  readonly region: string;
  readonly onClose: () => void;
}

export default function RegionChoice({ region, onClose }: Props) {
  const [wanted, setWanted] = useState(region);
  const [tried, setTried] = useState(false);
  const submit = (): void => {
    setTried(true);
    if (regionProblem(wanted) !== undefined) return;
    onClose();
    if (wanted === region) return;
    // What is shown is another region's.
    go("/");
    queries.clear();
    chooseRegion(wanted);
  };
  return (
    <FormDialog title="Region" label="Go to this region" onSubmit={submit} onClose={onClose}>
      <FormField
        label="Region"
        description="Nodes belong to the region that they were enrolled in, and so does everything else. This browser remembers it."
        errorText={tried || wanted !== region ? regionProblem(wanted) : undefined}
      >
        <Input
          value={wanted}
          placeholder="eu-central-1"
          spellcheck={false}
          onChange={({ detail }) => setWanted(detail.value)}
        />
      </FormField>
    </FormDialog>
  );
}
