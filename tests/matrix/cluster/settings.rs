//! Settings of the services: schemes, names, paths, switches, in manifests, ConfigMaps and Secrets.

use super::row::{Cure, FAULT, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "the scheduler dials NATS in clear, in an ordinary rollout",
        make: "env_of deployment/cordum-scheduler -c scheduler NATS_URL=nats://nats:4222",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler wrong-scheme-plain-to-tls"],
        always: true,
        ..FAULT
    },
    Row {
        name: "NATS_URL in clear from a ConfigMap",
        make: "k create configmap links --from-literal=NATS_URL=nats://nats:4222
               k patch deployment cordum-scheduler -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"scheduler\",\"env\":[{\"name\":\"NATS_URL\",\"value\":null,\"valueFrom\":{\"configMapKeyRef\":{\"name\":\"links\",\"key\":\"NATS_URL\"}}}]}]}}}}'",
        fails: &["service-links"],
        roots: &["configmap/links wrong-scheme-plain-to-tls"],
        ..FAULT
    },
    Row {
        name: "the scheduler asks a ConfigMap for a key that it lacks",
        make: "k create configmap links --from-literal=LOG_LEVEL=info
               k patch deployment cordum-scheduler -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"scheduler\",\"env\":[{\"name\":\"NATS_URL\",\"value\":null,\"valueFrom\":{\"configMapKeyRef\":{\"name\":\"links\",\"key\":\"NATS_URL\"}}}]}]}}}}'",
        fails: &["service-links"],
        roots: &["configmap/links"],
        ..FAULT
    },
    Row {
        name: "the scheduler's metrics are probed over TLS",
        make: "k patch deployment cordum-scheduler --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/template/spec/containers/1/readinessProbe\",\"value\":{\"httpGet\":{\"path\":\"/health\",\"port\":9090,\"scheme\":\"HTTPS\"},\"periodSeconds\":1}}]'",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler wrong-scheme-tls-to-plain http-plaintext"],
        ..FAULT
    },
    Row {
        name: "NATS in clear in a rollout that was paused half way",
        make: "env_of deployment/cordum-scheduler -c scheduler NATS_URL=nats://nats:4222; sleep 4; k rollout pause deployment/cordum-scheduler",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler wrong-scheme-plain-to-tls"],
        fix: &["rollout resume deployment/cordum-scheduler"],
        ..FAULT
    },
    Row {
        name: "REDIS_URL in clear from a Secret",
        make: "k create secret generic links --from-literal=REDIS_URL=redis://:lab-redis-0123456789@redis:6379
               k patch deployment cordum-scheduler -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"scheduler\",\"env\":[{\"name\":\"REDIS_URL\",\"value\":null,\"valueFrom\":{\"secretKeyRef\":{\"name\":\"links\",\"key\":\"REDIS_URL\"}}}]}]}}}}'",
        fails: &["redis-logs", "service-links"],
        roots: &["secret/links wrong-scheme-plain-to-tls"],
        ..FAULT
    },
    Row {
        name: "the workflow engine dials Redis in clear",
        make: "env_of deployment/cordum-workflow-engine -c workflow-engine 'REDIS_URL=redis://:$(REDIS_PASSWORD)@redis:6379'",
        fails: &["redis-logs", "service-links"],
        roots: &["deployment/cordum-workflow-engine wrong-scheme-plain-to-tls"],
        cure: Cure::Changes,
        ..FAULT
    },
    Row {
        name: "the scheduler has no CA for the safety kernel",
        make: "env_of deployment/cordum-scheduler -c scheduler SAFETY_KERNEL_TLS_CA-",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler wrong-scheme-plain-to-tls"],
        ..FAULT
    },
    Row {
        name: "the gateway has no CA for the safety kernel",
        make: "env_of deployment/cordum-api-gateway -c gateway SAFETY_KERNEL_TLS_CA-",
        fails: &["service-links"],
        roots: &["deployment/cordum-api-gateway wrong-scheme-plain-to-tls"],
        ..FAULT
    },
    Row {
        name: "the dashboard speaks HTTP to the gateway",
        make: "env_of deployment/cordum-dashboard CORDUM_API_UPSTREAM_SCHEME=http",
        fails: &["dashboard-gateway"],
        roots: &["deployment/cordum-dashboard wrong-scheme-plain-to-tls"],
        cure: Cure::Changes,
        ..FAULT
    },
    Row {
        name: "the dashboard dials the gateway by its short name",
        make: "env_of deployment/cordum-dashboard CORDUM_API_UPSTREAM_HOST=cordum-api-gateway",
        fails: &["dashboard-gateway"],
        roots: &["deployment/cordum-dashboard dns"],
        ..FAULT
    },
    Row {
        name: "the gateway serves HTTP and its probes ask for HTTPS",
        make: "env_of deployment/cordum-api-gateway -c gateway GATEWAY_HTTP_TLS_CERT- GATEWAY_HTTP_TLS_KEY-",
        fails: &["service-links"],
        roots: &["deployment/cordum-api-gateway wrong-scheme-tls-to-plain http-plaintext"],
        ..FAULT
    },
    Row {
        name: "the gateway serves TLS and its probes ask for HTTP",
        make: "k patch deployment cordum-api-gateway -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"gateway\",\"readinessProbe\":{\"httpGet\":{\"scheme\":\"HTTP\"}}}]}}}}'",
        fails: &["service-links"],
        roots: &["deployment/cordum-api-gateway wrong-scheme-plain-to-tls"],
        cure: Cure::Changes,
        always: true,
        ..FAULT
    },
    Row {
        name: "the gateway serves gRPC in clear",
        make: "env_of deployment/cordum-api-gateway -c gateway GRPC_TLS_CERT- GRPC_TLS_KEY-",
        fails: &["service-links"],
        roots: &["deployment/cordum-api-gateway wrong-scheme-tls-to-plain http2-plaintext"],
        ..FAULT
    },
    Row {
        name: "the safety kernel serves in clear",
        make: "env_of deployment/cordum-safety-kernel -c safety SAFETY_KERNEL_TLS_CERT- SAFETY_KERNEL_TLS_KEY-",
        fails: &["service-links"],
        roots: &["deployment/cordum-safety-kernel wrong-scheme-tls-to-plain http2-plaintext"],
        ..FAULT
    },
    Row {
        name: "the context engine serves in clear",
        make: "env_of deployment/cordum-context-engine -c context-engine CONTEXT_ENGINE_TLS_CERT- CONTEXT_ENGINE_TLS_KEY-",
        fails: &["context-engine-grpc"],
        roots: &["deployment/cordum-context-engine wrong-scheme-tls-to-plain http2-plaintext"],
        ..FAULT
    },
    Row {
        name: "the scheduler dials a NATS that no Service is called",
        make: "env_of deployment/cordum-scheduler -c scheduler NATS_URL=tls://queue:4222",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler dns"],
        ..FAULT
    },
    Row {
        name: "the scheduler dials a port that Redis' Service has not",
        make: "env_of deployment/cordum-scheduler -c scheduler 'REDIS_URL=rediss://:$(REDIS_PASSWORD)@redis:6380'",
        fails: &["redis-logs", "service-links"],
        roots: &["deployment/cordum-scheduler connection-refused"],
        ..FAULT
    },
    Row {
        name: "the scheduler verifies no certificate of NATS",
        make: "env_of deployment/cordum-scheduler -c scheduler NATS_TLS_INSECURE=true CORDUM_ENV-",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler verification-not-enforced"],
        cure: Cure::Changes,
        ..FAULT
    },
    Row {
        name: "the workflow engine verifies no certificate of Redis",
        make: "env_of deployment/cordum-workflow-engine -c workflow-engine REDIS_TLS_INSECURE=true CORDUM_ENV-",
        fails: &["redis-logs"],
        roots: &["deployment/cordum-workflow-engine verification-not-enforced"],
        ..FAULT
    },
    Row {
        name: "the scheduler expects another name in NATS' certificate",
        make: "env_of deployment/cordum-scheduler -c scheduler NATS_TLS_SERVER_NAME=queue.internal",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler hostname-mismatch"],
        ..FAULT
    },
    Row {
        name: "the scheduler reads a CA that nothing mounts",
        make: "env_of deployment/cordum-scheduler -c scheduler NATS_TLS_CA=/etc/cordum/tls/ca/ca.crt",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler bad-key-file file-missing"],
        ..FAULT
    },
    Row {
        name: "the scheduler has a certificate for Redis and no key",
        make: "env_of deployment/cordum-scheduler -c scheduler REDIS_TLS_KEY-",
        fails: &["redis-logs", "service-links"],
        roots: &["deployment/cordum-scheduler bad-key-file half-pair"],
        ..FAULT
    },
    Row {
        name: "REDIS_URL stands before the password that it refers to",
        make: "k get deployment cordum-scheduler -o json | jq '(.spec.template.spec.containers[] | select(.name == \"scheduler\").env) |= ([.[] | select(.name != \"REDIS_PASSWORD\")] + [.[] | select(.name == \"REDIS_PASSWORD\")])' | k replace -f -",
        fails: &["redis-logs", "service-links"],
        roots: &["deployment/cordum-scheduler auth-not-tls"],
        ..FAULT
    },
    Row {
        name: "the scheduler may not bind its metrics in production",
        make: "env_of deployment/cordum-scheduler -c scheduler SCHEDULER_METRICS_PUBLIC-",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler"],
        ..FAULT
    },
    Row {
        name: "the scheduler has no NATS_URL in production",
        make: "env_of deployment/cordum-scheduler -c scheduler NATS_URL-",
        roots: &["deployment/cordum-scheduler"],
        fails: &["service-links"],
        fix: &["NATS_URL=tls://nats:4222"],
        ..FAULT
    },
];
