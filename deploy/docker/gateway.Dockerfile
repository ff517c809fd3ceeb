# The gateway's image. Built from the top of the repository:
#   docker build -f deploy/docker/gateway.Dockerfile -t tek/gateway .
FROM node:24-bookworm-slim AS build
RUN npm install --global pnpm@12.21.0
WORKDIR /src
# Fetched by lock file alone, so that a change of sources reuses this layer.
COPY package.json pnpm-lock.yaml pnpm-workspace.yaml .npmrc ./
RUN pnpm fetch
COPY tsconfig.base.json ./
COPY scripts scripts
COPY packages/analytics-record packages/analytics-record
COPY packages/gateway packages/gateway
# The built gateway has its libraries in itself, all but bcrypt; they stay beside it for their licences.
RUN pnpm install --frozen-lockfile --offline --filter tek --filter @tek/gateway... \
 && node scripts/jobs/build.ts analytics-record gateway \
 && pnpm --filter @tek/gateway deploy --legacy --prod --offline /out \
 && find /out \( -name '*.map' -o -name '*.d.ts' -o -name '*.tsbuildinfo' \) -type f -delete

FROM node:24-bookworm-slim
ENV NODE_ENV=production
COPY --from=build /out /opt/tek/gateway
COPY deploy/docker/healthcheck.mjs /opt/tek/healthcheck.mjs
# The control API writes API definitions and policies, so these folders belong to the user of the process.
COPY --chown=65532:65532 deploy/docker/gateway /opt/tyk-gateway
RUN mkdir -p /opt/tyk-gateway/apps /opt/tyk-gateway/middleware /opt/tyk-gateway/policies /opt/tyk-gateway/certs \
 && chown -R 65532:65532 /opt/tyk-gateway && chmod 755 /opt/tyk-gateway/tyk && ln -s /opt/tyk-gateway /opt/tyk
WORKDIR /opt/tyk-gateway
USER 65532:65532
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --start-interval=1s \
  CMD ["node", "/opt/tek/healthcheck.mjs", "TYK_GW_LISTENPORT", "8080", "/hello"]
ENTRYPOINT ["/opt/tyk-gateway/tyk"]
CMD ["--conf=/opt/tyk-gateway/tyk.conf"]
