// All pages of a list, one after the other.

import type { Call } from "../api/call";

/** An export stops here: whoever wants more takes the API. */
const MOST_PAGES = 4000;

export async function everyPage<
  I extends { NextToken?: string | undefined },
  O extends { NextToken?: string | undefined },
  T,
>(call: Call<I, O>, input: I, items: (output: O) => readonly T[] | undefined): Promise<T[]> {
  const found: T[] = [];
  let token: string | undefined;
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const output = await call.run(token === undefined ? input : { ...input, NextToken: token });
    found.push(...(items(output) ?? []));
    token = output.NextToken;
    if (token === undefined || token === "") break;
  }
  return found;
}
