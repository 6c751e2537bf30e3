// Create or change a configuration: the form of its type, which says what is wrong once somebody has tried, and the
// calls that save it.

import { useState } from "react";
import type { ComponentType } from "react";

import type { Call } from "../../api/call";
import type { ConfigurationInput, DefinitionKey } from "../../api/quickSetup";
import { useAction } from "../../api/use";
import { go, href } from "../../app/place";
import { FormPage } from "../../components/FormPage";
import { pageOf, savingRequest } from "../../logic/quickSetup";
import type { Kind, NameForm } from "../../logic/quickSetup";

export interface Fields<F> {
  readonly form: F;
  readonly set: (change: Partial<F>) => void;
  /** By place, once somebody has tried. */
  readonly problem: (place: string) => string | undefined;
  readonly tried: boolean;
}

/** What a type of configuration has of its own. */
export interface FormKind<F, I, K> {
  readonly kind: Kind;
  readonly problemsOf: (form: F) => Record<string, string>;
  readonly inputOf: (form: F) => I;
  readonly create: Call<I, { ManagerArn: string }>;
  readonly update: Call<I & K, object>;
  readonly Fields: ComponentType<Fields<F>>;
}

interface Props<F, I, K> {
  readonly form: FormKind<F, I, K>;
  readonly initial: F;
  /** The definition that is changed; nothing: one is created. */
  readonly of: K | undefined;
}

export function ManagerForm<F extends NameForm, I extends ConfigurationInput, K extends DefinitionKey>({
  form: formKind,
  initial,
  of,
}: Props<F, I, K>) {
  const { kind, Fields } = formKind;
  const [form, setForm] = useState(initial);
  const [tried, setTried] = useState(of !== undefined);
  const problems = formKind.problemsOf(form);
  const input = formKind.inputOf(form);
  const back = of === undefined ? href(kind.path) : pageOf(kind, of.ManagerArn);
  const create = useAction(formKind.create, {
    done: () => `${form.name} is created.`,
    onDone: ({ ManagerArn }) => go(pageOf(kind, ManagerArn)),
  });
  const update = useAction(formKind.update, { done: () => `${form.name} is saved.`, onDone: () => go(back) });
  const isWrong = Object.keys(problems).length > 0;
  const submit = (): void => {
    setTried(true);
    if (isWrong) return;
    if (of === undefined) create.mutate(input);
    else update.mutate({ ...input, ...of });
  };
  return (
    <FormPage
      title={of === undefined ? `Create ${kind.what}` : `Edit ${initial.name}`}
      submit={of === undefined ? `Create ${kind.what}` : "Save"}
      onSubmit={submit}
      busy={create.isPending || update.isPending}
      disabled={tried && isWrong}
      back={back}
      request={savingRequest(kind, input.Name, input.Parameters, of)}
    >
      <Fields
        form={form}
        set={(change) => setForm({ ...form, ...change })}
        problem={(place) => (tried ? problems[place] : undefined)}
        tried={tried}
      />
    </FormPage>
  );
}
