//! End-to-end tests: nothing but tests lives here.
