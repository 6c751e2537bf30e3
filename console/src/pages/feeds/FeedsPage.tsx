// Feeds of advisories: what is known of CVEs here, from where, and how old it is; how to import one.

import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { deleteAdvisoryFeed, listAdvisoryFeeds } from "../../api/advisories";
import type { AdvisoryFeed } from "../../api/advisories";
import { useAction } from "../../api/use";
import { href } from "../../app/place";
import { columnsOf } from "../../components/columns";
import { Confirm } from "../../components/Confirm";
import { ServerTable } from "../../components/ServerTable";
import { Time } from "../../components/Time";
import { distributionsText, formatText } from "../../logic/feed";
import { ImportLine } from "./ImportLine";

const { textColumn, timeColumn } = columnsOf<AdvisoryFeed>();

export default function FeedsPage() {
  return (
    <SpaceBetween size="l">
      <ServerTable
        id="feeds"
        title="Advisory feeds"
        description="Which versions of packages fix which CVEs; what no feed tells is not known"
        call={listAdvisoryFeeds}
        input={{}}
        unpaged
        items={(output) => output.Feeds}
        total={(output) => output.Feeds.length}
        trackBy={(feed) => feed.Feed}
        actions={<Button href={href("/compliance", { tab: "cve" })}>Search by CVE</Button>}
        columns={[
          textColumn("feed", "Feed", (feed) => feed.Feed, { minWidth: 140 }),
          textColumn("format", "Format", (feed) => formatText(feed.Format), { minWidth: 150 }),
          textColumn("origin", "Origin", (feed) => feed.Origin, { minWidth: 180 }),
          {
            ...textColumn("age", "Age", (feed) => feed.AgeSeconds),
            cell: (feed) => <Time at={feed.PublishedAt ?? feed.ImportedAt} short />,
          },
          {
            ...textColumn("statements", "Statements", (feed) => feed.Statements),
            cell: (feed) => feed.Statements.toLocaleString(),
          },
          {
            ...textColumn("distributions", "Distributions", (feed) => feed.Distributions.join(" ")),
            cell: (feed) => <span title={feed.Distributions.join(", ")}>{distributionsText(feed.Distributions)}</span>,
            minWidth: 160,
          },
          timeColumn("published", "Published", (feed) => feed.PublishedAt, { hidden: true }),
          timeColumn("imported", "Imported", (feed) => feed.ImportedAt, { hidden: true }),
          { id: "delete", header: "Delete", cell: (feed) => <Delete feed={feed.Feed} />, minWidth: 135 },
        ]}
        empty="No feed is imported: of CVEs nothing is known here but what package lists carry themselves."
      />
      <ImportLine />
    </SpaceBetween>
  );
}

function Delete({ feed }: { readonly feed: string }) {
  const remove = useAction(deleteAdvisoryFeed, { done: () => `The feed ${feed} is deleted.` });
  return (
    <Confirm
      label="Delete"
      title={`Delete the feed ${feed}?`}
      disabled={remove.isPending}
      onConfirm={() => remove.mutate({ Feed: feed })}
    >
      Everything that it says is forgotten: which nodes its CVEs touch is not known any more, until it is imported
      again.
    </Confirm>
  );
}
