// A number that opens the rows behind it.

import Box from "@cloudscape-design/components/box";

import { Link } from "./Link";
import { Status } from "./Status";

interface Props {
  readonly status?: string;
  readonly label: string;
  readonly value: number;
  readonly to: string;
}

export function Count({ status, label, value, to }: Props) {
  return (
    <div>
      <Box variant="awsui-key-label">{status === undefined ? label : <Status status={status} text={label} />}</Box>
      <Link to={to} large label={`${label}: ${value.toLocaleString()}`}>
        {value.toLocaleString()}
      </Link>
    </div>
  );
}
