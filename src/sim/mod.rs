//! The embedded cloud: a world in virtual time behind the controller's ports.
