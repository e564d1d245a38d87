/** Values by name, as many as there is room for: the one that was used least recently makes room. */
export type Recent<T> = {
  get(name: string): T | undefined;
  set(name: string, value: T): void;
  remove(name: string): void;
};

export function createRecent<T>(capacity: number): Recent<T> {
  const values = new Map<string, T>();
  /** The one that was used last has its place already. */
  let newest: string | null = null;
  return {
    get(name) {
      const value = values.get(name);
      if (value === undefined || name === newest) return value;
      values.delete(name);
      values.set(name, value);
      newest = name;
      return value;
    },
    set(name, value) {
      values.delete(name);
      values.set(name, value);
      newest = name;
      if (values.size <= capacity) return;
      const [oldest] = values.keys();
      if (oldest !== undefined) values.delete(oldest);
    },
    remove(name) {
      values.delete(name);
    },
  };
}
