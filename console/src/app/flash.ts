// The messages at the top of the page. They outlive the page that made them.

export interface FlashMessage {
  readonly type: "success" | "error" | "warning" | "info";
  readonly header?: string;
  readonly content: string;
}

export interface ShownMessage extends FlashMessage {
  readonly id: string;
}

/** Older ones make room: nobody reads a tower of them. */
const MOST = 4;
/** What went well needs no answer. */
const SUCCESS_MS = 8000;

let shown: readonly ShownMessage[] = [];
let count = 0;
const listeners = new Set<() => void>();

function become(next: readonly ShownMessage[]): void {
  shown = next;
  for (const listener of listeners) listener();
}

export function flash(message: FlashMessage): void {
  count += 1;
  const others = shown.filter((other) => other.content !== message.content || other.header !== message.header);
  const id = `flash-${count}`;
  become([{ ...message, id }, ...others].slice(0, MOST));
  if (message.type === "success") setTimeout(() => dismiss(id), SUCCESS_MS);
}

export function dismiss(id: string): void {
  become(shown.filter((message) => message.id !== id));
}

export function flashes(): readonly ShownMessage[] {
  return shown;
}

export function onFlash(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
