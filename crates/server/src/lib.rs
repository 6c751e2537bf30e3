//! The Fettle server.
