// Create a document, or a new version of one.

import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import ContentLayout from "@cloudscape-design/components/content-layout";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import type { DocumentFormat, DocumentType } from "@aws-sdk/client-ssm";
import { useState } from "react";

import { createDocument, getDocument, updateDocument } from "../../api/documents";
import { useAction, useCall } from "../../api/use";
import { go, href, part } from "../../app/place";
import type { PageProps } from "../../app/routes";
import { Answer } from "../../components/Answer";
import { CopyCommand } from "../../components/CopyCommand";
import { contentProblem, formatOf, FIRST_DOCUMENTS } from "../../logic/document";

const TYPES: readonly DocumentType[] = ["Command", "Automation", "Policy", "ChangeCalendar"];

export default function DocumentEditPage({ params }: PageProps) {
  const name = params["name"];
  const answer = useCall(getDocument, name === undefined ? undefined : { Name: name, DocumentVersion: "$LATEST" });
  if (name === undefined) return <Editor name={undefined} type="Command" content={FIRST_DOCUMENTS.Command ?? ""} />;
  return (
    <Answer of={answer} what="the document">
      {(document) => <Editor name={name} type={document.DocumentType ?? "Command"} content={document.Content ?? ""} />}
    </Answer>
  );
}

interface Props {
  readonly name: string | undefined;
  readonly type: DocumentType;
  readonly content: string;
}

function Editor(initial: Props) {
  const [name, setName] = useState(initial.name ?? "");
  const [type, setType] = useState<DocumentType>(initial.type);
  const [content, setContent] = useState(initial.content);
  const [tried, setTried] = useState(false);
  const format: DocumentFormat = formatOf(content);
  const wrongName = /^[a-zA-Z0-9_\-.]{3,128}$/.test(name)
    ? undefined
    : "3 to 128 letters, digits, dots, hyphens or underscores";
  const wrongContent = contentProblem(content);
  const open = (): void => go(href(`/documents/${part(name)}`));
  const create = useAction(createDocument, { done: () => `${name} is created.`, onDone: open });
  const update = useAction(updateDocument, {
    done: () => `${name} has a new version; make it the default when it is tried.`,
    onDone: open,
  });
  const isNew = initial.name === undefined;
  const creation = { Name: name, DocumentType: type, DocumentFormat: format, Content: content };
  const change = { Name: name, DocumentVersion: "$LATEST", DocumentFormat: format, Content: content };
  return (
    <ContentLayout header={<Header variant="h1">{isNew ? "Create document" : `New version of ${name}`}</Header>}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setTried(true);
          if (wrongName !== undefined || wrongContent !== undefined) return;
          if (isNew) create.mutate(creation);
          else update.mutate(change);
        }}
      >
        <Form
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <CopyCommand
                requests={[
                  {
                    service: "ssm",
                    operation: isNew ? "CreateDocument" : "UpdateDocument",
                    input: isNew ? creation : change,
                  },
                ]}
              />
              <Button
                variant="link"
                formAction="none"
                href={isNew ? href("/documents") : href(`/documents/${part(name)}`)}
              >
                Cancel
              </Button>
              <Button variant="primary" loading={create.isPending || update.isPending}>
                {isNew ? "Create document" : "Save version"}
              </Button>
            </SpaceBetween>
          }
        >
          <Container>
            <SpaceBetween size="m">
              <FormField label="Name" errorText={tried ? wrongName : undefined}>
                <Input value={name} disabled={!isNew} onChange={({ detail }) => setName(detail.value)} />
              </FormField>
              <FormField label="Type">
                <Select
                  disabled={!isNew}
                  selectedOption={{ value: type, label: type }}
                  options={TYPES.map((value) => ({ value, label: value }))}
                  onChange={({ detail }) => {
                    const next = detail.selectedOption.value as DocumentType;
                    if (content === FIRST_DOCUMENTS[type]) setContent(FIRST_DOCUMENTS[next] ?? "");
                    setType(next);
                  }}
                />
              </FormField>
              <FormField
                stretch
                label="Content"
                constraintText={`Read as ${format}`}
                errorText={tried || format === "JSON" ? wrongContent : undefined}
              >
                <div className="code">
                  <Textarea
                    value={content}
                    rows={24}
                    spellcheck={false}
                    onChange={({ detail }) => setContent(detail.value)}
                  />
                </div>
              </FormField>
            </SpaceBetween>
          </Container>
        </Form>
      </form>
    </ContentLayout>
  );
}
