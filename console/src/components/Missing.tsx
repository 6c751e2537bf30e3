// What an address names is not there.

import Alert from "@cloudscape-design/components/alert";

import { Link } from "./Link";

export function Missing({ what, list }: { readonly what: string; readonly list: string }) {
  return (
    <Alert type="info" header={`${what} is not here`}>
      It may have been deleted, or belong to another account or region. <Link to={list}>Back to the list</Link>
    </Alert>
  );
}
