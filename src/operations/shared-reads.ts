/**
 * Many who are woken at once ask for the same: reads of one name that are asked for in the same moment are one. Who asks
 * after it has begun gets a new one, so nobody is told less than there was when he asked.
 */
export function createSharedReads<T>(): (name: string, read: () => Promise<T>) => Promise<T> {
  const gathering = new Map<string, Promise<T>>();
  return (name, read) => {
    const standing = gathering.get(name);
    if (standing !== undefined) return standing;
    const shared = new Promise<void>((resolve) => setTimeout(resolve, 0)).then(() => {
      gathering.delete(name);
      return read();
    });
    gathering.set(name, shared);
    return shared;
  };
}
