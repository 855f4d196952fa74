//! The gateway as the origin: its certificate, its process, its answers.

use crate::row::{ROW, Row};

pub const ROWS: &[Row] = &[
    Row {
        name: "the gateway serves plain HTTP, the dashboard dials https",
        make: |project| {
            project.changed(&[("GATEWAY_HTTP_TLS_CERT", ""), ("GATEWAY_HTTP_TLS_KEY", "")]);
        },
        says: &[
            ("gateway-https", "fail wrong-scheme-tls-to-plain http-plaintext/server"),
            ("gateway-wss", "fail wrong-scheme-tls-to-plain http-plaintext/server"),
            ("cli-with-cacert", "fail wrong-scheme-tls-to-plain http-plaintext/server"),
            ("cli-without-cacert", "unknown wrong-scheme-tls-to-plain http-plaintext/server"),
            ("dashboard-gateway", "fail wrong-scheme-tls-to-plain/server"),
        ],
        roots: &["api-gateway wrong-scheme-tls-to-plain http-plaintext"],
        words: &["dashboard: CORDUM_API_UPSTREAM_SCHEME=https", "GATEWAY_HTTP_TLS_KEY"],
        ..ROW
    },
    Row {
        name: "the key of another certificate in the gateway",
        make: |project| project.changed(&[("GATEWAY_HTTP_TLS_KEY", "/etc/cordum/tls/client/tls.key")]),
        says: &[
            ("gateway-https", "fail key-mismatch/server"),
            ("gateway-wss", "fail key-mismatch/server"),
            ("cli-with-cacert", "fail key-mismatch/server"),
            ("cli-without-cacert", "unknown key-mismatch/server"),
            ("dashboard-gateway", "fail key-mismatch/server"),
            ("gateway-grpc", "fail key-mismatch/server"),
            ("service-links", "fail key-mismatch/server"),
            ("redis-logs", "good"),
        ],
        roots: &["api-gateway key-mismatch"],
        words: &["GATEWAY_HTTP_TLS_KEY", "/client/tls.key"],
        ..ROW
    },
    Row {
        name: "a gateway with a certificate and no key",
        make: |project| project.changed(&[("GATEWAY_HTTP_TLS_KEY", "")]),
        says: &[
            ("gateway-https", "fail bad-key-file half-pair/server"),
            ("gateway-wss", "fail bad-key-file half-pair/server"),
            ("cli-with-cacert", "fail bad-key-file half-pair/server"),
            ("cli-without-cacert", "unknown bad-key-file half-pair/server"),
            ("dashboard-gateway", "fail bad-key-file half-pair/server"),
            ("gateway-grpc", "fail bad-key-file half-pair/server"),
            ("service-links", "fail bad-key-file half-pair/server"),
            ("redis-logs", "good"),
        ],
        roots: &["api-gateway bad-key-file half-pair"],
        words: &["GATEWAY_HTTP_TLS_CERT"],
        ..ROW
    },
    Row {
        name: "a gateway whose certificate has expired",
        make: |project| {
            project.changed(&[
                ("GATEWAY_HTTP_TLS_CERT", "/etc/cordum/tls/other/expired.crt"),
                ("GATEWAY_HTTP_TLS_KEY", "/etc/cordum/tls/other/expired.key"),
            ]);
        },
        says: &[
            ("gateway-https", "fail expired/server"),
            ("gateway-wss", "fail expired/server"),
            ("cli-with-cacert", "fail expired/server"),
            ("cli-without-cacert", "unknown expired/server"),
            ("dashboard-gateway", "fail expired/server"),
        ],
        roots: &["api-gateway expired"],
        words: &["2021-01-01"],
        ..ROW
    },
    Row {
        name: "the gateway stopped",
        make: |project| project.stop(&["api-gateway"]),
        says: &[
            ("gateway-https", "fail connection-refused container-stopped/server"),
            ("gateway-wss", "fail connection-refused container-stopped/server"),
            ("cli-with-cacert", "fail connection-refused container-stopped/server"),
            ("cli-without-cacert", "unknown connection-refused container-stopped/server"),
            ("redis-logs", "fail connection-refused container-stopped/server"),
            ("dashboard-gateway", "fail connection-refused container-stopped/server"),
            ("gateway-grpc", "fail connection-refused container-stopped/server"),
            ("service-links", "fail connection-refused container-stopped/server"),
        ],
        roots: &["api-gateway connection-refused container-stopped"],
        words: &["exited"],
        ..ROW
    },
    Row {
        name: "a gateway in which nothing listens",
        make: |project| project.changed(&[("GATEWAY_HTTP_ADDR", ":9999")]),
        says: &[
            ("gateway-https", "fail connection-refused nothing-listens/server"),
            ("gateway-wss", "fail connection-refused nothing-listens/server"),
            ("cli-with-cacert", "fail connection-refused nothing-listens/server"),
            ("cli-without-cacert", "unknown connection-refused nothing-listens/server"),
            ("dashboard-gateway", "fail connection-refused nothing-listens/server"),
        ],
        roots: &["api-gateway connection-refused nothing-listens"],
        words: &["nothing listens on its port 8081"],
        ..ROW
    },
    Row {
        name: "a gateway that starts slowly",
        make: |project| project.changed(&[("GATEWAY_DELAY", "40")]),
        says: &[
            ("gateway-https", "fail connection-refused nothing-listens/server"),
            ("gateway-wss", "fail connection-refused nothing-listens/server"),
            ("cli-with-cacert", "fail connection-refused nothing-listens/server"),
            ("cli-without-cacert", "unknown connection-refused nothing-listens/server"),
            ("dashboard-gateway", "fail connection-refused nothing-listens/server"),
            ("gateway-grpc", "fail connection-refused nothing-listens/server"),
            ("service-links", "fail connection-refused nothing-listens/server"),
            ("redis-logs", "good"),
        ],
        roots: &["api-gateway connection-refused nothing-listens"],
        words: &["nothing listens on its port 8081"],
        ..ROW
    },
    Row {
        name: "a WebSocket endpoint that answers 400",
        make: |project| project.changed(&[("STANDIN_STREAM", "400")]),
        says: &[("gateway-wss", "fail")],
        roots: &["api-gateway"],
        elsewhere: Some(&[]),
        ..ROW
    },
    Row {
        name: "a WebSocket endpoint that answers 403",
        make: |project| project.changed(&[("STANDIN_STREAM", "403")]),
        says: &[("gateway-wss", "unknown auth-not-tls/client")],
        code: 3,
        ..ROW
    },
    Row {
        name: "a WebSocket endpoint that answers 404",
        make: |project| project.changed(&[("STANDIN_STREAM", "404")]),
        says: &[("gateway-wss", "fail")],
        roots: &["api-gateway"],
        elsewhere: Some(&[]),
        ..ROW
    },
    Row {
        name: "a WebSocket endpoint with a wrong accept",
        make: |project| project.changed(&[("STANDIN_STREAM", "bad-accept")]),
        says: &[("gateway-wss", "fail")],
        roots: &["api-gateway"],
        elsewhere: Some(&[]),
        ..ROW
    },
    Row {
        name: "the wrong API key",
        make: |project| {
            project.environment.insert("CORDUM_API_KEY".to_owned(), "another".to_owned());
        },
        says: &[
            ("gateway-https", "fail auth-not-tls/client"),
            ("gateway-wss", "fail auth-not-tls/client"),
            ("cli-with-cacert", "fail auth-not-tls/client"),
        ],
        roots: &["api-gateway auth-not-tls"],
        elsewhere: Some(&[]),
        ..ROW
    },
];
