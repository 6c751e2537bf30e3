// The labels of one version: each can be taken off, and others put on.

import type { ParameterHistory } from "@aws-sdk/client-ssm";
import Button from "@cloudscape-design/components/button";
import Token from "@cloudscape-design/components/token";
import { useState } from "react";

import { unlabelVersion } from "../../api/parameters";
import { useAction } from "../../api/use";
import { LabelVersion } from "./LabelVersion";

interface Props {
  readonly name: string;
  readonly version: ParameterHistory;
  readonly versions: readonly ParameterHistory[];
}

const MOST_LABELS = 10;

export function VersionLabels({ name, version, versions }: Props) {
  const [isOpen, setOpen] = useState(false);
  const { Version: number = 1, Labels: labels = [] } = version;
  const remove = useAction(unlabelVersion, {
    done: (_, input) => `Version ${number} of ${name} has the label ${input.Labels?.join(", ") ?? ""} no more.`,
  });
  return (
    <div className="row">
      {labels.map((label) => (
        <Token
          key={label}
          variant="inline"
          label={label}
          dismissLabel={`Remove label ${label}`}
          onDismiss={() => remove.mutate({ Name: name, ParameterVersion: number, Labels: [label] })}
        />
      ))}
      <Button
        variant="inline-icon"
        iconName="add-plus"
        ariaLabel={`Label version ${number}`}
        disabled={labels.length >= MOST_LABELS}
        onClick={() => setOpen(true)}
      />
      {isOpen ? <LabelVersion name={name} version={number} versions={versions} onClose={() => setOpen(false)} /> : null}
    </div>
  );
}
