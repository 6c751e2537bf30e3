//! The Fettle agent.
