// Ids as they are read.

/** A predefined baseline is known by its ARN; its id is the end of it. */
export function shortBaselineId(id: string): string {
  return id.startsWith("arn:") ? id.slice(id.lastIndexOf("/") + 1) : id;
}

/** Who an ARN names, without its account: `root`, `user/ada`. */
export function nameOfArn(arn: string | undefined): string {
  return arn === undefined ? "–" : arn.split(":").slice(5).join(":") || arn;
}
