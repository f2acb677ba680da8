# syntax=docker/dockerfile:1
# For all platforms at once: docker buildx build --platform linux/amd64,linux/arm64 --tag IMAGE --push .
# The bundle is one for all and made on the platform of the builder, so that nothing runs under emulation.
FROM --platform=$BUILDPLATFORM node:26-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# Optional packages too: the bundler comes as one of them for each platform.
RUN npm ci --no-audit --no-fund
COPY . .
RUN node tools/build.ts

# Node for the platform of the image. Only copied from: nothing is run in it.
FROM node:26-bookworm-slim AS runtime

# glibc and libstdc++, no shell and no package manager. Mounting needs no mount(8): it is a system call of the program.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=runtime /usr/local/bin/node /usr/local/bin/node
COPY --from=build /src/dist /certmount
COPY LICENSE /certmount/LICENSE
# The controller needs no root. The driver's DaemonSet says runAsUser: 0, because it mounts.
USER 65532:65532
ENV NODE_ENV=production
ENTRYPOINT ["node", "/certmount/certmount.mjs"]
