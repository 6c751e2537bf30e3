// With which accounts a document is shared: who has it, who gets it, who does not have it any more.

import type { AccountSharingInfo, DocumentDescription } from "@aws-sdk/client-ssm";
import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";
import { useState } from "react";

import { describeDocumentPermission, modifyDocumentPermission } from "../../api/documents";
import { session } from "../../api/session";
import { useAction } from "../../api/use";
import { columnsOf } from "../../components/columns";
import { Confirm } from "../../components/Confirm";
import { CopyCommand } from "../../components/CopyCommand";
import { ServerTable } from "../../components/ServerTable";
import {
  accountWords,
  NOT_SHARED,
  SHARED_VERSIONS,
  sharedVersionWords,
  sharingProblem,
  toSharing,
} from "../../logic/sharing";
import type { SharingForm } from "../../logic/sharing";

interface Props {
  readonly document: DocumentDescription;
  readonly name: string;
}

const { textColumn } = columnsOf<AccountSharingInfo>();

export function DocumentSharing({ document, name }: Props) {
  return (
    <SpaceBetween size="l">
      <Shares document={document} name={name} />
      <Share document={document} name={name} />
    </SpaceBetween>
  );
}

function Shares({ document, name }: Props) {
  const input = { Name: name, PermissionType: "Share" as const };
  const arn = `arn:aws:ssm:${session()?.region ?? ""}:${document.Owner ?? ""}:document/${name}`;
  const stop = useAction(modifyDocumentPermission, {
    done: (_, { AccountIdsToRemove: accounts }) => `${accountWords(accounts?.[0])}: ${name} is not shared any more.`,
  });
  return (
    <ServerTable
      id="document-sharing"
      title="Shared with"
      description={`Others name it by its ARN: ${arn}`}
      call={describeDocumentPermission}
      input={input}
      items={(output) => output.AccountSharingInfoList}
      trackBy={(share) => share.AccountId ?? ""}
      columns={[
        textColumn("account", "Account", (share) => accountWords(share.AccountId)),
        textColumn("versions", "Versions", (share) => sharedVersionWords(share.SharedDocumentVersion), {
          minWidth: 220,
        }),
        {
          id: "stop",
          header: "Sharing",
          cell: ({ AccountId: account = "" }) => (
            <Confirm
              label="Stop sharing"
              title={`Stop sharing ${name}?`}
              disabled={stop.isPending}
              onConfirm={() => stop.mutate({ ...input, AccountIdsToRemove: [account] })}
            >
              {accountWords(account)}: what runs it there by its ARN is refused from now on.
            </Confirm>
          ),
        },
      ]}
      empty="Only this account has it."
    />
  );
}

function Share({ document, name }: Props) {
  const [form, setForm] = useState(NOT_SHARED);
  const [tried, setTried] = useState(false);
  const set = (change: Partial<SharingForm>): void => setForm({ ...form, ...change });
  const problem = sharingProblem(form, document.Owner);
  const input = toSharing(form, name);
  const share = useAction(modifyDocumentPermission, {
    done: () => (form.with === "everybody" ? `${name} is public.` : `${name} is shared.`),
    onDone: () => {
      setForm(NOT_SHARED);
      setTried(false);
    },
  });
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="Up to 1,000 accounts can have a document, and five of an account's documents can be everybody's"
          actions={
            <CopyCommand requests={[{ service: "ssm", operation: modifyDocumentPermission.operation, input }]} />
          }
        >
          Share
        </Header>
      }
    >
      <SpaceBetween size="m">
        <Tiles
          ariaLabel="Share with"
          value={form.with}
          items={[
            { value: "accounts", label: "Accounts", description: "Those that are named, and nobody else" },
            { value: "everybody", label: "Everybody", description: "Public: every account, also those to come" },
          ]}
          onChange={({ detail }) => set({ with: detail.value as SharingForm["with"] })}
        />
        <ColumnLayout columns={2}>
          {form.with === "accounts" ? (
            <FormField
              label="Account ids"
              constraintText="12 digits each, separated by commas or spaces; at most 20 at a time"
              errorText={tried ? problem : undefined}
            >
              <Input
                value={form.accounts}
                placeholder="111122223333"
                onChange={({ detail }) => set({ accounts: detail.value })}
              />
            </FormField>
          ) : null}
          <FormField label="Versions" description="What they may read and run">
            <Select
              selectedOption={{ value: form.versions, label: sharedVersionWords(form.versions) }}
              options={SHARED_VERSIONS.map(([value, label]) => ({ value, label }))}
              onChange={({ detail }) => set({ versions: detail.selectedOption.value ?? form.versions })}
            />
          </FormField>
        </ColumnLayout>
        {form.with === "everybody" ? (
          <Confirm
            label="Make public"
            title={`Make ${name} public?`}
            disabled={share.isPending}
            onConfirm={() => share.mutate(input)}
          >
            Every account of this server can read and run it from then on: look through it for names, addresses and
            secrets. Sharing can be stopped; what others have copied meanwhile stays with them.
          </Confirm>
        ) : (
          <Button
            formAction="none"
            loading={share.isPending}
            onClick={() => {
              setTried(true);
              if (problem === undefined) share.mutate(input);
            }}
          >
            Share
          </Button>
        )}
      </SpaceBetween>
    </Container>
  );
}
