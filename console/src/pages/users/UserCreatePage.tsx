// Create a user: a name, a password if it is to have one, and what it may do.

import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { createUser } from "../../api/users";
import { useAction } from "../../api/use";
import { go, href, part } from "../../app/place";
import { FormPage } from "../../components/FormPage";
import { passwordProblem, policiesProblem, PRESETS, userNameProblem } from "../../logic/users";
import { NewPassword } from "./NewPassword";
import { PoliciesEditor } from "./PoliciesEditor";

const FIRST = Object.fromEntries(PRESETS.slice(0, 1).map(({ id, policy }) => [id, policy]));

export default function UserCreatePage() {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [policies, setPolicies] = useState<Record<string, string>>(FIRST);
  const [tried, setTried] = useState(false);
  const wrongName = userNameProblem(name);
  const wrongPassword = password === "" && again === "" ? undefined : passwordProblem(password, again);
  const create = useAction(createUser, {
    done: (output) => `${output.User.UserName} is created.`,
    onDone: (output) => go(href(`/users/${part(output.User.UserName)}`)),
  });
  const submit = (): void => {
    setTried(true);
    if ((wrongName ?? wrongPassword ?? policiesProblem(policies)) !== undefined) return;
    create.mutate({ UserName: name, Policies: policies, ...(password === "" ? {} : { Password: password }) });
  };
  return (
    <FormPage
      title="Create user"
      submit="Create user"
      onSubmit={submit}
      busy={create.isPending}
      back={href("/users")}
      request={{ service: "fettle", operation: "CreateUser", input: { UserName: name, Policies: policies } }}
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">User</Header>}>
          <SpaceBetween size="m">
            <FormField label="User name" errorText={tried ? wrongName : undefined}>
              <Input value={name} autoComplete="off" onChange={({ detail }) => setName(detail.value)} />
            </FormField>
            <NewPassword
              password={password}
              again={again}
              problem={tried ? wrongPassword : undefined}
              onPassword={setPassword}
              onAgain={setAgain}
            />
          </SpaceBetween>
        </Container>
        <Container
          header={
            <Header variant="h2" description="A refusal beats every permission. Without a password a link signs in.">
              Permissions
            </Header>
          }
        >
          <PoliciesEditor policies={policies} onChange={setPolicies} />
        </Container>
      </SpaceBetween>
    </FormPage>
  );
}
