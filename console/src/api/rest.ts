// Services that name an operation by its method and path.

import type { Call, Service } from "./call";
import { signedHeaders } from "./signed";
import { exchange } from "./wire";

interface Shape {
  readonly method: string;
  /** Names members of the input in braces; what is in neither path nor query is the body. */
  readonly path: string;
  /** Members with their names in the query. */
  readonly query?: Readonly<Record<string, string>>;
}

export function rest<I extends object, O>(
  service: Service,
  operation: string,
  { method, path, query: names = {} }: Shape,
): Call<I, O> {
  return {
    service,
    operation,
    run: async (input, signal) => {
      const body = { ...input } as Record<string, unknown>;
      const taken = (name: string): unknown => {
        const value = body[name];
        delete body[name];
        return value;
      };
      const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
        const value = taken(name);
        return encodeURIComponent(typeof value === "string" ? value : "");
      });
      const query: Record<string, string> = {};
      for (const [member, name] of Object.entries(names)) {
        const value = taken(member);
        if (typeof value === "string" || typeof value === "number") query[name] = String(value);
      }
      const text = method === "GET" || method === "DELETE" ? "" : JSON.stringify(body);
      const headers: Record<string, string> = text === "" ? {} : { "content-type": "application/json" };
      const sent = await signedHeaders({ service, method, path: filled, query, headers, body: text });
      const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
      const address = pairs.length === 0 ? filled : `${filled}?${pairs.join("&")}`;
      return exchange<O>(operation, { headers: sent, body: text, method, path: address }, signal);
    },
  };
}
