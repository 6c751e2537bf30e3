// A filter of a list that is kept in the address.

import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import PropertyFilter from "@cloudscape-design/components/property-filter";

import { href, replace, usePlace } from "../app/place";
import { filterQuery, filterTokens } from "../logic/addressFilter";
import type { FilterKey } from "../logic/addressFilter";

interface Props {
  readonly keys: readonly FilterKey[];
  /** Of which the list is, as sentences call more than one. */
  readonly what: string;
  readonly placeholder: string;
}

export function AddressFilter({ keys, what, placeholder }: Props) {
  const { path, query } = usePlace();
  return (
    <PropertyFilter
      query={{ tokens: filterTokens(keys, query), operation: "and" }}
      onChange={({ detail }) => {
        const tokens = detail.tokens.map(({ propertyKey, value }) => ({ propertyKey, value: String(value) }));
        replace(`${path}?${filterQuery(keys, tokens).toString()}`);
      }}
      hideOperations
      filteringPlaceholder={placeholder}
      filteringAriaLabel={`Filter ${what}`}
      filteringProperties={keys.map(({ key, label }) => ({
        key,
        propertyLabel: label,
        groupValuesLabel: `${label} values`,
        operators: ["="],
      }))}
      filteringOptions={keys.flatMap(({ key, values = [] }) => values.map((value) => ({ propertyKey: key, value })))}
    />
  );
}

/** What a list says that its filter has emptied. */
export function NothingMatches({ words }: { readonly words: string }) {
  const { path } = usePlace();
  return (
    <Box>
      <Box variant="p">{words}</Box>
      <Button onClick={() => replace(href(path))}>Clear the filter</Button>
    </Box>
  );
}
