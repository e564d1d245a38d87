# Postern in a container: docs/deploy.md. It listens on 3025 and keeps its data in /data, which wants a volume.
FROM node:24-bookworm-slim AS packages
WORKDIR /postern
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:24-bookworm-slim
WORKDIR /postern
ENV NODE_ENV=production POSTERN_HOST=0.0.0.0 POSTERN_DATA=/data
COPY --from=packages /postern/node_modules ./node_modules
COPY package.json LICENSE README.md CHANGELOG.md ./
COPY migrations ./migrations
COPY src ./src
RUN mkdir /data && chown node:node /data && chmod 700 /data
USER node
VOLUME /data
EXPOSE 3025
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:3025/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--max-semi-space-size=16", "--import", "./src/quick-load.js", "src/node.ts"]
