//! What is said of single lines: labelled ones of the wild and of the stack, and records composed of
//! messages, fields and what other people wrote in them.

mod agreement;
mod attacks;
mod emitters;
mod full;
mod labelled;
mod records;
mod services;
