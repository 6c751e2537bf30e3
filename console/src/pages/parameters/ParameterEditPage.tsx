// Create a parameter, or a new version of one.

import type { ParameterMetadata } from "@aws-sdk/client-ssm";

import { describeParameters, getParameter } from "../../api/parameters";
import { useCall } from "../../api/use";
import { href } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Missing } from "../../components/Missing";
import { fromParameter } from "../../logic/parameterForm";
import { isSecret } from "../../logic/parameterVersions";
import { ParameterEditor } from "./ParameterEditor";

export default function ParameterEditPage({ params }: PageProps) {
  const name = params["name"];
  const answer = useCall(
    describeParameters,
    name === undefined ? undefined : { ParameterFilters: [{ Key: "Name", Option: "Equals", Values: [name] }] },
  );
  if (name === undefined) return <ParameterEditor before={undefined} newest={undefined} />;
  return (
    <Answer of={answer} what="the parameter">
      {({ Parameters: found }) => {
        const parameter = found?.[0];
        return parameter === undefined ? (
          <Missing what={`Parameter ${name}`} list={href("/parameters")} />
        ) : isSecret(parameter) ? (
          <ParameterEditor before={fromParameter(parameter, "")} newest={parameter} />
        ) : (
          <Known parameter={parameter} />
        );
      }}
    </Answer>
  );
}

function Known({ parameter }: { readonly parameter: ParameterMetadata }) {
  const answer = useCall(getParameter, { Name: parameter.Name ?? "" });
  return (
    <Answer of={answer} what="the value">
      {({ Parameter: known }) => (
        <ParameterEditor before={fromParameter(parameter, known?.Value ?? "")} newest={parameter} />
      )}
    </Answer>
  );
}
