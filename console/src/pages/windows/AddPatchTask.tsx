// Has a window patch: registers the nodes, and a task that scans them or installs.

import Button from "@cloudscape-design/components/button";
import ColumnLayout from "@cloudscape-design/components/column-layout";
import Container from "@cloudscape-design/components/container";
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { useState } from "react";

import { CallError } from "../../api/errors";
import { registerTarget, registerTask } from "../../api/windows";
import { useAction } from "../../api/use";
import { TargetsEditor } from "../../components/TargetsEditor";
import { limitProblem, NO_TARGETS, targetsProblem, toTargets } from "../../logic/targets";
import type { TargetsForm } from "../../logic/targets";
import { resourceTypeOf, windowTargetKinds } from "../../logic/window";

const OPERATIONS = [
  { value: "Scan", label: "Scan" },
  { value: "Install", label: "Scan and install" },
];

export function AddPatchTask({ id }: { readonly id: string }) {
  const [targets, setTargets] = useState<TargetsForm>({ ...NO_TARGETS, by: "tag" });
  const [operation, setOperation] = useState("Install");
  const [concurrency, setConcurrency] = useState("10%");
  const [errors, setErrors] = useState("5%");
  const [tried, setTried] = useState(false);
  const target = useAction(registerTarget);
  const task = useAction(registerTask, { done: () => "The window patches these nodes from now on." });
  const broken = targetsProblem(targets) ?? limitProblem(concurrency, false) ?? limitProblem(errors, true);
  const add = async (): Promise<void> => {
    setTried(true);
    if (broken !== undefined) return;
    try {
      const { WindowTargetId = "" } = await target.mutateAsync({
        WindowId: id,
        ResourceType: resourceTypeOf(targets),
        Targets: toTargets(targets),
      });
      await task.mutateAsync({
        WindowId: id,
        TaskType: "RUN_COMMAND",
        TaskArn: "AWS-RunPatchBaseline",
        Targets: [{ Key: "WindowTargetIds", Values: [WindowTargetId] }],
        MaxConcurrency: concurrency,
        MaxErrors: errors,
        TaskInvocationParameters: { RunCommand: { Parameters: { Operation: [operation] } } },
      });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
    }
  };
  return (
    <Container>
      <SpaceBetween size="m">
        <TargetsEditor form={targets} kinds={windowTargetKinds(undefined)} showProblem={tried} onChange={setTargets} />
        <ColumnLayout columns={3}>
          <FormField label="Operation">
            <Select
              selectedOption={OPERATIONS.find((option) => option.value === operation) ?? null}
              options={OPERATIONS}
              onChange={({ detail }) => setOperation(detail.selectedOption.value ?? "Scan")}
            />
          </FormField>
          <FormField label="At the same time" errorText={limitProblem(concurrency, false)}>
            <Input value={concurrency} onChange={({ detail }) => setConcurrency(detail.value)} />
          </FormField>
          <FormField label="Error threshold" errorText={limitProblem(errors, true)}>
            <Input value={errors} onChange={({ detail }) => setErrors(detail.value)} />
          </FormField>
        </ColumnLayout>
        <Button variant="primary" loading={target.isPending || task.isPending} onClick={() => void add()}>
          Add target and task
        </Button>
      </SpaceBetween>
    </Container>
  );
}
