// Parameter Store: the parameters, filtered by the server; with a label, the versions that have it.

import PropertyFilter from "@cloudscape-design/components/property-filter";
import type { PropertyFilterProps } from "@cloudscape-design/components/property-filter";

import { replace, usePlace } from "../../app/place";
import { hasLabel, parameterProperties, parameterQuery, parameterTokens } from "../../logic/parameterFilters";
import { LabelledList } from "./LabelledList";
import { ParameterList } from "./ParameterList";

export default function ParametersPage() {
  const { query } = usePlace();
  const tokens = parameterTokens(query);
  const show = (next: URLSearchParams): void => replace(`/parameters?${next.toString()}`);
  const properties = parameterProperties(query);
  const filter = (
    <PropertyFilter
      query={{
        tokens: tokens.map(({ propertyKey, operator, value }) => ({
          operator,
          value,
          ...(propertyKey === undefined ? {} : { propertyKey }),
        })),
        operation: "and",
      }}
      onChange={({ detail }) =>
        show(
          parameterQuery(
            detail.tokens.map((token) => ({ ...token, value: String(token.value) })),
            query,
          ),
        )
      }
      hideOperations
      freeTextFiltering={{ operators: [":"] }}
      filteringPlaceholder="Filter by name, path, type, tier, label, data type, tag, or find a name"
      filteringAriaLabel="Filter parameters"
      filteringProperties={properties.map(({ key, label, operators }) => ({
        key,
        propertyLabel: label,
        groupValuesLabel: `${label} values`,
        operators: [...operators] as PropertyFilterProps.ComparisonOperator[],
        defaultOperator: operators[0] as PropertyFilterProps.ComparisonOperator,
      }))}
      filteringOptions={properties.flatMap(({ key, values }) => values.map((value) => ({ propertyKey: key, value })))}
    />
  );
  const list = { tokens, filter, onClear: () => show(parameterQuery([], query)) };
  return hasLabel(tokens) ? <LabelledList {...list} /> : <ParameterList {...list} />;
}
