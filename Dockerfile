# The image of the edge agent and of the edge hub: one program, `agent` or `hub` as argument.
# Builds for amd64 and arm64: docker buildx build --platform linux/amd64,linux/arm64 -t iotedge-k8s:0.1.0 .

FROM --platform=$BUILDPLATFORM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
COPY tools/package-modules.ts tools/
RUN npm run build && rm dist/build.tsbuildinfo && npm prune --omit=dev

# The packages at run time are JavaScript only, so that one build serves every architecture.
FROM gcr.io/distroless/nodejs24-debian12:nonroot
# One heap of the C library for all threads: with one a thread each of them keeps what it once needed.
ENV NODE_ENV=production MALLOC_ARENA_MAX=1
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
# What the agent is installed with, which its commands compare a cluster to.
COPY deployments deployments
USER 1000:1000
ENTRYPOINT ["/nodejs/bin/node", "/app/dist/cli/main.js"]
CMD ["--help"]
