# syntax=docker/dockerfile:1
FROM node:26-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json ./
# Optional packages too: the bundler comes as one of them for each platform.
RUN npm ci --no-audit --no-fund
COPY . .
RUN node tools/build.ts

# glibc and libstdc++, no shell and no package manager. Mounting needs no mount(8): it is a system call of the program.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /src/dist /certmount
COPY LICENSE /certmount/LICENSE
# The controller needs no root. The driver's DaemonSet says runAsUser: 0, because it mounts.
USER 65532:65532
ENV NODE_ENV=production
ENTRYPOINT ["node", "/certmount/certmount.mjs"]
