// The patch baselines of the account and the predefined ones.

import Button from "@cloudscape-design/components/button";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Badge from "@cloudscape-design/components/badge";

import { describePatchBaselines } from "../../api/baselines";
import { href, part, useQueryValue } from "../../app/place";
import { Choice } from "../../components/Choice";
import { Link } from "../../components/Link";
import { ServerTable } from "../../components/ServerTable";
import { OPERATING_SYSTEMS } from "../../logic/baseline";
import { shortBaselineId } from "../../logic/shortId";

const OWNERS = [
  ["Self", "Own"],
  ["AWS", "Predefined"],
] as const;

export default function BaselinesPage() {
  const [owner, setOwner] = useQueryValue("owner");
  const [system, setSystem] = useQueryValue("system");
  const filters = [
    ...(owner === "" ? [] : [{ Key: "OWNER", Values: [owner] }]),
    ...(system === "" ? [] : [{ Key: "OPERATING_SYSTEM", Values: [system] }]),
  ];
  return (
    <ServerTable
      id="baselines"
      title="Patch baselines"
      call={describePatchBaselines}
      input={filters.length === 0 ? {} : { Filters: filters }}
      items={(output) => output.BaselineIdentities}
      trackBy={(baseline) => baseline.BaselineId ?? ""}
      filter={
        <SpaceBetween direction="horizontal" size="s">
          <Choice label="Owner" any="Anybody's" value={owner} values={OWNERS} onChange={setOwner} />
          <Choice
            label="Operating system"
            any="Any operating system"
            value={system}
            values={OPERATING_SYSTEMS.map((value) => [value, value])}
            onChange={setSystem}
          />
        </SpaceBetween>
      }
      actions={
        <Button variant="primary" href={href("/baselines/create")}>
          Create patch baseline
        </Button>
      }
      columns={[
        {
          id: "name",
          header: "Name",
          cell: (baseline) => (
            <Link to={href(`/baselines/${part(baseline.BaselineId ?? "")}`)}>{baseline.BaselineName}</Link>
          ),
          text: (baseline) => baseline.BaselineName,
          minWidth: 220,
        },
        {
          id: "system",
          header: "Operating system",
          cell: (baseline) => baseline.OperatingSystem,
          text: (baseline) => baseline.OperatingSystem,
        },
        {
          id: "default",
          header: "Default",
          cell: (baseline) => (baseline.DefaultBaseline === true ? <Badge color="blue">default</Badge> : "–"),
          text: (baseline) => String(baseline.DefaultBaseline === true),
        },
        {
          id: "description",
          header: "Description",
          cell: (baseline) => baseline.BaselineDescription ?? "–",
          text: (baseline) => baseline.BaselineDescription,
          minWidth: 220,
        },
        {
          id: "id",
          header: "Baseline id",
          cell: (baseline) => <span className="together">{shortBaselineId(baseline.BaselineId ?? "–")}</span>,
          text: (baseline) => baseline.BaselineId,
        },
      ]}
      empty="No patch baseline matches."
    />
  );
}
