import { expect, test } from "vitest";
import { assignRoles } from "../../../src/protocols/imap/folder-roles.ts";

const localized: Record<string, string[]> = {
  de: ["Gesendete Elemente", "Entwürfe", "Papierkorb", "Spamverdacht", "Archiv"],
  fr: ["Objets envoyés", "Brouillons", "Corbeille", "Courrier indésirable", "Archives"],
  es: ["Enviados", "Borradores", "Papelera", "Correo no deseado", "Archivo"],
  it: ["Posta inviata", "Bozze", "Cestino", "Posta indesiderata", "Archivio"],
  pt: ["Itens enviados", "Rascunhos", "Lixeira", "Lixo Eletrônico", "Arquivo"],
  nl: ["Verzonden items", "Concepten", "Prullenbak", "Ongewenste e-mail", "Archief"],
  pl: ["Wysłane", "Kopie robocze", "Kosz", "Niechciane", "Archiwum"],
  ru: ["Отправленные", "Черновики", "Корзина", "Спам", "Архив"],
  "zh-Hans": ["已发送", "草稿箱", "已删除", "垃圾邮件", "存档"],
  "zh-Hant": ["已傳送的郵件", "草稿匣", "刪除的郵件", "垃圾郵件", "封存"],
  ja: ["送信済みメール", "下書き", "ゴミ箱", "迷惑メール", "アーカイブ"],
  ko: ["보낸편지함", "임시보관함", "휴지통", "스팸메일함", "보관함"],
  sv: ["Skickade objekt", "Utkast", "Papperskorgen", "Skräppost", "Arkivet"],
  da: ["Sendt post", "Kladder", "Slettet post", "Uønsket post", "Arkiv"],
  no: ["Sendte elementer", "Utkast", "Slettede elementer", "Søppelpost", "Arkiv"],
  fi: ["Lähetetyt", "Luonnokset", "Roskakori", "Roskaposti", "Arkisto"],
  cs: ["Odeslané", "Koncepty", "Koš", "Nevyžádané", "Archivní"],
  tr: ["Gönderilmiş Öğeler", "Taslaklar", "Çöp kutusu", "Önemsiz E-posta", "Arşiv"],
  uk: ["Надіслані", "Чернетки", "Кошик", "Небажана пошта", "Архів"],
  hu: ["Elküldött elemek", "Piszkozatok", "Lomtár", "Levélszemét", "Archívum"],
};
for (const [language, names] of Object.entries(localized)) {
  test(`knows what folders are for by their names in ${language}`, () => {
    const expected = ["sent", "drafts", "trash", "junk", "archive"];
    expect(names.map((name) => [name, rolesOf([name])[name]])).toEqual(names.map((name, i) => [name, expected[i]]));
  });
}

test("a user's own folders have no role, and no role is given twice", () => {
  expect(rolesOf(["Projects/Archive", "Sent to clients", "Deleted invoices", "Outbox", "Исходящие", "垃圾箱"])).toEqual(
    {},
  );
  expect(rolesOf(["Work/Trash", "Trash", "Papierkorb", "INBOX/Sent", "Sent"])).toEqual({
    Trash: "trash",
    Sent: "sent",
  });
  expect(rolesOf(["INBOX/Archive", "Other"])).toEqual({ "INBOX/Archive": "archive" });
});

/** The roles by path that names alone give. */
function rolesOf(paths: string[]): Record<string, string> {
  const folders = paths.map((path) => ({
    path,
    name: path.slice(path.lastIndexOf("/") + 1),
    parentPath: path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : null,
    delimiter: "/",
    role: null,
    selectable: true,
    subscribed: true,
    mailboxId: null,
    status: null,
  }));
  const given = assignRoles(folders, () => new Set(), {});
  return Object.fromEntries(given.flatMap(({ path, role }) => (role === null ? [] : [[path, role]])));
}
