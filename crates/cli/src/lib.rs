//! Operator commands and the typed client.
