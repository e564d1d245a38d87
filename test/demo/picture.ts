import { crc32, deflateSync } from "node:zlib";

const side = 200;

/** A PNG that nobody has seen before: a sunset with grain, about 50 kB. */
export function makePicture(): Buffer {
  const rows = Array.from({ length: side }, (_, y) => {
    const pixels = Array.from({ length: side }, (_, x) => pixel(x / side, y / side));
    return Buffer.from([0, ...pixels.flat()]); // 0: the row is not filtered
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 2], 8); // 8 bits for each of red, green and blue
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  const image = deflateSync(Buffer.concat(rows));
  return Buffer.concat([signature, chunk("IHDR", header), chunk("IDAT", image), chunk("IEND", Buffer.alloc(0))]);
}

function pixel(x: number, y: number): [red: number, green: number, blue: number] {
  const isSun = Math.hypot(x - 0.5, y - 0.6) < 0.2;
  const grain = Math.floor(Math.random() * 10);
  const [red, green, blue] = isSun ? [250, 220, 120] : [90 + 150 * y, 60 + 60 * y, 140 - 60 * y];
  return [Math.round(red) + grain, Math.round(green) + grain, Math.round(blue) + grain];
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const whole = Buffer.alloc(body.length + 8);
  whole.writeUInt32BE(data.length, 0);
  whole.set(body, 4);
  whole.writeUInt32BE(crc32(body), body.length + 4);
  return whole;
}
