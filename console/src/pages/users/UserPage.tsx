// One user: whether it may sign in, how, and what it may do.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { createSignInCode, deleteUser, findUser, updateUser } from "../../api/users";
import type { User } from "../../api/users";
import { useAction, useCall } from "../../api/use";
import { go, href } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { Status } from "../../components/Status";
import { Time } from "../../components/Time";
import { passwordProblem, policiesProblem } from "../../logic/users";
import { NewPassword } from "./NewPassword";
import { PoliciesEditor } from "./PoliciesEditor";

export default function UserPage({ params }: PageProps) {
  const answer = useCall(findUser, { UserName: params["name"] ?? "" });
  return (
    <Answer of={answer} what="the user">
      {(user) => <Details user={user} />}
    </Answer>
  );
}

function Details({ user }: { readonly user: User }) {
  const name = user.UserName;
  const update = useAction(updateUser, {
    done: (output) => (output.User.Status === "ACTIVE" ? `${name} may sign in.` : `${name} is disabled.`),
  });
  const remove = useAction(deleteUser, { done: () => `${name} is deleted.`, onDone: () => go(href("/users")) });
  const active = user.Status === "ACTIVE";
  return (
    <DetailPage
      title={name}
      id={user.Arn}
      requests={[
        { service: "fettle", operation: "ListUsers", input: {} },
        {
          service: "fettle",
          operation: "UpdateUser",
          input: { UserName: name, Status: active ? "DISABLED" : "ACTIVE" },
        },
        { service: "fettle", operation: "DeleteUser", input: { UserName: name } },
      ]}
      actions={
        <>
          {active ? (
            <Confirm
              label="Disable"
              title="Disable this user?"
              onConfirm={() => update.mutate({ UserName: name, Status: "DISABLED" })}
            >
              The sessions of {name} end at once, and nothing signs {name} in until it is enabled again.
            </Confirm>
          ) : (
            <Button loading={update.isPending} onClick={() => update.mutate({ UserName: name, Status: "ACTIVE" })}>
              Enable
            </Button>
          )}
          <Confirm label="Delete" title="Delete this user?" onConfirm={() => remove.mutate({ UserName: name })}>
            {name} with all policies and sessions is deleted; this cannot be taken back.
          </Confirm>
        </>
      }
    >
      <Container header={<Header variant="h2">User</Header>}>
        <KeyValuePairs
          columns={4}
          items={[
            { label: "Status", value: <Status status={user.Status} /> },
            {
              label: "Password",
              value: user.PasswordChangedAt === undefined ? "none" : <Time at={user.PasswordChangedAt} />,
            },
            { label: "Created", value: <Time at={user.CreatedAt} /> },
            { label: "User id", value: user.UserId },
          ]}
        />
      </Container>
      <Policies key={JSON.stringify(user.Policies)} user={user} />
      <SignIn user={user} />
    </DetailPage>
  );
}

function Policies({ user }: { readonly user: User }) {
  const [policies, setPolicies] = useState<Record<string, string>>(user.Policies);
  const save = useAction(updateUser, { done: () => "The policies hold from the next request on." });
  const broken = policiesProblem(policies) !== undefined;
  const isSame = JSON.stringify(policies) === JSON.stringify(user.Policies);
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="They hold from the next request on, also for sessions that are open"
          actions={
            <Button
              variant="primary"
              disabled={broken || isSame}
              loading={save.isPending}
              onClick={() => save.mutate({ UserName: user.UserName, Policies: policies })}
            >
              Save policies
            </Button>
          }
        >
          Policies
        </Header>
      }
    >
      <PoliciesEditor policies={policies} onChange={setPolicies} />
    </Container>
  );
}

function SignIn({ user }: { readonly user: User }) {
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [tried, setTried] = useState(false);
  const [link, setLink] = useState<string>();
  const problem = passwordProblem(password, again);
  const set = useAction(updateUser, {
    done: () => "The password is set; the sessions of this user have ended.",
    onDone: () => {
      setPassword("");
      setAgain("");
      setTried(false);
    },
  });
  const code = useAction(createSignInCode, {
    onDone: (output) => setLink(`${window.location.origin}/console/#/sign-in?code=${output.SignInCode}`),
  });
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <Button loading={code.isPending} onClick={() => code.mutate({ UserName: user.UserName })}>
              Make a sign-in link
            </Button>
          }
        >
          Signing in
        </Header>
      }
    >
      <SpaceBetween size="m">
        {link === undefined ? null : (
          <Alert type="info" header="This link signs in once, within ten minutes" onDismiss={() => setLink(undefined)}>
            <Input value={link} readOnly ariaLabel="Sign-in link" onChange={() => undefined} />
          </Alert>
        )}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            setTried(true);
            if (problem === undefined) set.mutate({ UserName: user.UserName, Password: password });
          }}
        >
          <SpaceBetween size="m">
            <NewPassword
              password={password}
              again={again}
              problem={tried ? problem : undefined}
              onPassword={setPassword}
              onAgain={setAgain}
            />
            <Box>
              <Button formAction="submit" loading={set.isPending}>
                Set password
              </Button>
            </Box>
          </SpaceBetween>
        </form>
      </SpaceBetween>
    </Container>
  );
}
