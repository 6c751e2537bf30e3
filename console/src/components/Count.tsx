// A number that opens the rows behind it.

import Box from "@cloudscape-design/components/box";

import { Link } from "./Link";
import { Status } from "./Status";

interface Props {
  readonly status?: string | undefined;
  readonly label: string;
  readonly value: number;
  readonly to: string;
}

/** Of none there is nothing to be alarmed by, or content with: it has no state's colour. */
export function CountLabel({ status, label, value }: Pick<Props, "status" | "label" | "value">) {
  if (status === undefined) return <>{label}</>;
  return value === 0 ? (
    <Box variant="span" color="text-status-inactive">
      {label}
    </Box>
  ) : (
    <Status status={status} text={label} />
  );
}

export function Count({ status, label, value, to }: Props) {
  return (
    <div>
      <Box variant="awsui-key-label">
        <CountLabel status={status} label={label} value={value} />
      </Box>
      <Link to={to} large label={`${label}: ${value.toLocaleString()}`}>
        {value.toLocaleString()}
      </Link>
    </div>
  );
}
