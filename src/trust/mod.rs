//! Chain, anchors, name, purpose and time: the verdict of Go, and where OpenSSL and webpki differ. Pure.
