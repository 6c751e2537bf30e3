// Create a package, or a new version of one: its manifest, and where its files are.

import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import Tiles from "@cloudscape-design/components/tiles";
import { useState } from "react";

import { createDocument, getDocument, updateDocument } from "../../api/documents";
import { useAction, useCall } from "../../api/use";
import { go, href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { FormPage } from "../../components/FormPage";
import { Prose } from "../../components/Prose";
import { NEW_PACKAGE, packageProblems, readManifest, toAttachments } from "../../logic/package";
import type { PackageForm } from "../../logic/package";
import { ManifestTable } from "./ManifestTable";

export default function PackageEditPage({ params }: PageProps) {
  const name = params["name"];
  const answer = useCall(getDocument, name === undefined ? undefined : { Name: name, DocumentVersion: "$LATEST" });
  if (name === undefined) return <Editor isNew initial={NEW_PACKAGE} />;
  return (
    <Answer of={answer} what="the package">
      {({ Content: manifest = "" }) => <Editor isNew={false} initial={{ ...NEW_PACKAGE, name, manifest }} />}
    </Answer>
  );
}

interface EditorProps {
  readonly isNew: boolean;
  readonly initial: PackageForm;
}

function Editor({ isNew, initial }: EditorProps) {
  const [form, setForm] = useState(initial);
  const [tried, setTried] = useState(false);
  const set = (change: Partial<PackageForm>): void => setForm({ ...form, ...change });
  const problems = packageProblems(form);
  const problem = (place: string): string | undefined => (tried ? problems[place] : undefined);
  const manifest = readManifest(form.manifest);
  const page = href(`/packages/${part(form.name)}`);
  const create = useAction(createDocument, {
    done: () => `The package ${form.name} is created.`,
    onDone: () => go(page),
  });
  const update = useAction(updateDocument, {
    done: () => `${form.name} has a new version; make it the default when it is tried.`,
    onDone: () => go(href(`/packages/${part(form.name)}`, { tab: "versions" })),
  });
  const common = {
    Name: form.name,
    DocumentFormat: "JSON" as const,
    Content: form.manifest,
    Attachments: toAttachments(form),
  };
  const creation = { ...common, DocumentType: "Package" as const };
  const change = { ...common, DocumentVersion: "$LATEST" };
  const submit = (): void => {
    setTried(true);
    if (Object.keys(problems).length > 0) return;
    if (isNew) create.mutate(creation);
    else update.mutate(change);
  };
  return (
    <FormPage
      title={isNew ? "Create package" : `New version of ${form.name}`}
      submit={isNew ? "Create package" : "Save version"}
      onSubmit={submit}
      busy={create.isPending || update.isPending}
      back={isNew ? href("/packages") : page}
      request={
        isNew
          ? { service: "ssm", operation: "CreateDocument", input: creation }
          : { service: "ssm", operation: "UpdateDocument", input: change }
      }
    >
      <SpaceBetween size="l">
        <Container header={<Header variant="h2">Manifest</Header>}>
          <SpaceBetween size="m">
            {isNew ? (
              <FormField label="Name" errorText={problem("name")}>
                <Input
                  value={form.name}
                  placeholder="monitoring-agent"
                  onChange={({ detail }) => set({ name: detail.value.trim() })}
                />
              </FormField>
            ) : null}
            <FormField
              stretch
              label="Manifest"
              description="Platform, its version and architecture lead to a file; sha256sum tells what each file must be"
              errorText={problem("manifest")}
            >
              <div className="code">
                <Textarea
                  value={form.manifest}
                  rows={14}
                  spellcheck={false}
                  onChange={({ detail }) => set({ manifest: detail.value })}
                />
              </div>
            </FormField>
          </SpaceBetween>
        </Container>
        <Container
          header={
            <Header
              variant="h2"
              description={<Prose text="Put them there with `aws s3 cp`; they are copied when the version is made" />}
            >
              Files
            </Header>
          }
        >
          <SpaceBetween size="m">
            <Tiles
              ariaLabel="Files"
              value={form.from}
              items={[
                { value: "folder", label: "A folder", description: "It has all files that the manifest names" },
                { value: "files", label: "Single files", description: "Each from where it is" },
              ]}
              onChange={({ detail }) => set({ from: detail.value as PackageForm["from"] })}
            />
            {form.from === "folder" ? (
              <FormField
                label="Folder"
                constraintText="A bucket of this server, or a folder in it"
                errorText={problem("folder")}
              >
                <Input
                  value={form.folder}
                  placeholder="s3://packages/tool/1.0"
                  onChange={({ detail }) => set({ folder: detail.value })}
                />
              </FormField>
            ) : (
              <Files form={form} set={set} problem={problem} />
            )}
          </SpaceBetween>
        </Container>
        {manifest === undefined ? null : <ManifestTable manifest={manifest} />}
      </SpaceBetween>
    </FormPage>
  );
}

interface FilesProps {
  readonly form: PackageForm;
  readonly set: (change: Partial<PackageForm>) => void;
  readonly problem: (place: string) => string | undefined;
}

function Files({ form, set, problem }: FilesProps) {
  const files = readManifest(form.manifest)?.files;
  if (files === undefined) return <>The manifest says which files these are: it has to be in order first.</>;
  return (
    <SpaceBetween size="s">
      {files.map(({ name }) => (
        <FormField
          key={name}
          label={name}
          constraintText="s3://BUCKET/KEY, or a file that a package has: DOCUMENT/VERSION/FILE"
          errorText={problem(`files.${name}`)}
        >
          <Input
            value={form.files[name] ?? ""}
            onChange={({ detail }) => set({ files: { ...form.files, [name]: detail.value } })}
          />
        </FormField>
      ))}
    </SpaceBetween>
  );
}
