# The explorer's image. Built from the top of the repository:
#   docker build -f deploy/docker/explorer.Dockerfile -t tek/explorer .
FROM node:24-bookworm-slim AS build
RUN npm install --global pnpm@12.21.0
WORKDIR /src
# Fetched by lock file alone, so that a change of sources reuses this layer.
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml .npmrc ./
RUN pnpm fetch
COPY tsconfig.base.json ./
COPY scripts scripts
COPY packages/analytics-record packages/analytics-record
COPY packages/explorer packages/explorer
RUN pnpm install --frozen-lockfile --offline --filter tek --filter @tek/explorer... \
 && node scripts/jobs/build.ts analytics-record explorer \
 && pnpm --filter @tek/explorer deploy --legacy --prod --offline /out \
 && find /out \( -name '*.map' -o -name '*.d.ts' -o -name '*.tsbuildinfo' \) -type f -delete

FROM node:24-bookworm-slim
ENV NODE_ENV=production
# Others reach a container, so it does not start without credentials: TEK_EXPLORER_TOKEN, or TEK_EXPLORER_USERNAME and
# TEK_EXPLORER_PASSWORD.
ENV TEK_EXPLORER_LISTENADDRESS=0.0.0.0
COPY --from=build /out /opt/tek/explorer
COPY deploy/docker/healthcheck.mjs /opt/tek/healthcheck.mjs
USER 65532:65532
EXPOSE 8084
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --start-interval=1s \
  CMD ["node", "/opt/tek/healthcheck.mjs", "TEK_EXPLORER_LISTENPORT", "8084", "/health"]
ENTRYPOINT ["node", "/opt/tek/explorer/dist/main.js"]
