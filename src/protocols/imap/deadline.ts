/** Milliseconds that each step may take (DESIGN §8). */
export const deadlines = { connect: 10_000, greeting: 10_000, command: 30_000, search: 20_000, logout: 2_000 };
