// Hybrid activations: with which machines may still register, and how many did.

import type { Activation } from "@aws-sdk/client-ssm";

import { describeActivations } from "../../api/activations";
import { pollWithoutEvents } from "../../api/events";
import { href, part, usePlace } from "../../app/place";
import { AddressFilter, NothingMatches } from "../../components/AddressFilter";
import { columnsOf } from "../../components/columns";
import { Link } from "../../components/Link";
import { ListPage } from "../../components/ListPage";
import { FILTERS, stateOf, usedText } from "../../logic/activation";
import { filterValues } from "../../logic/addressFilter";
import { tagsText } from "../../logic/tags";
import { DeleteActivation } from "./DeleteActivation";

const POLL_MS = 5000;
const { statusColumn, textColumn, timeColumn } = columnsOf<Activation>();

export default function ActivationsPage() {
  const { query } = usePlace();
  const filters = filterValues(FILTERS, query).map(({ key, values }) => ({ FilterKey: key, FilterValues: values }));
  const poll = pollWithoutEvents(POLL_MS);
  return (
    <ListPage
      name="activations"
      title="Hybrid activations"
      description="With an activation's id and code machines register as nodes"
      call={describeActivations}
      input={filters.length === 0 ? {} : { Filters: filters }}
      items={(output) => output.ActivationList}
      trackBy={(activation) => activation.ActivationId ?? ""}
      {...(poll === undefined ? {} : { poll })}
      add={{ label: "Create activation", to: href("/activations/create") }}
      filter={<AddressFilter keys={FILTERS} what="activations" placeholder="Filter by id, default name or role" />}
      columns={[
        {
          ...textColumn("id", "Activation id", (activation) => activation.ActivationId, { minWidth: 170 }),
          cell: ({ ActivationId: id = "" }) => <Link to={href(`/activations/${part(id)}`)}>{id}</Link>,
        },
        statusColumn(stateOf, { header: "State" }),
        textColumn("used", "Registered", usedText),
        textColumn("name", "Default name", (activation) => activation.DefaultInstanceName || undefined),
        textColumn("role", "Role", (activation) => activation.IamRole),
        timeColumn("expires", "Expires", (activation) => activation.ExpirationDate),
        timeColumn("created", "Created", (activation) => activation.CreatedDate),
        textColumn("description", "Description", (activation) => activation.Description || undefined, {
          minWidth: 150,
        }),
        textColumn("tags", "Tags", (activation) => tagsText(activation.Tags), { hidden: true }),
        {
          id: "delete",
          header: "Delete",
          cell: ({ ActivationId: id = "" }) => <DeleteActivation id={id} />,
          minWidth: 135,
        },
      ]}
      empty={
        filters.length === 0 ? (
          "There are no activations. One lets a number of machines register as nodes, for a time."
        ) : (
          <NothingMatches words="No activation matches this filter." />
        )
      }
    />
  );
}
