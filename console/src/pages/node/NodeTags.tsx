// The tags of a node: what targets, patch groups and filters go by.

import { ResourceTags } from "../../components/ResourceTags";

export function NodeTags({ id }: { readonly id: string }) {
  return <ResourceTags type="ManagedInstance" id={id} what="node" example="PatchGroup" />;
}
