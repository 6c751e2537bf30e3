// One of some values, or any of them: a filter of a list.

import Select from "@cloudscape-design/components/select";

interface Props {
  readonly label: string;
  /** What stands for no choice. */
  readonly any: string;
  readonly value: string;
  /** With the words for them. */
  readonly values: readonly (readonly [value: string, words: string])[];
  readonly onChange: (value: string | undefined) => void;
}

export function Choice({ label, any, value, values, onChange }: Props) {
  const all = { value: "", label: any };
  const options = [all, ...values.map(([one, words]) => ({ value: one, label: words }))];
  // An address may name a value that is not offered.
  const chosen = options.find((option) => option.value === value) ?? { value, label: value };
  return (
    <Select
      ariaLabel={label}
      selectedOption={chosen}
      options={options}
      onChange={({ detail }) => onChange(detail.selectedOption.value)}
    />
  );
}
