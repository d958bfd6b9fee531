//! The command line.

pub mod decide;
