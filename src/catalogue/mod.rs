//! One entry a cause: what it means, how we know, what to run.
