/** What a row is, whoever works on it: a table's columns but those of its claim (`columns.*.ts`). */
export function withoutClaim<T extends Record<"owner" | "epoch" | "leaseUntil" | "deaths", unknown>>(columns: T) {
  const { owner: _owner, epoch: _epoch, leaseUntil: _lease, deaths: _deaths, ...own } = columns;
  return own;
}
