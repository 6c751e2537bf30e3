// The ways in: a passkey, a one-time link, user and password, or an access key. What proves who someone is leaves
// the address and the form as soon as it was used.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tabs from "@cloudscape-design/components/tabs";
import { useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";

import { CallError, toCallError } from "../api/errors";
import { signInWithAccessKey, signInWithCode, signInWithPasskey, signInWithPassword } from "../api/session";
import { hasPasskeys } from "../api/webauthn";
import { parsePlace, replace } from "../app/place";

function words(error: CallError): string {
  if (error.kind === "forbidden") return "That was not accepted: it is wrong, was used before, or is too old.";
  if (error.code === "ThrottlingException") return "Too many attempts. Wait a minute and try again.";
  return `${error.operation} failed: ${error.message}`;
}

/** The code of the address, taken out of it at once. */
function takeCode(): string | undefined {
  const place = parsePlace(window.location.hash);
  if (place.path !== "/sign-in") return undefined;
  replace("#/");
  return place.query.get("code") ?? undefined;
}

export function SignInPage() {
  const [error, setError] = useState<CallError>();
  const [byPasskey, setByPasskey] = useState(false);
  const [busy, setBusy] = useState(false);
  const asked = useRef(false);

  const attempt = (signIn: () => Promise<void>): void => {
    setByPasskey(signIn === signInWithPasskey);
    setBusy(true);
    setError(undefined);
    signIn().catch((cause: unknown) => {
      setError(toCallError("CreateSession", cause));
      setBusy(false);
    });
  };

  useEffect(() => {
    if (asked.current) return;
    asked.current = true;
    const code = takeCode();
    if (code !== undefined) attempt(() => signInWithCode(code));
  }, []);

  // Of a passkey the server says what was wrong: who has one is no secret to whoever holds it.
  const said = (error: CallError): string =>
    byPasskey && error.code !== "ThrottlingException"
      ? `The passkey was not accepted: ${error.message}.`
      : words(error);
  const alert = error === undefined ? null : <Alert type="error">{said(error)}</Alert>;
  return (
    <main className="sign-in">
      <SpaceBetween size="l">
        <Box variant="h1" textAlign="center" fontSize="display-l">
          Fettle
        </Box>
        <Container header={<Header variant="h2">Sign in</Header>}>
          <SpaceBetween size="m">
            {alert}
            {hasPasskeys() ? (
              <Button fullWidth iconName="key" loading={busy} onClick={() => attempt(signInWithPasskey)}>
                Sign in with a passkey
              </Button>
            ) : null}
            <Tabs
              tabs={[
                { id: "password", label: "Password", content: <Password busy={busy} attempt={attempt} /> },
                { id: "code", label: "One-time code", content: <Code busy={busy} attempt={attempt} /> },
                { id: "key", label: "Access key", content: <AccessKey /> },
              ]}
            />
          </SpaceBetween>
        </Container>
      </SpaceBetween>
    </main>
  );
}

interface WayProps {
  readonly busy: boolean;
  readonly attempt: (signIn: () => Promise<void>) => void;
}

interface SubmitProps {
  readonly busy: boolean;
  readonly disabled: boolean;
  readonly onSubmit: () => void;
  readonly children: ReactNode;
}

function SignInForm({ busy, disabled, onSubmit, children }: SubmitProps) {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!disabled) onSubmit();
      }}
    >
      <Form
        actions={
          <Button variant="primary" formAction="submit" loading={busy} disabled={disabled}>
            Sign in
          </Button>
        }
      >
        <SpaceBetween size="m">{children}</SpaceBetween>
      </Form>
    </form>
  );
}

function Password({ busy, attempt }: WayProps) {
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const submit = (): void => {
    setPassword("");
    attempt(() => signInWithPassword(user, password));
  };
  return (
    <SignInForm busy={busy} disabled={user === "" || password === ""} onSubmit={submit}>
      <FormField label="User name">
        <Input value={user} autoComplete="username" onChange={({ detail }) => setUser(detail.value)} />
      </FormField>
      <FormField label="Password">
        <Input
          type="password"
          autoComplete="current-password"
          value={password}
          onChange={({ detail }) => setPassword(detail.value)}
        />
      </FormField>
    </SignInForm>
  );
}

function Code({ busy, attempt }: WayProps) {
  const [code, setCode] = useState("");
  const submit = (): void => {
    setCode("");
    attempt(() => signInWithCode(code.trim()));
  };
  return (
    <SignInForm busy={busy} disabled={code.trim() === ""} onSubmit={submit}>
      <FormField
        label="Code"
        description="`fettle up` and `fettle sign-in-link` print a link with a code that works once. Opening the link does this by itself."
      >
        <Input
          type="password"
          autoComplete="one-time-code"
          value={code}
          onChange={({ detail }) => setCode(detail.value)}
        />
      </FormField>
    </SignInForm>
  );
}

function AccessKey() {
  const [id, setId] = useState("");
  const [secret, setSecret] = useState("");
  const [region, setRegion] = useState("us-east-1");
  return (
    <SignInForm
      busy={false}
      disabled={id === "" || secret === "" || region === ""}
      onSubmit={() => signInWithAccessKey(id.trim(), secret.trim(), region.trim())}
    >
      <FormField
        label="Access key id"
        description="As `fettle credentials` prints it. The key stays in this page's memory and is gone when it is closed."
      >
        <Input value={id} autoComplete="off" spellcheck={false} onChange={({ detail }) => setId(detail.value)} />
      </FormField>
      <FormField label="Secret access key">
        <Input type="password" autoComplete="off" value={secret} onChange={({ detail }) => setSecret(detail.value)} />
      </FormField>
      <FormField label="Region">
        <Input
          value={region}
          autoComplete="off"
          spellcheck={false}
          onChange={({ detail }) => setRegion(detail.value)}
        />
      </FormField>
    </SignInForm>
  );
}
