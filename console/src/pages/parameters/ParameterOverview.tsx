// What is known of a parameter: its facts, its value, its policies, and how documents refer to it.

import type { ParameterMetadata } from "@aws-sdk/client-ssm";
import Box from "@cloudscape-design/components/box";
import Container from "@cloudscape-design/components/container";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import Header from "@cloudscape-design/components/header";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Table from "@cloudscape-design/components/table";

import { Time } from "../../components/Time";
import { policyStatusWord, policyWords } from "../../logic/parameterPolicies";
import { referenceTo } from "../../logic/parameterStore";
import { isSecret } from "../../logic/parameterVersions";
import { ParameterValue } from "./ParameterValue";
import { SecretValue } from "./SecretValue";

export function ParameterOverview({ parameter }: { readonly parameter: ParameterMetadata }) {
  const { Name: name = "" } = parameter;
  return (
    <SpaceBetween size="l">
      <Container header={<Header variant="h2">Parameter</Header>}>
        <KeyValuePairs
          columns={4}
          items={[
            { label: "Type", value: parameter.Type ?? "–" },
            { label: "Tier", value: parameter.Tier ?? "–" },
            { label: "Data type", value: parameter.DataType ?? "–" },
            { label: "Version", value: parameter.Version ?? "–" },
            { label: "Last modified", value: <Time at={parameter.LastModifiedDate} /> },
            { label: "Modified by", value: parameter.LastModifiedUser ?? "–" },
            { label: "Allowed pattern", value: <Code text={parameter.AllowedPattern} /> },
            ...(isSecret(parameter) ? [{ label: "Key id", value: parameter.KeyId ?? "–" }] : []),
          ]}
        />
      </Container>
      <Container header={<Header variant="h2">Value</Header>}>
        {isSecret(parameter) ? <SecretValue key={name} name={name} /> : <ParameterValue name={name} />}
      </Container>
      <References parameter={parameter} />
      <Policies parameter={parameter} />
    </SpaceBetween>
  );
}

function Code({ text }: { readonly text: string | undefined }) {
  return text === undefined || text === "" ? <>–</> : <Box variant="code">{text}</Box>;
}

function Copied({ text, what }: { readonly text: string; readonly what: string }) {
  return (
    <CopyToClipboard
      variant="inline"
      textToCopy={text}
      copyButtonAriaLabel={`Copy ${what}`}
      copySuccessText="Copied"
      copyErrorText="The browser does not let this page copy: select the text"
    />
  );
}

function References({ parameter }: { readonly parameter: ParameterMetadata }) {
  const { Name: name = "", Type: type, Version: version = 1 } = parameter;
  const description = isSecret(parameter)
    ? "In the settings of steps that take secrets; commands and documents cannot have it in their text"
    : "In commands, documents and associations; nodes ask for the value when they begin";
  return (
    <Container
      header={
        <Header variant="h2" description={description}>
          How to refer to it
        </Header>
      }
    >
      <KeyValuePairs
        columns={3}
        items={[
          { label: "Its newest version", value: <Copied text={referenceTo(name, type)} what="reference" /> },
          {
            label: `Version ${version}, whatever comes after it`,
            value: <Copied text={referenceTo(name, type, version)} what="reference to this version" />,
          },
          { label: "ARN", value: <Copied text={parameter.ARN ?? ""} what="ARN" /> },
        ]}
      />
    </Container>
  );
}

function Policies({ parameter }: { readonly parameter: ParameterMetadata }) {
  return (
    <Table
      header={<Header variant="h2">Policies</Header>}
      sortingDisabled
      wrapLines
      items={[...(parameter.Policies ?? [])]}
      ariaLabels={{ tableLabel: "Policies" }}
      columnDefinitions={[
        {
          id: "what",
          header: "What it does",
          isRowHeader: true,
          cell: (policy) => policyWords(policy.PolicyText),
          minWidth: 260,
        },
        { id: "type", header: "Type", cell: (policy) => policy.PolicyType },
        { id: "status", header: "Status", cell: (policy) => policyStatusWord(policy.PolicyStatus) },
      ]}
      empty={<Box textAlign="center">It has no policies: nothing deletes it, and nobody is told of it.</Box>}
    />
  );
}
