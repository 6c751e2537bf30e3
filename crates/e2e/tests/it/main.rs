//! End-to-end tests: a real server, a real agent, the public API only.
