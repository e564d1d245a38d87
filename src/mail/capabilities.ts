/** What an account's incoming side can do; the honest difference between protocols and servers (DESIGN §5). */
export type Capabilities = {
  folders: boolean;
  move: boolean;
  keywords: boolean;
  append: boolean;
  search: "server" | "headers" | "none";
  push: "idle" | "poll";
  flagStorage: "server" | "gateway";
};

/** Decided on the first message seen, stored on the account, never changed by itself (DESIGN §4). */
export type IdStability = "permanent" | "tracked" | "uidl" | "fingerprint";
