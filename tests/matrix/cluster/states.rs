//! What Kubernetes itself keeps from running: replicas, images, nodes, quotas, commands.

use super::row::{Cure, FAULT, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "NATS is scaled to nothing",
        make: "k scale statefulset cordum-nats --replicas=0",
        fails: &["worker-nats-tls", "dashboard-gateway", "service-links", "cluster-links"],
        open: &["nats-mtls"],
        roots: &["statefulset/cordum-nats connection-refused container-stopped"],
        always: true,
        ..FAULT
    },
    Row {
        name: "Redis is scaled to nothing",
        make: "k scale statefulset cordum-redis --replicas=0",
        fails: &[
            "gateway-https",
            "gateway-wss",
            "cli-with-cacert",
            "redis-logs",
            "redis-tls",
            "dashboard-gateway",
            "service-links",
        ],
        roots: &["statefulset/cordum-redis connection-refused container-stopped"],
        ..FAULT
    },
    Row {
        name: "the gateway is scaled to nothing",
        make: "k scale deployment cordum-api-gateway --replicas=0",
        fails: &[
            "gateway-https",
            "gateway-wss",
            "cli-with-cacert",
            "redis-logs",
            "gateway-grpc",
            "dashboard-gateway",
            "service-links",
        ],
        open: &["cli-without-cacert"],
        roots: &["deployment/cordum-api-gateway connection-refused container-stopped"],
        ..FAULT
    },
    Row {
        name: "the scheduler is scaled to nothing",
        make: "k scale deployment cordum-scheduler --replicas=0",
        fails: &["redis-logs", "service-links"],
        roots: &["deployment/cordum-scheduler connection-refused container-stopped"],
        ..FAULT
    },
    Row {
        name: "the safety kernel is scaled to nothing",
        make: "k scale deployment cordum-safety-kernel --replicas=0",
        fails: &["redis-logs", "safety-kernel-grpc", "service-links"],
        roots: &["deployment/cordum-safety-kernel connection-refused container-stopped"],
        ..FAULT
    },
    Row {
        name: "the context engine is scaled to nothing",
        make: "k scale deployment cordum-context-engine --replicas=0",
        fails: &["redis-logs", "context-engine-grpc"],
        roots: &["deployment/cordum-context-engine connection-refused container-stopped"],
        ..FAULT
    },
    Row {
        name: "the dashboard is scaled to nothing",
        make: "k scale deployment cordum-dashboard --replicas=0",
        fails: &["dashboard-gateway"],
        roots: &["deployment/cordum-dashboard connection-refused container-stopped"],
        ..FAULT
    },
    Row {
        name: "the scheduler's new image cannot be pulled",
        make: "k patch deployment cordum-scheduler -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"scheduler\",\"image\":\"registry.invalid/cordum/scheduler:2\",\"imagePullPolicy\":\"Always\"}]}}}}'",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler"],
        fix: &["patch deployment/cordum-scheduler", "docker.io/lab/standin:1 (imagePullPolicy Never)"],
        ..FAULT
    },
    Row {
        name: "the workflow engine fits no node",
        make: "k patch deployment cordum-workflow-engine -p '{\"spec\":{\"strategy\":{\"type\":\"Recreate\",\"rollingUpdate\":null},\"template\":{\"spec\":{\"containers\":[{\"name\":\"workflow-engine\",\"resources\":{\"requests\":{\"cpu\":\"1000\"}}}]}}}}'",
        fails: &["redis-logs", "service-links"],
        roots: &["deployment/cordum-workflow-engine"],
        cure: Cure::Told,
        ..FAULT
    },
    Row {
        name: "the scheduler's command is not in its image",
        make: "k patch deployment cordum-scheduler -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"scheduler\",\"command\":[\"/no/such/program\"]}]}}}}'",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler"],
        cure: Cure::Told,
        ..FAULT
    },
    Row {
        name: "a quota forbids the gateway's pods",
        make: "k create quota tight --hard=pods=1; k delete pod -l app=cordum-api-gateway --wait=false",
        fails: &[
            "gateway-https",
            "gateway-wss",
            "cli-with-cacert",
            "redis-logs",
            "gateway-grpc",
            "dashboard-gateway",
            "service-links",
        ],
        open: &["cli-without-cacert"],
        roots: &["deployment/cordum-api-gateway"],
        fix: &["resourcequota/tight has no room", "raise pods from 1 to "],
        ..FAULT
    },
    Row {
        name: "the scheduler's new pods are to have an account that is not there",
        make: "k patch deployment cordum-scheduler -p '{\"spec\":{\"template\":{\"spec\":{\"serviceAccountName\":\"dispatcher\"}}}}'",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler"],
        fix: &["create serviceaccount dispatcher"],
        ..FAULT
    },
    Row {
        name: "the scheduler's new pods want a volume that nobody has claimed",
        make: "k patch deployment cordum-scheduler -p '{\"spec\":{\"template\":{\"spec\":{\"volumes\":[{\"name\":\"data\",\"persistentVolumeClaim\":{\"claimName\":\"data\"}}]}}}}'",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler"],
        fix: &["persistentvolumeclaim"],
        cure: Cure::Told,
        ..FAULT
    },
    Row {
        name: "the scheduler's init container refuses",
        make: "k patch deployment cordum-scheduler -p '{\"spec\":{\"template\":{\"spec\":{\"initContainers\":[{\"name\":\"validate-secrets\",\"image\":\"docker.io/library/redis:7\",\"imagePullPolicy\":\"Never\",\"command\":[\"sh\",\"-c\",\"echo FATAL: REDIS_PASSWORD secret is empty; exit 1\"]}]}}}}'",
        fails: &["service-links"],
        roots: &["deployment/cordum-scheduler"],
        fix: &["FATAL: REDIS_PASSWORD secret is empty"],
        cure: Cure::Told,
        ..FAULT
    },
    Row {
        name: "Redis is not deployed",
        make: "k delete statefulset cordum-redis; k delete service redis",
        fails: &[
            "gateway-https",
            "gateway-wss",
            "cli-with-cacert",
            "redis-logs",
            "redis-tls",
            "dashboard-gateway",
            "service-links",
        ],
        roots: &["redis connection-refused container-absent"],
        cure: Cure::Told,
        ..FAULT
    },
];
