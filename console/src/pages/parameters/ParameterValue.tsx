// The value of a parameter that is no secret.

import { getParameter } from "../../api/parameters";
import { useCall } from "../../api/use";
import { Answer } from "../../components/Answer";
import { ShownValue } from "./ShownValue";

export function ParameterValue({ name }: { readonly name: string }) {
  const answer = useCall(getParameter, { Name: name });
  return (
    <Answer of={answer} what="the value">
      {({ Parameter: parameter }) => <ShownValue value={parameter?.Value ?? ""} type={parameter?.Type} />}
    </Answer>
  );
}
