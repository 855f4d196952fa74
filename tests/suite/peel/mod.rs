//! Peeling, a test for each library's wrapping, from the errors that the libraries really return against
//! peers that really misbehave, in TLS 1.2 and 1.3.

mod lab;
mod with_async_nats;
mod with_redis;
mod with_reqwest;
mod with_rustls;
mod with_tonic;
mod with_tungstenite;
