//! States that look odd and are healthy: everything passes.

use super::row::{ODD, Row};

pub(super) const ROWS: &[Row] = &[
    Row { name: "as deployed", make: "true", always: true, ..ODD },
    Row { name: "every service restarted", make: "again $services", ..ODD },
    Row {
        name: "NATS restarted pod by pod under its clients",
        make: "for i in 0 1 2; do k delete pod cordum-nats-$i; k wait --for=condition=Ready pod/cordum-nats-$i --timeout=60s; done",
        ..ODD
    },
    Row {
        name: "services that crash-looped until Redis came",
        make: "k scale statefulset cordum-redis --replicas=0; k delete pod -l app=cordum-scheduler; sleep 15; k scale statefulset cordum-redis --replicas=1",
        always: true,
        ..ODD
    },
    Row {
        name: "a Job that has ended and one that has failed",
        make: "for code in 0 1; do k create job ended-$code --image=docker.io/library/redis:7 --dry-run=client -o json -- sh -c \"echo rediss://redis:6379 certificate has expired; exit $code\" | jq '.spec.backoffLimit = 0 | .spec.template.spec.containers[0].imagePullPolicy = \"Never\"' | k create -f -; done",
        ..ODD
    },
    Row {
        name: "another application's Redis in clear beside the stack",
        make: "k create deployment shop-cache --image=docker.io/library/redis:7 --dry-run=client -o json -- redis-server --port 6379 | jq '.spec.template.spec.containers[0].imagePullPolicy = \"Never\"' | k create -f -",
        ..ODD
    },
    Row {
        name: "another application that crash-loops beside the stack",
        make: "k create deployment shop --image=docker.io/library/redis:7 --dry-run=client -o json -- sh -c 'echo tls: failed to verify certificate: x509: certificate has expired; exit 1' | jq '.spec.template.spec.containers[0].imagePullPolicy = \"Never\"' | k create -f -",
        ..ODD
    },
    Row {
        name: "a paused rollout with a wrong setting that is not in effect",
        make: "k rollout pause deployment/cordum-scheduler; env_of deployment/cordum-scheduler -c scheduler LOG_LEVEL=debug",
        ..ODD
    },
    Row {
        name: "a rollout that was undone",
        make: "env_of deployment/cordum-scheduler -c scheduler NATS_URL=nats://nats:4222; sleep 8; k rollout undo deployment/cordum-scheduler",
        ..ODD
    },
    Row { name: "other numbers of replicas", make: "k scale deployment cordum-api-gateway --replicas=3; k scale deployment cordum-scheduler --replicas=1", ..ODD },
    Row {
        name: "renewed certificates, everybody restarted",
        make: "fill cordum-server-tls renewed-server tls.crt tls.key; fill cordum-client-tls renewed-client tls.crt tls.key
               fill cordum-nats-server-tls renewed-nats tls.crt tls.key; fill cordum-redis-server-tls renewed-redis tls.crt tls.key
               k delete pod --all --wait=false",
        ..ODD
    },
    Row {
        name: "two CAs in every bundle",
        make: "mkdir -p \"$PKI/two\"; cat \"$PKI/ca/ca.crt\" \"$PKI/other-server/ca.crt\" >\"$PKI/two/ca.crt\"
               for one in client nats-server redis-server; do fill cordum-$one-tls two ca.crt; done; k delete pod --all --wait=false",
        ..ODD
    },
    Row {
        name: "certificates from a projected volume",
        make: "k patch deployment cordum-scheduler --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/template/spec/volumes/0\",\"value\":{\"name\":\"client\",\"projected\":{\"sources\":[{\"secret\":{\"name\":\"cordum-client-tls\"}}]}}}]'",
        ..ODD
    },
    Row {
        name: "an optional Secret that does not exist",
        make: "k patch deployment cordum-scheduler -p '{\"spec\":{\"template\":{\"spec\":{\"volumes\":[{\"name\":\"extra\",\"secret\":{\"secretName\":\"no-such-secret\",\"optional\":true}}],\"containers\":[{\"name\":\"scheduler\",\"volumeMounts\":[{\"name\":\"extra\",\"mountPath\":\"/extra\"}]}]}}}}'",
        ..ODD
    },
    Row {
        name: "a bare pod of somebody who looks into things",
        make: "k run debug --image=docker.io/library/redis:7 --image-pull-policy=Never --restart=Never --command -- sh -c 'echo NATS TLS handshake error; sleep 1000'; k wait --for=condition=Ready pod/debug --timeout=60s",
        ..ODD
    },
    Row {
        name: "Redis asks its clients for no certificate, as the development stack has it",
        make: "config cordum-redis-config redis.conf 's/^tls-auth-clients yes/tls-auth-clients no/'; k delete pod -l app=redis --wait=false; again $services",
        ..ODD
    },
];
