// The rings of a staged rollout: a form, and the same plan as JSON beside it; either changes the other.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Checkbox from "@cloudscape-design/components/checkbox";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SegmentedControl from "@cloudscape-design/components/segmented-control";
import Select from "@cloudscape-design/components/select";
import type { SelectProps } from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import type { ReactNode } from "react";

import { fromPlan, fromText, NEW_RING, planProblems, toText } from "../logic/rings";
import type { PlanForm, RingForm, RingNodes } from "../logic/rings";
import { EXAMPLE_PLAN } from "../logic/rollout";
import { TargetsChoice } from "./TargetsChoice";

const WHAT = "Patches ring by ring, each after evidence of the one before";

interface Props {
  /** Nothing: all nodes at once, by the rate alone. */
  readonly form: PlanForm | undefined;
  readonly onChange: (form: PlanForm | undefined) => void;
}

export function RingsEditor({ form, onChange }: Props) {
  if (form === undefined) {
    return (
      <Frame
        description={WHAT}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button formAction="none" onClick={() => onChange(fromPlan({ Rings: [{ Name: "all" }] }))}>
              Add rings
            </Button>
            <Button formAction="none" onClick={() => onChange(fromPlan(EXAMPLE_PLAN))}>
              Begin with an example
            </Button>
          </SpaceBetween>
        }
      >
        <Box color="text-body-secondary">No rings: all nodes go by the rate alone.</Box>
      </Frame>
    );
  }
  const problems = planProblems(form);
  const problem = (place: string): string | undefined => problems[place];
  const isDraft = form.draft !== undefined;
  const { draft: _, ...kept } = form;
  const set = (change: Partial<PlanForm>): void => onChange({ ...kept, ...change });
  const setRing = (index: number, ring: RingForm): void =>
    set({ rings: form.rings.map((other, at) => (at === index ? ring : other)) });
  return (
    <SpaceBetween size="l">
      <Frame
        description={`${WHAT}. Whom no ring claims belongs to the last.`}
        actions={
          <Button formAction="none" onClick={() => onChange(undefined)}>
            No rings
          </Button>
        }
      >
        <SpaceBetween size="m">
          <ColumnLayout columns={2}>
            <FormField label="When a gate fails">
              <SegmentedControl
                label="When a gate fails"
                selectedId={form.onGateFailed}
                options={[
                  { id: "Pause", text: "Pause for a decision", disabled: isDraft },
                  { id: "Stop", text: "Stop", disabled: isDraft },
                ]}
                onChange={({ detail }) => set({ onGateFailed: detail.selectedId === "Stop" ? "Stop" : "Pause" })}
              />
            </FormField>
            <FormField
              label="Ends after (hours)"
              constraintText="What has not begun by then never does. Default: 168"
              errorText={problem("endsAfterHours")}
            >
              <Input
                value={form.endsAfterHours}
                disabled={isDraft}
                inputMode="numeric"
                placeholder="168"
                onChange={({ detail }) => set({ endsAfterHours: detail.value })}
              />
            </FormField>
          </ColumnLayout>
          <Budgets form={form} set={set} problem={problem} isDisabled={isDraft} />
          <ExpandableSection headerText="The plan as JSON" {...(isDraft ? { expanded: true } : {})}>
            <FormField
              label="Plan"
              description="As `fettle patch now --rings` takes it. Changes here change the form."
              errorText={problem("draft")}
            >
              <Textarea
                value={toText(form)}
                rows={14}
                spellcheck={false}
                onChange={({ detail }) => onChange(fromText(detail.value, kept))}
              />
            </FormField>
          </ExpandableSection>
        </SpaceBetween>
      </Frame>
      {isDraft
        ? null
        : form.rings.map((ring, index) => (
            <Ring
              key={index}
              number={index + 1}
              isLast={index === form.rings.length - 1}
              ring={ring}
              problem={(field) => problem(`rings.${index}.${field}`)}
              onChange={(next) => setRing(index, next)}
              onMove={index === 0 ? undefined : () => set({ rings: swapped(form.rings, index) })}
              onRemove={() => set({ rings: form.rings.filter((__, at) => at !== index) })}
            />
          ))}
      {isDraft ? null : (
        <Button
          formAction="none"
          disabled={form.rings.length >= 20}
          onClick={() => set({ rings: withRing(form.rings) })}
        >
          Add ring
        </Button>
      )}
    </SpaceBetween>
  );
}

interface FrameProps {
  readonly description: string;
  readonly actions: ReactNode;
  readonly children: ReactNode;
}

function Frame({ description, actions, children }: FrameProps) {
  return (
    <Container
      header={
        <Header variant="h2" description={description} actions={actions}>
          Rings
        </Header>
      }
    >
      {children}
    </Container>
  );
}

/** Before the one that takes the rest, which stays the last. */
function withRing(rings: readonly RingForm[]): RingForm[] {
  const last = rings.at(-1);
  return last?.by === "rest" ? [...rings.slice(0, -1), NEW_RING, last] : [...rings, NEW_RING];
}

function swapped(rings: readonly RingForm[], index: number): RingForm[] {
  const next = [...rings];
  next.splice(index - 1, 0, ...next.splice(index, 1));
  return next;
}

interface BudgetsProps {
  readonly form: PlanForm;
  readonly set: (change: Partial<PlanForm>) => void;
  readonly problem: (place: string) => string | undefined;
  readonly isDisabled: boolean;
}

function Budgets({ form, set, problem, isDisabled }: BudgetsProps) {
  const change = (index: number, part: Partial<PlanForm["budgets"][number]>): void =>
    set({ budgets: form.budgets.map((budget, at) => (at === index ? { ...budget, ...part } : budget)) });
  return (
    <FormField
      label="Budgets"
      description="How many nodes with the same value of a tag may be at work at once, in all rollouts together"
      errorText={problem("budgets")}
      stretch
    >
      <SpaceBetween size="xs">
        {form.budgets.map(({ tagKey, limit }, index) => (
          <ColumnLayout key={index} columns={3}>
            <FormField label="Tag" errorText={problem(`budgets.${index}.tagKey`)}>
              <Input
                value={tagKey}
                disabled={isDisabled}
                placeholder="cluster"
                onChange={({ detail }) => change(index, { tagKey: detail.value })}
              />
            </FormField>
            <FormField label="At once" errorText={problem(`budgets.${index}.limit`)}>
              <Input
                value={limit}
                disabled={isDisabled}
                placeholder="1"
                onChange={({ detail }) => change(index, { limit: detail.value })}
              />
            </FormField>
            <FormField label={<>&nbsp;</>}>
              <Button
                formAction="none"
                iconName="remove"
                disabled={isDisabled}
                ariaLabel={`Remove budget ${index + 1}`}
                onClick={() => set({ budgets: form.budgets.filter((__, at) => at !== index) })}
              />
            </FormField>
          </ColumnLayout>
        ))}
        <Button
          formAction="none"
          disabled={isDisabled || form.budgets.length >= 5}
          onClick={() => set({ budgets: [...form.budgets, { tagKey: "", limit: "" }] })}
        >
          Add budget
        </Button>
      </SpaceBetween>
    </FormField>
  );
}

interface RingProps {
  readonly number: number;
  readonly isLast: boolean;
  readonly ring: RingForm;
  readonly problem: (field: string) => string | undefined;
  readonly onChange: (ring: RingForm) => void;
  readonly onMove: (() => void) | undefined;
  readonly onRemove: () => void;
}

const RING_NODES: readonly RingNodes[] = ["percent", "targets", "rest"];
const RING_NODES_TEXT: Record<RingNodes, string> = { percent: "A share", targets: "Targets", rest: "The rest" };

function nodesOption(by: RingNodes, isLast: boolean): SelectProps.Option {
  const refused = by === "rest" && !isLast;
  return {
    value: by,
    label: RING_NODES_TEXT[by],
    ...(refused ? { disabled: true, disabledReason: "Only the last ring may take the rest" } : {}),
  };
}

type Typed = Exclude<{ [K in keyof RingForm]: RingForm[K] extends string ? K : never }[keyof RingForm], "by">;

function Ring({ number, isLast, ring, problem, onChange, onMove, onRemove }: RingProps) {
  const set = (change: Partial<RingForm>): void => onChange({ ...ring, ...change });
  const field = (name: Typed, label: string, placeholder: string, hint?: string) => (
    <FormField label={label} errorText={problem(name)} {...(hint === undefined ? {} : { constraintText: hint })}>
      <Input value={ring[name]} placeholder={placeholder} onChange={({ detail }) => set({ [name]: detail.value })} />
    </FormField>
  );
  return (
    <Container
      header={
        <Header
          variant="h3"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              {onMove === undefined ? null : (
                <Button formAction="none" iconName="angle-up" ariaLabel={`Move ring ${number} up`} onClick={onMove} />
              )}
              <Button formAction="none" iconName="remove" ariaLabel={`Remove ring ${number}`} onClick={onRemove} />
            </SpaceBetween>
          }
        >
          {`Ring ${number}${ring.name === "" ? "" : `: ${ring.name}`}`}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <ColumnLayout columns={3}>
          {field("name", "Name", "canary")}
          <FormField label="Nodes" errorText={problem("by")}>
            <Select
              selectedOption={nodesOption(ring.by, isLast)}
              options={RING_NODES.map((by) => nodesOption(by, isLast))}
              onChange={({ detail }) => set({ by: detail.selectedOption.value as RingNodes })}
            />
          </FormField>
          {ring.by === "percent" ? field("percent", "Share of all nodes (%)", "5", "The same nodes every time") : null}
        </ColumnLayout>
        {ring.by === "targets" ? (
          <TargetsChoice
            form={ring.targets}
            kept={ring.keptTargets}
            showProblem={problem("targets") !== undefined}
            onChange={(targets) => set({ targets })}
          />
        ) : null}
        <ColumnLayout columns={3}>
          {field("concurrency", "At the same time", "as ordered", "Nodes, or a share of the ring")}
          {field("waitHours", "Waits for offline nodes (hours)", "24")}
          {field("soakMinutes", "Soaks (minutes)", "0", "Before its evidence is looked at")}
        </ColumnLayout>
        <ExpandableSection
          headerText={isLast ? "What it must show" : "What must hold before the next ring"}
          defaultExpanded={number === 1}
        >
          <SpaceBetween size="m">
            <ColumnLayout columns={3}>
              {field("maxFailures", "Nodes that may fail", "any")}
              {field("maxFailurePercent", "Failure rate of at most (%)", "any", "Shown by its upper bound")}
              {field("confidence", "Sure to (%)", "95")}
              {field("probe", "Probe", "none", "A Command document that must succeed")}
              {field("probeFailures", "Nodes on which it may fail", "0")}
              {field("maxFailedUnits", "systemd units that may fail", "any")}
            </ColumnLayout>
            <Checkbox checked={ring.nodesBack} onChange={({ detail }) => set({ nodesBack: detail.checked })}>
              Every node that succeeded is back, with no restart outstanding
            </Checkbox>
            <FormField errorText={problem("approval")}>
              <Checkbox
                checked={ring.approval}
                disabled={isLast && !ring.approval}
                onChange={({ detail }) => set({ approval: detail.checked })}
              >
                Somebody must approve it
              </Checkbox>
            </FormField>
          </SpaceBetween>
        </ExpandableSection>
      </SpaceBetween>
    </Container>
  );
}
