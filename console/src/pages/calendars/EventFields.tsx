// One event of a change calendar as fields.

import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";

import { repeatWords, takesDays } from "../../logic/changeCalendar";
import type { EventForm } from "../../logic/changeCalendar";

interface Props {
  readonly number: number;
  readonly event: EventForm;
  readonly problem: (field: string) => string | undefined;
  readonly onChange: (change: Partial<EventForm>) => void;
  readonly onRemove: () => void;
}

const REPEATS: readonly { readonly value: EventForm["repeats"]; readonly label: string }[] = [
  { value: "", label: "Once" },
  { value: "DAILY", label: "By days" },
  { value: "WEEKLY", label: "By weeks" },
  { value: "MONTHLY", label: "By months" },
  { value: "YEARLY", label: "By years" },
];

type Typed = Exclude<keyof EventForm, "kept" | "repeats">;

export function EventFields({ number, event, problem, onChange, onRemove }: Props) {
  const field = (name: Typed, label: string, placeholder: string, hint?: string) => (
    <FormField label={label} errorText={problem(name)} {...(hint === undefined ? {} : { constraintText: hint })}>
      <Input
        value={event[name]}
        placeholder={placeholder}
        onChange={({ detail }) => onChange({ [name]: detail.value })}
      />
    </FormField>
  );
  const repeats = REPEATS.find(({ value }) => value === event.repeats) ?? { value: "", label: "Once" };
  return (
    <SpaceBetween size="s">
      <Header
        variant="h3"
        description={event.repeats === "" ? undefined : `It comes ${repeatWords(event)}`}
        actions={<Button formAction="none" iconName="remove" ariaLabel={`Remove event ${number}`} onClick={onRemove} />}
      >
        {`Event ${number}${event.summary === "" ? "" : `: ${event.summary}`}`}
      </Header>
      <ColumnLayout columns={2}>
        {field("summary", "What it is", "Year-end freeze")}
        {field("zone", "Time zone", "Europe/Berlin", "An IANA name, or UTC")}
        {field("start", "Starts", "2026-12-24 18:00", "By the clock of its time zone")}
        {field("end", "Ends", "2026-12-27 06:00", "This moment is not part of it")}
      </ColumnLayout>
      <ColumnLayout columns={event.repeats === "" ? 1 : 4}>
        <FormField label="Repeats">
          <Select
            selectedOption={repeats}
            options={REPEATS}
            onChange={({ detail }) => onChange({ repeats: detail.selectedOption.value as EventForm["repeats"] })}
          />
        </FormField>
        {event.repeats === "" ? null : field("interval", "Every", "1", "2: every other one")}
        {event.repeats === "" ? null : field("until", "Until", "2027-12-31", "That day counts; empty: for ever")}
        {event.repeats === "" ? null : field("count", "Times", "any", "Instead of a last day")}
      </ColumnLayout>
      {takesDays(event.repeats)
        ? field(
            "days",
            "On days",
            event.repeats === "WEEKLY" ? "MO, WE" : "2TU",
            event.repeats === "WEEKLY"
              ? "MO, TU, WE, TH, FR, SA, SU; empty: the day on which it starts"
              : "2TU is the second Tuesday, -1FR the last Friday; empty: the day of the month on which it starts",
          )
        : null}
    </SpaceBetween>
  );
}
