//! The names that nats-server knows in its configuration; it does not start with another one.

use crate::manifest::nats_conf::{NatsBlock, NatsConf};
use crate::manifest::{FaultKind, ParseFault};

/// What nats-server 2.10 knows at the top, and in `tls`.
const TOP: &str = "listen client_advertise port server_name host net debug trace trace_verbose trace_headers logtime \
    logtime_utc mappings maps disable_sublist_cache no_sublist_cache accounts authorization http https http_port \
    monitor_port https_port http_base_path cluster gateway leaf leafnodes store_dir storedir jetstream logfile \
    log_file logfile_size_limit log_size_limit logfile_max_num log_max_num syslog remote_syslog pidfile pid_file \
    ports_file_dir prof_port prof_block_rate max_control_line max_payload max_pending max_connections max_conn \
    max_traced_msg_len max_subscriptions max_subs max_sub_tokens max_subscription_tokens ping_interval ping_max tls \
    ocsp allow_non_tls write_deadline lame_duck_duration lame_duck_grace_period operator operators roots root \
    root_operators root_operator resolver account_resolver accounts_resolver resolver_tls resolver_preload \
    resolver_pinned_accounts no_auth_user system_account system no_system_account no_system no_sys_acc \
    no_header_support trusted trusted_keys connect_error_reports reconnect_error_reports websocket ws mqtt \
    server_tags default_js_domain ocsp_cache no_fast_producer_stall max_closed_clients default_sentinel \
    write_timeout server_metadata proxies feature_flags ";

pub(super) const TLS: &str = "cert_file key_file ca_file insecure verify verify_and_map verify_cert_and_check_known_urls \
    cipher_suites curve_preferences timeout connection_rate_limit pinned_certs cert_store cert_match_by cert_match \
    ca_certs_match handshake_first first immediate cert_match_skip_invalid ocsp_peer certs certificates min_version ";

/// What it knows in the other blocks.
const BLOCKS: [(&[&str], &str); 6] = [
    (
        &["authorization"],
        "user username pass password token timeout users default_permission default_permissions permissions auth_callout \
         auth_hook",
    ),
    (
        &["cluster"],
        "name listen port host net authorization routes tls cluster_advertise advertise no_advertise connect_retries \
         connect_backoff permissions pool_size accounts compression ping_interval ping_max write_deadline write_timeout",
    ),
    (
        &["gateway"],
        "name listen port host net authorization tls advertise connect_retries connect_backoff gateways reject_unknown \
         reject_unknown_cluster write_deadline write_timeout",
    ),
    (
        &["leafnodes", "leaf"],
        "listen port host net authorization remotes reconnect reconnect_delay reconnect_interval tls leafnode_advertise \
         advertise no_advertise min_version minimum_version compression isolate_leafnode_interest isolate write_deadline \
         write_timeout",
    ),
    (
        &["websocket", "ws"],
        "listen port host net advertise no_tls tls same_origin allowed_origins allowed_origin allow_origins allow_origin \
         origins origin handshake_timeout compress compression authorization authentication jwt_cookie user_cookie \
         pass_cookie token_cookie no_auth_user headers ping_interval",
    ),
    (
        &["mqtt"],
        "listen port host net tls authorization authentication no_auth_user ack_wait ackwait max_ack_pending max_pending \
         max_inflight js_domain stream_replicas consumer_replicas consumer_memory_storage consumer_inactive_threshold \
         consumer_auto_cleanup reject_qos2_publish downgrade_qos2_subscribe js_api_timeout",
    ),
];

pub(super) fn unknown_names(conf: &NatsConf, faults: &mut Vec<ParseFault>) {
    crate::wiring::shapes::nats(&conf.block, faults);
    let mut look = |block: &NatsBlock, known: &str, used: bool| {
        for entry in &block.entries {
            let name = entry.name.to_ascii_lowercase();
            let is_known = known.split_whitespace().any(|one| one == name);
            if is_known || (used && conf.used.contains(&entry.name)) {
                continue;
            }
            let nearest = crate::wiring::cordum::nearest(&name, known.split_whitespace());
            faults.push(ParseFault {
                kind: FaultKind::UnknownName { name: entry.name.clone(), nearest },
                message: format!("nats-server does not know `{}` and does not start", entry.name),
                mark: entry.mark.clone(),
            });
        }
    };
    look(&conf.block, TOP, true);
    for (names, known) in BLOCKS {
        if let Some((_, block)) = conf.block.block(names) {
            look(block, known, true);
        }
    }
    let blocks = [None, Some("cluster"), Some("gateway"), Some("leafnodes"), Some("websocket"), Some("mqtt")];
    for name in blocks {
        let outer = match name {
            None => Some(&conf.block),
            Some(name) => conf.block.block(&[name]).map(|(_, block)| block),
        };
        if let Some((_, tls)) = outer.and_then(|outer| outer.block(&["tls"])) {
            look(tls, TLS, true);
        }
    }
}
