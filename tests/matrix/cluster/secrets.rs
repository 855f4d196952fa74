//! Secrets that are missing, incomplete, of another CA, out of date, or of other names.

use super::row::{Cure, FAULT, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "the gateway's server Secret is gone and its pods are made anew",
        make: "k delete secret cordum-server-tls; k delete pod -l app=cordum-api-gateway --wait=false",
        fails: &["gateway-https", "gateway-wss", "cli-with-cacert", "redis-logs", "gateway-grpc", "dashboard-gateway", "certificates", "service-links"],
        open: &["cli-without-cacert"],
        roots: &["secret/cordum-server-tls bad-key-file file-missing"],
        always: true,
        ..FAULT
    },
    Row {
        name: "NATS' server Secret is gone and its pods are made anew",
        make: "k delete secret cordum-nats-server-tls; k delete pod -l app=nats --wait=false",
        fails: &["worker-nats-tls", "dashboard-gateway", "certificates", "service-links", "cluster-links"],
        open: &["nats-mtls"],
        roots: &["secret/cordum-nats-server-tls bad-key-file file-missing"],
        ..FAULT
    },
    Row {
        name: "Redis' server Secret is gone and its pod is made anew",
        make: "k delete secret cordum-redis-server-tls; k delete pod -l app=redis --wait=false",
        fails: &["gateway-https", "gateway-wss", "cli-with-cacert", "redis-logs", "redis-tls", "dashboard-gateway", "certificates", "service-links"],
        roots: &["secret/cordum-redis-server-tls bad-key-file file-missing"],
        ..FAULT
    },
    Row {
        name: "the client Secret is gone while the scheduler rolls out",
        make: "k delete secret cordum-client-tls; again deployment/cordum-scheduler",
        fails: &["certificates", "service-links"],
        open: &["worker-nats-tls", "nats-mtls", "redis-tls"],
        roots: &["secret/cordum-client-tls bad-key-file file-missing"],
        ..FAULT
    },
    Row {
        name: "the server Secret has no key",
        make: "k create secret generic cordum-server-tls --from-file=tls.crt=\"$PKI/server/tls.crt\" --dry-run=client -o yaml >\"$PKI/s.yaml\"; k delete secret cordum-server-tls; k create -f \"$PKI/s.yaml\"; sleep 1.5; k delete pod -l app=cordum-api-gateway --wait=false",
        fails: &["gateway-https", "gateway-wss", "cli-with-cacert", "redis-logs", "gateway-grpc", "dashboard-gateway", "certificates", "service-links"],
        open: &["cli-without-cacert"],
        roots: &["secret/cordum-server-tls bad-key-file file-missing"],
        ..FAULT
    },
    Row {
        name: "the client Secret has no CA, which the dashboard mounts by name",
        make: "unset_key cordum-client-tls ca.crt; k delete pod -l app=cordum-dashboard --wait=false",
        fails: &["dashboard-gateway", "certificates"],
        roots: &["secret/cordum-client-tls bad-key-file file-missing"],
        ..FAULT
    },
    Row {
        name: "a variable asks for a key that its Secret lacks",
        make: "unset_key cordum-api-key API_KEY; k delete pod -l app=cordum-api-gateway --wait=false",
        fails: &["gateway-https", "gateway-wss", "cli-with-cacert", "redis-logs", "gateway-grpc", "dashboard-gateway", "service-links"],
        open: &["cli-without-cacert"],
        roots: &["secret/cordum-api-key"],
        cure: Cure::Told,
        ..FAULT
    },
    Row {
        name: "the client certificate is of another CA",
        make: "fill cordum-client-tls other-client tls.crt tls.key; again $services",
        fails: &["worker-nats-tls", "redis-logs", "redis-tls", "certificates", "service-links"],
        open: &["nats-mtls"],
        roots: &["secret/cordum-client-tls unknown-authority ca-regenerated"],
        always: true,
        ..FAULT
    },
    Row {
        name: "the clients' CA was made anew and nothing else",
        make: "fill cordum-client-tls other-client ca.crt; again $services",
        fails: &["gateway-https", "gateway-wss", "cli-with-cacert", "worker-nats-tls", "redis-logs", "redis-tls", "gateway-grpc", "safety-kernel-grpc", "context-engine-grpc", "certificates", "service-links"],
        open: &["cli-without-cacert", "nats-mtls"],
        roots: &["secret/cordum-client-tls unknown-authority ca-regenerated"],
        ..FAULT
    },
    Row {
        name: "the client certificate has expired",
        make: "fill cordum-client-tls expired-client tls.crt tls.key; again $services",
        fails: &["worker-nats-tls", "redis-logs", "redis-tls", "certificates", "service-links"],
        open: &["nats-mtls"],
        roots: &["secret/cordum-client-tls expired"],
        ..FAULT
    },
    Row {
        name: "the client certificate is for servers only",
        make: "fill cordum-client-tls server-usage-client tls.crt tls.key; again $services",
        fails: &["worker-nats-tls", "redis-logs", "redis-tls", "certificates", "service-links"],
        open: &["nats-mtls"],
        roots: &["secret/cordum-client-tls wrong-key-usage"],
        ..FAULT
    },
    Row {
        name: "the server certificate has expired",
        make: "fill cordum-server-tls expired-server tls.crt tls.key
               again deployment/cordum-api-gateway deployment/cordum-safety-kernel deployment/cordum-context-engine",
        fails: &["gateway-https", "gateway-wss", "cli-with-cacert", "gateway-grpc", "safety-kernel-grpc", "context-engine-grpc", "dashboard-gateway", "certificates"],
        open: &["cli-without-cacert"],
        roots: &["secret/cordum-server-tls expired"],
        ..FAULT
    },
    Row {
        name: "the server certificate has expired in a Secret that takes no change",
        make: "fill cordum-server-tls expired-server tls.crt tls.key; k patch secret cordum-server-tls -p '{\"immutable\":true}'
               again deployment/cordum-api-gateway deployment/cordum-safety-kernel deployment/cordum-context-engine",
        fails: &["gateway-https", "gateway-wss", "cli-with-cacert", "gateway-grpc", "safety-kernel-grpc", "context-engine-grpc", "dashboard-gateway", "certificates"],
        open: &["cli-without-cacert"],
        roots: &["secret/cordum-server-tls expired"],
        fix: &["secret/cordum-server-tls is immutable"],
        cure: Cure::Told,
        ..FAULT
    },
    Row {
        name: "the server certificate is as generated, without the safety kernel's Service",
        make: "fill cordum-server-tls generated-server tls.crt tls.key
               again deployment/cordum-api-gateway deployment/cordum-safety-kernel deployment/cordum-context-engine",
        fails: &["gateway-https", "gateway-wss", "cli-with-cacert", "gateway-grpc", "safety-kernel-grpc", "context-engine-grpc", "dashboard-gateway", "certificates"],
        open: &["cli-without-cacert"],
        roots: &["secret/cordum-server-tls hostname-mismatch"],
        ..FAULT
    },
    Row {
        name: "the server certificate is of another CA",
        make: "fill cordum-server-tls other-server tls.crt tls.key
               again deployment/cordum-api-gateway deployment/cordum-safety-kernel deployment/cordum-context-engine",
        fails: &["gateway-https", "gateway-wss", "cli-with-cacert", "gateway-grpc", "safety-kernel-grpc", "context-engine-grpc", "dashboard-gateway", "certificates"],
        open: &["cli-without-cacert"],
        roots: &["secret/cordum-server-tls unknown-authority ca-regenerated"],
        ..FAULT
    },
    Row {
        name: "the server certificate is for clients only",
        make: "fill cordum-server-tls client-usage-server tls.crt tls.key
               again deployment/cordum-api-gateway deployment/cordum-safety-kernel deployment/cordum-context-engine",
        fails: &["gateway-https", "gateway-wss", "cli-with-cacert", "gateway-grpc", "safety-kernel-grpc", "context-engine-grpc", "dashboard-gateway", "certificates"],
        open: &["cli-without-cacert"],
        roots: &["secret/cordum-server-tls wrong-key-usage"],
        ..FAULT
    },
    Row {
        name: "the server key is of another pair",
        make: "fill cordum-server-tls other-server tls.key; again deployment/cordum-api-gateway",
        fails: &["certificates", "service-links"],
        roots: &["secret/cordum-server-tls key-mismatch"],
        ..FAULT
    },
    Row {
        name: "NATS' certificate is of another CA",
        make: "fill cordum-nats-server-tls other-nats tls.crt tls.key; k delete pod -l app=nats --wait=false",
        fails: &["worker-nats-tls", "dashboard-gateway", "certificates", "service-links", "cluster-links"],
        open: &["nats-mtls"],
        roots: &["secret/cordum-nats-server-tls unknown-authority ca-regenerated"],
        ..FAULT
    },
    Row {
        name: "NATS' certificate has expired",
        make: "fill cordum-nats-server-tls expired-nats tls.crt tls.key; k delete pod -l app=nats --wait=false",
        // The gateway's pods run on and are not ready.
        fails: &["worker-nats-tls", "dashboard-gateway", "certificates", "service-links", "cluster-links"],
        open: &["nats-mtls"],
        roots: &["secret/cordum-nats-server-tls expired"],
        ..FAULT
    },
    Row {
        name: "NATS' certificate has expired, and its pods are made anew by hand alone",
        make: "k patch statefulset cordum-nats -p '{\"spec\":{\"updateStrategy\":{\"type\":\"OnDelete\",\"rollingUpdate\":null}}}'
               fill cordum-nats-server-tls expired-nats tls.crt tls.key; k delete pod -l app=nats --wait=false",
        fails: &["worker-nats-tls", "dashboard-gateway", "certificates", "service-links", "cluster-links"],
        open: &["nats-mtls"],
        roots: &["secret/cordum-nats-server-tls expired"],
        fix: &["updateStrategy OnDelete", "RollingUpdate"],
        ..FAULT
    },
    Row {
        name: "NATS' certificate is as generated, without the pods' names",
        make: "fill cordum-nats-server-tls generated-nats tls.crt tls.key; k delete pod -l app=nats --wait=false",
        fails: &["certificates", "cluster-links"],
        roots: &["secret/cordum-nats-server-tls hostname-mismatch"],
        ..FAULT
    },
    Row {
        name: "one of three NATS servers has read a certificate of another CA",
        make: "fill cordum-nats-server-tls other-nats tls.crt tls.key ca.crt; k delete pod cordum-nats-1
               for i in $(seq 60); do k get pod cordum-nats-1 -o jsonpath='{.status.containerStatuses[0].state.running.startedAt}' | grep -q T && break; sleep 0.5; done
               fill cordum-nats-server-tls nats tls.crt tls.key ca.crt",
        fails: &["worker-nats-tls", "cluster-links"],
        open: &["nats-mtls"],
        roots: &["secret/cordum-nats-server-tls unknown-authority ca-regenerated"],
        always: true,
        ..FAULT
    },
    Row {
        name: "Redis' certificate is of another CA",
        make: "fill cordum-redis-server-tls other-redis tls.crt tls.key; k delete pod -l app=redis --wait=false; again $services",
        fails: &["gateway-https", "gateway-wss", "cli-with-cacert", "redis-logs", "redis-tls", "gateway-grpc", "dashboard-gateway", "certificates", "service-links"],
        open: &["cli-without-cacert"],
        roots: &["secret/cordum-redis-server-tls unknown-authority ca-regenerated"],
        ..FAULT
    },
    Row {
        name: "Redis' certificate has expired",
        make: "fill cordum-redis-server-tls expired-redis tls.crt tls.key; k delete pod -l app=redis --wait=false; again $services",
        fails: &["gateway-https", "gateway-wss", "cli-with-cacert", "redis-logs", "redis-tls", "gateway-grpc", "dashboard-gateway", "certificates", "service-links"],
        open: &["cli-without-cacert"],
        roots: &["secret/cordum-redis-server-tls expired"],
        ..FAULT
    },
    Row {
        name: "Redis' certificate names another host",
        make: "fill cordum-redis-server-tls strange-redis tls.crt tls.key; k delete pod -l app=redis --wait=false; again $services",
        fails: &["gateway-https", "gateway-wss", "cli-with-cacert", "redis-logs", "redis-tls", "gateway-grpc", "dashboard-gateway", "certificates", "service-links"],
        open: &["cli-without-cacert"],
        roots: &["secret/cordum-redis-server-tls hostname-mismatch"],
        ..FAULT
    },
    Row {
        name: "the API key's Secret was changed and the gateway not restarted",
        make: "k patch secret cordum-api-key -p '{\"stringData\":{\"API_KEY\":\"another-key\"}}'",
        fails: &["gateway-https", "gateway-wss", "cli-with-cacert"],
        roots: &["secret/cordum-api-key auth-not-tls"],
        ..FAULT
    },
];
