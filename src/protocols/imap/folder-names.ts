import type { FolderRole } from "../../mail/folder.ts";

/**
 * Names that mail programs and providers give folders, besides those that imapflow knows. Only names that mean one thing:
 * an outbox is no folder for what was sent, and 垃圾箱 is the trash here and junk there.
 */
const names: Partial<Record<FolderRole, readonly string[]>> = {
  sent: [
    "correo enviado",
    "gönderilenler",
    "gönderilmiş postalar",
    "išsiųsta",
    "objets envoyés",
    "skickade",
    "skickade objekt",
    "已傳送的郵件",
    "已傳送郵件",
    "보낸메일함",
    "보낸편지함",
  ],
  drafts: ["brouillon", "bản nháp", "entwurf", "kladde", "임시보관함"],
  trash: [
    "poistetut kohteet",
    "silinen",
    "slettede",
    "刪除的郵件",
    "已刪除的郵件",
    "已删除",
    "已删除消息",
    "지운편지함",
  ],
  junk: ["nevyžádané", "ongewenste reclame", "spamverdacht", "unerwünscht", "спам поща", "スパム", "스팸메일함"],
  archive: ["archivní", "arkivet", "보관"],
};

const roles = new Map(
  Object.entries(names).flatMap(([role, list]) => list.map((name) => [folded(name), role as FolderRole] as const)),
);

function folded(name: string): string {
  return name.trim().toLowerCase().normalize("NFKC");
}

/** The role that a folder's decoded name alone says, or undefined. */
export function roleOfName(name: string): FolderRole | undefined {
  return roles.get(folded(name));
}
