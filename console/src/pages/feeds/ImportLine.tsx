// The line that imports a feed. The operator's client reads it, so that the server takes statements alone, from where it may
// reach nothing else.

import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { session } from "../../api/session";
import { Lines } from "../../components/Lines";
import { importLine } from "../../logic/feed";

export function ImportLine() {
  const [source, setSource] = useState("");
  const [feed, setFeed] = useState("");
  const where = { endpoint: window.location.origin, region: session()?.region ?? "us-east-1" };
  return (
    <Container
      header={
        <Header
          variant="h2"
          description="On any machine that reaches this server, with an access key in the environment. A feed of the same name is replaced"
        >
          Import a feed
        </Header>
      }
    >
      <SpaceBetween size="m">
        <ColumnLayout columns={2}>
          <FormField
            label="File, folder or address"
            description="A security tracker of Debian or Arch, debsecan, OSV, or Alpine's secdb; plain or packed"
          >
            <Input
              value={source}
              placeholder="tracker.json.gz"
              spellcheck={false}
              onChange={({ detail }) => setSource(detail.value)}
            />
          </FormField>
          <FormField label="Name of the feed" description="By default that of the file">
            <Input value={feed} spellcheck={false} onChange={({ detail }) => setFeed(detail.value)} />
          </FormField>
        </ColumnLayout>
        <Lines text={importLine(source, feed, where)} />
      </SpaceBetween>
    </Container>
  );
}
