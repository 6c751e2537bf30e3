// The wizard: what to do, on which nodes, how fast, and a last look before it starts.

import Alert from "@cloudscape-design/components/alert";
import Checkbox from "@cloudscape-design/components/checkbox";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import RadioGroup from "@cloudscape-design/components/radio-group";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Tiles from "@cloudscape-design/components/tiles";
import Wizard from "@cloudscape-design/components/wizard";
import { useState } from "react";

import { startPatchNow } from "../../api/patchNow";
import { useAction } from "../../api/use";
import { flash } from "../../app/flash";
import { go, href, part, usePlace } from "../../app/place";
import { CopyCommand } from "../../components/CopyCommand";
import { RingsEditor } from "../../components/RingsEditor";
import { Targets } from "../../components/Targets";
import { TargetsEditor } from "../../components/TargetsEditor";
import { orderProblems, toOrder } from "../../logic/patchNowOrder";
import type { OrderForm } from "../../logic/patchNowOrder";
import { NO_TARGETS } from "../../logic/targets";
import { PlanBefore } from "./PlanBefore";

const STEPS = { operation: 0, targets: 1, rate: 2, review: 3 } as const;

export default function PatchNowStartPage() {
  const { query } = usePlace();
  const [step, setStep] = useState(0);
  const [tried, setTried] = useState(false);
  const [form, setForm] = useState<OrderForm>(() => ({
    operation: query.get("operation") === "Install" ? "Install" : "Scan",
    reboot: "RebootIfNeeded",
    rebootAt: "",
    restartServices: false,
    targets: {
      ...NO_TARGETS,
      nodes: query.get("nodes") ?? "",
      ...(query.get("group") === null ? {} : { by: "group", group: query.get("group") ?? "" }),
    },
    concurrency: "",
    errors: "",
    preHook: "",
    postHook: "",
    exitHook: "",
    rings: undefined,
  }));
  const set = (change: Partial<OrderForm>): void => setForm({ ...form, ...change });
  const problems = orderProblems(form);
  const start = useAction(startPatchNow, {
    done: (output) =>
      `${output.PatchNow.Order.Operation} runs on ${output.PatchNow.TargetCount} ${output.PatchNow.TargetCount === 1 ? "node" : "nodes"}.`,
    onDone: (output) => {
      for (const { InstanceId, PatchPolicyName } of output.Excluded) {
        flash({
          type: "warning",
          content: `${InstanceId} is left out: the patch policy ${PatchPolicyName} patches it.`,
        });
      }
      go(href(`/patch-now/${part(output.PatchNow.PatchNowId)}`));
    },
  });
  const order = toOrder(form);
  const wrongIn: Record<number, readonly string[]> = {
    [STEPS.operation]: ["rebootAt", "preHook", "postHook", "exitHook"],
    [STEPS.targets]: ["targets"],
    [STEPS.rate]: ["concurrency", "errors", "rings"],
  };
  const isWrong = (at: number): boolean => (wrongIn[at] ?? []).some((place) => problems[place] !== undefined);

  return (
    <Wizard
      i18nStrings={{
        stepNumberLabel: (number) => `Step ${number}`,
        collapsedStepsLabel: (number, count) => `Step ${number} of ${count}`,
        skipToButtonLabel: (target) => `Skip to ${target.title}`,
        navigationAriaLabel: "Steps",
        cancelButton: "Cancel",
        previousButton: "Previous",
        nextButton: "Next",
        submitButton: form.operation === "Scan" ? "Scan now" : "Install now",
        optional: "optional",
      }}
      activeStepIndex={step}
      isLoadingNextStep={start.isPending}
      onCancel={() => go(href("/patch-now"))}
      onNavigate={({ detail }) => {
        const leaves = detail.requestedStepIndex > step;
        setTried(leaves && isWrong(step));
        if (!leaves || !isWrong(step)) setStep(detail.requestedStepIndex);
      }}
      onSubmit={() => start.mutate({ Order: order })}
      steps={[
        { title: "Operation", content: <Operation form={form} set={set} problems={tried ? problems : {}} /> },
        {
          title: "Targets",
          content: (
            <Container>
              <TargetsEditor form={form.targets} showProblem={tried} onChange={(targets) => set({ targets })} />
            </Container>
          ),
        },
        {
          title: form.operation === "Install" ? "Rate and rings" : "Rate",
          isOptional: true,
          content: <Rate form={form} set={set} problems={problems} />,
        },
        {
          title: "Review",
          content: (
            <SpaceBetween size="l">
              {form.operation === "Install" ? (
                <Alert type="warning">
                  This installs what the baselines of these nodes approve
                  {form.reboot === "NoReboot" ? "; nothing is restarted." : ", and restarts nodes that need it."}
                </Alert>
              ) : null}
              <Container
                header={
                  <Header
                    variant="h2"
                    actions={
                      <CopyCommand
                        requests={[{ service: "fettle", operation: "StartPatchNow", input: { Order: order } }]}
                      />
                    }
                  >
                    Order
                  </Header>
                }
              >
                <KeyValuePairs
                  columns={3}
                  items={[
                    { label: "Operation", value: form.operation === "Scan" ? "Scan" : "Scan and install" },
                    {
                      label: "Targets",
                      value: <Targets of={order.Targets} />,
                    },
                    {
                      label: "Restart",
                      value:
                        form.operation === "Scan"
                          ? "never"
                          : form.reboot === "at"
                            ? `at ${form.rebootAt}`
                            : form.reboot === "NoReboot"
                              ? "never"
                              : "where needed",
                    },
                    {
                      label: "At the same time",
                      value: form.concurrency === "" ? "as many as the server chooses" : form.concurrency,
                    },
                    {
                      label: "Rings",
                      value: (order.Rollout?.Rings ?? []).map((ring) => ring.Name).join(" → ") || "none",
                    },
                    {
                      label: "Stops after errors on",
                      value: form.errors === "" ? "as many as the server chooses" : form.errors,
                    },
                  ]}
                />
              </Container>
              {form.operation === "Install" && form.targets.by === "nodes" ? (
                <PlanBefore nodes={order.Targets[0]?.Values ?? []} />
              ) : null}
            </SpaceBetween>
          ),
        },
      ]}
    />
  );
}

interface StepProps {
  readonly form: OrderForm;
  readonly set: (change: Partial<OrderForm>) => void;
  readonly problems: Readonly<Record<string, string>>;
}

function Operation({ form, set, problems }: StepProps) {
  return (
    <SpaceBetween size="l">
      <Tiles
        ariaLabel="Operation"
        value={form.operation}
        items={[
          { value: "Scan", label: "Scan", description: "Looks what is missing. Changes nothing." },
          { value: "Install", label: "Scan and install", description: "Installs what each node's baseline approves." },
        ]}
        onChange={({ detail }) => set({ operation: detail.value === "Install" ? "Install" : "Scan" })}
      />
      {form.operation === "Install" ? (
        <>
          <Container header={<Header variant="h2">Restart</Header>}>
            <SpaceBetween size="s">
              <RadioGroup
                ariaLabel="Restart"
                value={form.reboot}
                items={[
                  { value: "RebootIfNeeded", label: "Restart nodes that need it" },
                  { value: "NoReboot", label: "Do not restart" },
                  { value: "at", label: "Restart nodes that need it at a time" },
                ]}
                onChange={({ detail }) => set({ reboot: detail.value as OrderForm["reboot"] })}
              />
              {form.reboot === "at" ? (
                <FormField
                  label="Time"
                  errorText={problems["rebootAt"]}
                  constraintText="03:00 by each node's clock, or 2026-01-31T03:00:00Z"
                >
                  <Input value={form.rebootAt} onChange={({ detail }) => set({ rebootAt: detail.value })} />
                </FormField>
              ) : null}
              <Checkbox
                checked={form.restartServices}
                onChange={({ detail }) => set({ restartServices: detail.checked })}
              >
                Restart services that run replaced files where the node itself is not restarted
              </Checkbox>
            </SpaceBetween>
          </Container>
          <Container
            header={
              <Header variant="h2" description="Documents that run around the installation">
                Hooks
              </Header>
            }
          >
            <ColumnLayout columns={3}>
              <FormField label="Before" errorText={problems["preHook"]}>
                <Input value={form.preHook} onChange={({ detail }) => set({ preHook: detail.value })} />
              </FormField>
              <FormField label="After" errorText={problems["postHook"]}>
                <Input value={form.postHook} onChange={({ detail }) => set({ postHook: detail.value })} />
              </FormField>
              <FormField label="At the end" errorText={problems["exitHook"]}>
                <Input value={form.exitHook} onChange={({ detail }) => set({ exitHook: detail.value })} />
              </FormField>
            </ColumnLayout>
          </Container>
        </>
      ) : null}
    </SpaceBetween>
  );
}

function Rate({ form, set, problems }: StepProps) {
  return (
    <SpaceBetween size="l">
      <Container>
        <ColumnLayout columns={2}>
          <FormField
            label="At the same time"
            description="How many nodes, or which share of them"
            errorText={problems["concurrency"]}
          >
            <Input
              value={form.concurrency}
              placeholder="10%"
              onChange={({ detail }) => set({ concurrency: detail.value })}
            />
          </FormField>
          <FormField
            label="Error threshold"
            description="Stops when it failed on more nodes than this"
            errorText={problems["errors"]}
          >
            <Input value={form.errors} placeholder="5%" onChange={({ detail }) => set({ errors: detail.value })} />
          </FormField>
        </ColumnLayout>
      </Container>
      {form.operation === "Install" ? <RingsEditor form={form.rings} onChange={(rings) => set({ rings })} /> : null}
    </SpaceBetween>
  );
}
