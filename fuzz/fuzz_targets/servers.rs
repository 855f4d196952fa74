//! Any text as the configuration of nats-server, redis-server and nginx, and as an env file.
#![no_main]

use tls_verify_core::manifest::{Include, Source, env_file, interpolate, nats_conf, nginx, redis_conf};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let source = Source::file("file", &text);
    let lookup = |name: &str| (name.len() % 2 == 0).then(|| "value".to_owned());
    let variable = |name: &str| match name.len() % 3 {
        0 => nats_conf::Lookup::Known("1MB".to_owned()),
        1 => nats_conf::Lookup::Unknown,
        _ => nats_conf::Lookup::Unset,
    };
    // A file that includes itself is the worst one.
    let again = |_: &str, from: &Source| Include::Text(from.clone());
    let conf = nats_conf::read(&source, &nats_conf::World { variable: &variable, include: &again });
    assert!(conf.faults.iter().all(|fault| fault.mark.line > 0));
    let mut conf = redis_conf::RedisConf::default();
    redis_conf::file(&source, &|_, from| Include::Text(from.clone()), &mut conf);
    let _ = nginx::read(&source, &|_| Some(vec![source.clone()]));
    let _ = nginx::substituted(&text, &lookup);
    let _ = env_file::read(&source, &lookup);
    let _ = interpolate::fill(&text, &lookup);
});
