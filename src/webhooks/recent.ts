/** Values by name, as many as there is room for: the one that was used least recently makes room. */
export type Recent<T> = {
  get(name: string): T | undefined;
  set(name: string, value: T): void;
  remove(name: string): void;
};

export function createRecent<T>(capacity: number): Recent<T> {
  const values = new Map<string, T>();
  return {
    get(name) {
      const value = values.get(name);
      if (value === undefined) return undefined;
      values.delete(name);
      values.set(name, value);
      return value;
    },
    set(name, value) {
      values.delete(name);
      values.set(name, value);
      const [oldest] = values.keys();
      if (values.size > capacity && oldest !== undefined) values.delete(oldest);
    },
    remove(name) {
      values.delete(name);
    },
  };
}
