// What somebody types, once they have stopped for a moment.

import { useEffect, useState } from "react";

/** `key` tells values apart. */
export function useSettled<T>(value: T, key: string, milliseconds: number): { value: T; isSettled: boolean } {
  const [settled, setSettled] = useState({ value, key });
  useEffect(() => {
    if (settled.key === key) return undefined;
    const timer = setTimeout(() => setSettled({ value, key }), milliseconds);
    return () => clearTimeout(timer);
  }, [key, milliseconds, settled.key, value]);
  return { value: settled.value, isSettled: settled.key === key };
}
