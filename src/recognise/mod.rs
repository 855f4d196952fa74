//! A line of text: which cause, which emitter, which side. Pure, streaming, one pass over all patterns.
