# The operator's image: one static binary, the public certificate authorities, no shell, no root.
#
#   docker build --tag ghcr.io/itoc360/itoc360-operator:dev .

FROM golang:1.26 AS build
WORKDIR /src

# The modules are a layer of their own, which changes to the code leave as it is.
COPY go.mod go.sum ./
RUN go mod download

COPY . .
ARG TARGETOS TARGETARCH
# The version comes from git. In a worktree or a source archive, .git is no folder and the binary bears no version.
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -buildvcs="$([ -d .git ] && echo true || echo false)" -ldflags="-s -w" -o /itoc360-operator .

FROM scratch
LABEL org.opencontainers.image.title="itoc360-operator" \
      org.opencontainers.image.description="Turns Sentry webhooks into Kubernetes Incidents" \
      org.opencontainers.image.source="https://github.com/itoc360/itoc360-operator" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /itoc360-operator /itoc360-operator
USER 65532:65532
# The intake, the metrics, the probes.
EXPOSE 9292 8080 8081
ENTRYPOINT ["/itoc360-operator"]
