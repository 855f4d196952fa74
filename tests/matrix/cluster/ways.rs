//! What stands between a client and its server: Services, namespaces, NetworkPolicies.

use super::row::{FAULT, ODD, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "NATS' Service leads to a port at which nobody listens",
        make: "k patch service nats --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/ports/0/targetPort\",\"value\":4223}]'
               k delete pod -l app=cordum-scheduler --wait=false",
        fails: &["service-links"],
        roots: &["service/nats connection-refused"],
        ..FAULT
    },
    Row {
        name: "Redis' Service selects what no pod has",
        make: "k patch service redis -p '{\"spec\":{\"selector\":{\"app\":\"redis-cluster\"}}}'",
        fails: &["redis-logs", "service-links"],
        roots: &["service/redis connection-refused"],
        ..FAULT
    },
    Row {
        name: "the gateway's Service has another port",
        make: "k patch service cordum-api-gateway --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/ports/1/port\",\"value\":8443}]'",
        fails: &["dashboard-gateway"],
        roots: &["service/cordum-api-gateway connection-refused"],
        ..FAULT
    },
    Row {
        name: "the safety kernel's Service leads to a port at which nobody listens",
        make: "k patch service cordum-safety-kernel --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/ports/0/targetPort\",\"value\":50052}]'",
        fails: &["safety-kernel-grpc", "service-links"],
        roots: &["service/cordum-safety-kernel connection-refused"],
        ..FAULT
    },
    Row {
        name: "the scheduler dials a NATS of another namespace",
        make: "env_of deployment/cordum-scheduler -c scheduler NATS_URL=tls://nats.messaging.svc.cluster.local:4222",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler dns"],
        fix: &["NATS_URL=tls://nats:4222"],
        ..FAULT
    },
    Row {
        name: "a NetworkPolicy lets all but the scheduler in to NATS",
        make: "apps=$(for one in nats cordum-api-gateway cordum-safety-kernel cordum-workflow-engine cordum-context-engine; do printf '{\"podSelector\":{\"matchLabels\":{\"app\":\"%s\"}}},' $one; done)
               echo '{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"nats\"},\"spec\":{\"podSelector\":{\"matchLabels\":{\"app\":\"nats\"}},\"policyTypes\":[\"Ingress\"],\"ingress\":[{\"from\":['\"${apps%,}\"']}]}}' | k create -f -
               policies nats 4222; k delete pod -l app=cordum-scheduler --wait=false",
        fails: &["service-links"],
        roots: &["networkpolicy/nats timeout"],
        ..FAULT
    },
    Row {
        name: "a NetworkPolicy lets nobody in to any pod",
        make: "echo '{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"default-deny\"},\"spec\":{\"podSelector\":{},\"policyTypes\":[\"Ingress\"],\"ingress\":[]}}' | k create -f -
               for app in nats cordum-api-gateway cordum-safety-kernel; do
                 echo '{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"'$app'\"},\"spec\":{\"podSelector\":{\"matchLabels\":{\"app\":\"'$app'\"}},\"policyTypes\":[\"Ingress\"],\"ingress\":[{}]}}' | k create -f -
               done
               policies redis 6379; k delete pod -l app=cordum-scheduler --wait=false",
        fails: &["redis-logs", "service-links"],
        roots: &["networkpolicy/default-deny timeout"],
        ..FAULT
    },
    Row {
        name: "a NetworkPolicy lets nobody but an Ingress in to the gateway",
        make: "echo '{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"gateway\"},\"spec\":{\"podSelector\":{\"matchLabels\":{\"app\":\"cordum-api-gateway\"}},\"policyTypes\":[\"Ingress\"],\"ingress\":[{\"from\":[{\"podSelector\":{\"matchLabels\":{\"app\":\"ingress-nginx\"}}}]}]}}' | k create -f -
               policies cordum-api-gateway 8081; k delete pod -l app=cordum-dashboard --wait=false",
        fails: &["dashboard-gateway"],
        roots: &["networkpolicy/gateway timeout"],
        ..FAULT
    },
    Row {
        name: "NetworkPolicies that let in whom each server needs",
        make: "echo '{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"default-deny\"},\"spec\":{\"podSelector\":{},\"policyTypes\":[\"Ingress\"],\"ingress\":[]}}' | k create -f -
               for app in nats redis cordum-api-gateway cordum-safety-kernel; do
                 echo '{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"'$app'\"},\"spec\":{\"podSelector\":{\"matchLabels\":{\"app\":\"'$app'\"}},\"policyTypes\":[\"Ingress\"],\"ingress\":[{\"from\":[{\"podSelector\":{}}]}]}}' | k create -f -
               done
               policies; again $services",
        ..ODD
    },
    Row {
        name: "a NetworkPolicy that nothing enforces",
        make: "echo '{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"NetworkPolicy\",\"metadata\":{\"name\":\"default-deny\"},\"spec\":{\"podSelector\":{},\"policyTypes\":[\"Ingress\",\"Egress\"]}}' | k create -f -; again deployment/cordum-scheduler",
        ..ODD
    },
];
