// A page about one configuration: what can be done with it, and whether it could be deployed; what it is comes below.

import Alert from "@cloudscape-design/components/alert";
import Button from "@cloudscape-design/components/button";
import type { ReactNode } from "react";

import { listAssociations } from "../../api/associations";
import type { Request } from "../../api/call";
import { deleteManager, deploymentOf, isBusy, listConfigurations } from "../../api/quickSetup";
import type { Manager } from "../../api/quickSetup";
import { useAction, useLastLook } from "../../api/use";
import { go, href } from "../../app/place";
import { Confirm } from "../../components/Confirm";
import { DetailPage } from "../../components/DetailPage";
import { pageOf } from "../../logic/quickSetup";
import type { Kind } from "../../logic/quickSetup";

interface Props {
  readonly kind: Kind;
  readonly manager: Manager;
  readonly title: string;
  readonly requests?: readonly Request[];
  /** What its deletion comes to. */
  readonly loss: string;
  readonly children: ReactNode;
}

export function ManagerDetail({ kind, manager, title, requests = [], loss, children }: Props) {
  const arn = manager.ManagerArn;
  const busy = isBusy(manager);
  const deployment = deploymentOf(manager);
  const others = (manager.ConfigurationDefinitions ?? []).length - 1;
  // What it runs is there once it is deployed.
  useLastLook(!busy, listConfigurations);
  useLastLook(!busy, listAssociations);
  const remove = useAction(deleteManager, {
    done: () => `${title} is being deleted.`,
    onDone: () => go(href(kind.path)),
  });
  return (
    <DetailPage
      title={title}
      id={arn}
      requests={[
        { service: "ssm-quicksetup", operation: "GetConfigurationManager", input: { ManagerArn: arn } },
        ...requests,
        { service: "ssm-quicksetup", operation: "DeleteConfigurationManager", input: { ManagerArn: arn } },
      ]}
      actions={
        <>
          <Button disabled={busy} href={`${pageOf(kind, arn)}/edit`}>
            Edit
          </Button>
          <Confirm
            label="Delete"
            title={`Delete ${title}?`}
            disabled={busy}
            onConfirm={() => remove.mutate({ ManagerArn: arn })}
          >
            {loss}
            {others > 0 ? ` Its manager goes with everything in it: ${others} more of other types.` : ""}
          </Confirm>
        </>
      }
    >
      {deployment?.Status === "FAILED" ? (
        <Alert type="error" header="The deployment failed">
          {deployment.StatusMessage ?? "The server did not say why."}
        </Alert>
      ) : null}
      {children}
    </DetailPage>
  );
}
