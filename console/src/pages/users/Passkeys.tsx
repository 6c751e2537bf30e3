// The passkeys of whoever is signed in: add one, name it, delete it.

import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import StatusIndicator from "@cloudscape-design/components/status-indicator";
import Table from "@cloudscape-design/components/table";
import { useState } from "react";

import { addPasskey, deletePasskey, listPasskeys, updatePasskey } from "../../api/passkeys";
import type { Passkey } from "../../api/passkeys";
import { useAction, useCall } from "../../api/use";
import { hasPasskeys } from "../../api/webauthn";
import { Answer } from "../../components/Answer";
import { Confirm } from "../../components/Confirm";
import { Time } from "../../components/Time";

const LONGEST = 64;

export function Passkeys() {
  const answer = useCall(listPasskeys, {});
  const [name, setName] = useState("");
  const add = useAction(addPasskey, {
    done: ({ Passkey: { Name } }) => `The passkey ${Name} is added.`,
    onDone: () => setName(""),
  });
  return (
    <SpaceBetween size="m">
      <Answer of={answer} what="passkeys">
        {({ Passkeys: passkeys }) => <List passkeys={passkeys} />}
      </Answer>
      {hasPasskeys() ? (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (name.trim() !== "") add.mutate({ Name: name.trim() });
          }}
        >
          <SpaceBetween direction="horizontal" size="xs" alignItems="end">
            <FormField label="Name of the passkey">
              <Input
                value={name}
                placeholder="laptop"
                onChange={({ detail }) => setName(detail.value.slice(0, LONGEST))}
              />
            </FormField>
            <Button formAction="submit" loading={add.isPending} disabled={name.trim() === ""}>
              Add a passkey
            </Button>
          </SpaceBetween>
        </form>
      ) : (
        <Alert type="info">
          This browser has no passkeys for this address: open the console over TLS by the server's name, or as
          http://localhost on the server itself.
        </Alert>
      )}
    </SpaceBetween>
  );
}

function List({ passkeys }: { readonly passkeys: readonly Passkey[] }) {
  const remove = useAction(deletePasskey, { done: () => "The passkey is deleted." });
  return (
    <Table<Passkey>
      header={
        <Header variant="h2" counter={`(${passkeys.length})`} description="They sign in without a name or a password.">
          Passkeys
        </Header>
      }
      items={passkeys}
      trackBy="PasskeyId"
      empty={<Box textAlign="center">No passkeys.</Box>}
      ariaLabels={{ tableLabel: "Passkeys" }}
      columnDefinitions={[
        { id: "name", header: "Name", cell: (passkey) => <Name passkey={passkey} />, isRowHeader: true },
        { id: "host", header: "For", cell: (passkey) => passkey.RelyingPartyId },
        { id: "created", header: "Added", cell: (passkey) => <Time at={passkey.CreatedAt} /> },
        {
          id: "used",
          header: "Last used",
          cell: (passkey) => (passkey.LastUsedAt === undefined ? "Never" : <Time at={passkey.LastUsedAt} />),
        },
        {
          id: "state",
          header: "State",
          cell: (passkey) =>
            passkey.RefusedAt === undefined ? (
              <StatusIndicator type="success">Good</StatusIndicator>
            ) : (
              <StatusIndicator type="warning">
                Perhaps copied: refused <Time at={passkey.RefusedAt} />
              </StatusIndicator>
            ),
        },
        {
          id: "delete",
          header: "Delete",
          cell: (passkey) => (
            <Confirm
              label="Delete"
              title={`Delete the passkey ${passkey.Name}?`}
              onConfirm={() => remove.mutate({ PasskeyId: passkey.PasskeyId })}
            >
              Nobody signs in with it any more. The authenticator itself keeps it until it is removed there.
            </Confirm>
          ),
        },
      ]}
    />
  );
}

function Name({ passkey }: { readonly passkey: Passkey }) {
  const [draft, setDraft] = useState<string>();
  const rename = useAction(updatePasskey, {
    done: () => "The passkey has another name.",
    onDone: () => setDraft(undefined),
  });
  if (draft === undefined) {
    return (
      <SpaceBetween direction="horizontal" size="xs" alignItems="center">
        {passkey.Name}
        <Button
          variant="inline-icon"
          iconName="edit"
          ariaLabel={`Rename ${passkey.Name}`}
          onClick={() => setDraft(passkey.Name)}
        />
      </SpaceBetween>
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (draft.trim() !== "") rename.mutate({ PasskeyId: passkey.PasskeyId, Name: draft.trim() });
      }}
    >
      <SpaceBetween direction="horizontal" size="xs">
        <Input value={draft} ariaLabel="New name" onChange={({ detail }) => setDraft(detail.value.slice(0, LONGEST))} />
        <Button formAction="submit" loading={rename.isPending}>
          Save
        </Button>
        <Button formAction="none" variant="link" onClick={() => setDraft(undefined)}>
          Cancel
        </Button>
      </SpaceBetween>
    </form>
  );
}
