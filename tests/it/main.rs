//! trimtab as its users meet it: its adapters, its function and its command line against a local AWS API server over
//! HTTP. `tests/setup` installs the server. One binary, so that the AWS SDK is linked once and one server serves all;
//! each test keeps to clusters, queues and tables of its own.

#![cfg(test)]

mod aws;
mod cli;
mod end_to_end;
#[path = "../../benches/fake_aws/mod.rs"]
mod fake_aws;
#[path = "../support/mod.rs"]
mod support;
mod world;
