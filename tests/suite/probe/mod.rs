//! `probe` on a running stack: every scheme, right and wrong; lists of targets; peers that are odd.

mod clocks;
mod full;
pub(crate) mod lab;
mod late;
mod lists;
mod peers;
mod reports;
mod schemes;
mod strangers;
mod way;
