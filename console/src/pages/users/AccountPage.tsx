// Who is signed in: the own password and passkeys.

import Alert from "@cloudscape-design/components/alert";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { session } from "../../api/session";
import { changePassword } from "../../api/users";
import { useAction } from "../../api/use";
import { href } from "../../app/place";
import { FormPage } from "../../components/FormPage";
import { passwordProblem } from "../../logic/users";
import { NewPassword } from "./NewPassword";
import { Passkeys } from "./Passkeys";

export default function AccountPage() {
  const [old, setOld] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [tried, setTried] = useState(false);
  const problem = passwordProblem(password, again);
  const clear = (): void => {
    setOld("");
    setPassword("");
    setAgain("");
    setTried(false);
  };
  const change = useAction(changePassword, {
    done: () => "The password is changed; your other sessions have ended.",
    onDone: clear,
  });
  const submit = (): void => {
    setTried(true);
    if (problem === undefined && old !== "") change.mutate({ OldPassword: old, NewPassword: password });
  };
  const who = session();
  if (who?.kept !== true) {
    return (
      <ContentLayout header={<Header variant="h1">Change password</Header>}>
        <Alert type="info">An access key has no password. Sign in as a user to change that user&apos;s password.</Alert>
      </ContentLayout>
    );
  }
  return (
    <SpaceBetween size="l">
      <FormPage
        title="Change password"
        submit="Change password"
        onSubmit={submit}
        busy={change.isPending}
        back={href("/")}
      >
        <Container header={<Header variant="h2">{who.userName}</Header>}>
          <SpaceBetween size="m">
            <FormField label="Password now" errorText={tried && old === "" ? "the password that holds now" : undefined}>
              <Input
                type="password"
                autoComplete="current-password"
                value={old}
                onChange={({ detail }) => setOld(detail.value)}
              />
            </FormField>
            <NewPassword
              password={password}
              again={again}
              problem={tried ? problem : undefined}
              onPassword={setPassword}
              onAgain={setAgain}
            />
          </SpaceBetween>
        </Container>
      </FormPage>
      <Passkeys />
    </SpaceBetween>
  );
}
