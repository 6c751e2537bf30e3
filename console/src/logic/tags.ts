// What has to be asked of the server so that its tags are those of a form.

interface AnyTag {
  readonly Key?: string | undefined;
  readonly Value?: string | undefined;
}

export function tagChanges(
  before: readonly AnyTag[],
  after: readonly AnyTag[],
): { set: { Key: string; Value: string }[]; removed: string[] } {
  const known = new Map(before.map((tag) => [tag.Key ?? "", tag.Value ?? ""]));
  const wanted = new Map(after.filter((tag) => (tag.Key ?? "") !== "").map((tag) => [tag.Key ?? "", tag.Value ?? ""]));
  return {
    set: [...wanted].filter(([key, value]) => known.get(key) !== value).map(([Key, Value]) => ({ Key, Value })),
    removed: [...known.keys()].filter((key) => !wanted.has(key)),
  };
}

/** Nothing where there are none. */
export function tagsText(tags: readonly AnyTag[] | undefined): string | undefined {
  return tags?.map(({ Key = "", Value = "" }) => `${Key}=${Value}`).join(", ") || undefined;
}
