// One parameter: what it is, its value, its versions, its tags.

import type { ParameterMetadata } from "@aws-sdk/client-ssm";
import Button from "@cloudscape-design/components/button";
import Tabs from "@cloudscape-design/components/tabs";

import { describeParameters } from "../../api/parameters";
import { useCall } from "../../api/use";
import { go, href, part, useQueryValue } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { DetailPage } from "../../components/DetailPage";
import { Missing } from "../../components/Missing";
import { ResourceTags } from "../../components/ResourceTags";
import { isSecret } from "../../logic/parameterVersions";
import { DeleteParameters } from "./DeleteParameters";
import { ParameterOverview } from "./ParameterOverview";
import { ParameterVersions } from "./ParameterVersions";

export default function ParameterPage({ params }: PageProps) {
  const name = params["name"] ?? "";
  const request = { ParameterFilters: [{ Key: "Name", Option: "Equals", Values: [name] }] };
  const answer = useCall(describeParameters, request);
  return (
    <Answer of={answer} what="the parameter">
      {({ Parameters: found }) => {
        const parameter = found?.[0];
        return parameter === undefined ? (
          <Missing what={`Parameter ${name}`} list={href("/parameters")} />
        ) : (
          <Details parameter={parameter} request={request} />
        );
      }}
    </Answer>
  );
}

function Details({ parameter, request }: { readonly parameter: ParameterMetadata; readonly request: object }) {
  const [tab, setTab] = useQueryValue("tab");
  const { Name: name = "", Description: description = "" } = parameter;
  return (
    <DetailPage
      title={name}
      {...(description === "" ? {} : { id: description })}
      requests={[
        { service: "ssm", operation: "DescribeParameters", input: request },
        {
          service: "ssm",
          operation: "GetParameter",
          input: { Name: name, ...(isSecret(parameter) ? { WithDecryption: true } : {}) },
        },
        { service: "ssm", operation: "GetParameterHistory", input: { Name: name } },
        { service: "ssm", operation: "DeleteParameters", input: { Names: [name] } },
      ]}
      actions={
        <>
          <DeleteParameters names={[name]} onDone={() => go(href("/parameters"))} />
          <Button variant="primary" href={href(`/parameters/${part(name)}/edit`)}>
            Edit
          </Button>
        </>
      }
    >
      <Tabs
        activeTabId={tab === "" ? "overview" : tab}
        onChange={({ detail }) => setTab(detail.activeTabId)}
        tabs={[
          { id: "overview", label: "Overview", content: <ParameterOverview parameter={parameter} /> },
          { id: "versions", label: "Versions", content: <ParameterVersions name={name} /> },
          {
            id: "tags",
            label: "Tags",
            content: <ResourceTags type="Parameter" id={name} what="parameter" example="Env" />,
          },
        ]}
      />
    </DetailPage>
  );
}
